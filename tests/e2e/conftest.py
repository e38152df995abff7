"""A platform for the end-to-end tests: the embedded profile, and the real one, each started as its users start it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.process import free_ports, wait_until
from deploy.local.programs import Program
from deploy.starting import FILE
from deploy.story import Client

ROOT = Path(__file__).parents[2]
START_S = 60.0


class Embedded:
    """`python -m deploy.embedded` as a process of its own, on a port and a folder of its own."""

    def __init__(self, data: Path, settings: Mapping[str, str] | None = None) -> None:
        (port,) = free_ports(1)
        self.data = data
        self.base = f"http://127.0.0.1:{port}"
        self.issuer = f"{self.base}/demo-issuer"
        command = [sys.executable, "-m", "deploy.embedded", "--port", str(port), "--data", str(data)]
        self.program = Program(
            "embedded", command, data / "printed.log", settings or {}, ready=f"{self.base}/health/ready"
        )

    async def start(self) -> None:
        """All of it is ready when it returns. Errors: ProgramFailed, TimeoutError."""
        self.program.start()
        await self.program.wait_ready(START_S)
        endpoints, program = self.data / FILE, self.program
        await asyncio.to_thread(wait_until, endpoints.exists, timeout=START_S, alive=lambda: program.running)


@asynccontextmanager
async def embedded(data: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Embedded]:
    """Runs as long as the block lasts, with these variables for all of it."""
    made = Embedded(data, settings)
    await made.start()
    try:
        yield made
    finally:
        if made.program.running:
            await made.program.terminate()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedded_platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Embedded]:
    """The embedded profile, shared by a module."""
    async with embedded(tmp_path_factory.mktemp("embedded")) as made:
        yield made


def client(platform: Embedded) -> Client:
    """A client of the platform's gateway."""
    return Client(platform.base, platform.issuer)
