"""A platform for the end-to-end tests: the embedded profile, and the real one, each started as its users start it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.story import Client

ROOT = Path(__file__).parents[2]
START_S = 60.0


class Embedded:
    """`python -m deploy.embedded` as a process of its own, on a port and a folder of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Ready when it returns. Errors: AssertionError with what it printed."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.embedded", "--port", "0", "--data", str(self.data), cwd=ROOT,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        assert self.process.stdout is not None
        printed = b""
        async with asyncio.timeout(START_S):
            while b"endpoints.json" not in printed:
                line = await self.process.stdout.readline()
                assert line, printed.decode()
                printed += line
        found = json.loads((self.data / "endpoints.json").read_text(encoding="utf-8"))
        self.base, self.issuer = str(found["gateway"]), str(found["issuer"])

    async def stop(self, how: int = signal.SIGINT) -> int:
        """Its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        await asyncio.wait_for(self.process.communicate(), 30)
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def embedded(data: Path) -> AsyncIterator[Embedded]:
    made = Embedded(data)
    await made.start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.returncode is None:
            await made.stop(signal.SIGTERM)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def embedded_platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Embedded]:
    """The embedded profile, shared by a module."""
    async with embedded(tmp_path_factory.mktemp("embedded")) as made:
        yield made


def client(platform: Embedded) -> Client:
    """A client of the platform's gateway."""
    return Client(platform.base, platform.issuer)
