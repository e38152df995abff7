"""The sample subscribers, run as a hub's engineers would: nothing missing over a break, on the embedded profile."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.story import Client

from .conftest import ROOT, Embedded, client

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMMANDS = {"python": [sys.executable, "subscriber.py"], "javascript": ["node", "subscriber.mjs"]}


class Subscriber:
    """One of the examples, in a folder of its own."""

    def __init__(self, language: str, folder: Path, platform: Embedded) -> None:
        program, file = COMMANDS[language]
        self.command = [program, str(ROOT / "examples" / file), platform.base, f"{platform.issuer}/token"]
        self.command += ["hub-smart-city", "demo-hub-secret", "complaints.case.*"]
        self.folder = folder
        self.events: list[dict[str, object]] = []
        self._more = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self.command, cwd=self.folder, stdout=asyncio.subprocess.PIPE, limit=2**24
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.events.append(json.loads(line))
            self._more.set()

    async def kill(self) -> None:
        assert self._process is not None
        assert self._reading is not None
        self._process.kill()
        await self._process.wait()
        await self._reading

    async def hears(self, case: str) -> None:
        """Waits for the report of that case."""
        await self._until(lambda: bool(reports(self.events, case)))

    async def snapshot(self) -> None:
        await self._until(lambda: any("truncated" in event for event in self.events))

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not true():
                self._more.clear()
                await self._more.wait()


def reports(events: list[dict[str, object]], case: str) -> list[dict[str, object]]:
    """Those that say that the case was reported."""
    return [e for e in events if e.get("type") == "complaints.case.reported.v1" and _case(e) == case]


def _case(event: dict[str, object]) -> object:
    data = event["data"]
    assert isinstance(data, dict)
    return data["case"]


async def report(gateway: Client) -> str:
    resident = await gateway.sign_in("resident-nanguan-01")
    body = {"category": "01-02", "area": "321302002907001", "channel": "wechat", "description": "楼下垃圾"}
    return str((await resident.post("/complaints/cases", body))["id"])


@pytest.mark.parametrize("language", COMMANDS)
async def test_a_sample_subscriber_misses_nothing_over_a_break(
    language: str, embedded_platform: Embedded, tmp_path: Path
) -> None:
    if shutil.which(COMMANDS[language][0]) is None:
        pytest.skip("needs Node.js / 需要 Node.js")
    subscriber = Subscriber(language, tmp_path, embedded_platform)
    async with client(embedded_platform) as gateway:
        await subscriber.start()
        await subscriber.snapshot()
        first = await report(gateway)
        await subscriber.hears(first)
        await subscriber.kill()
        while_away = await report(gateway)
        await subscriber.start()
        await subscriber.hears(while_away)
        await subscriber.kill()
    assert len(reports(subscriber.events, while_away)) == 1


@pytest.mark.parametrize("language", COMMANDS)
async def test_a_sample_ends_only_when_what_it_asked_for_is_wrong(language: str, tmp_path: Path) -> None:
    """A gateway that is restarted, or has no room for the moment, is asked again."""
    if shutil.which(COMMANDS[language][0]) is None:
        pytest.skip("needs Node.js / 需要 Node.js")
    answers, asked = [503, 429, 502, 403], []

    async def token(_: Request) -> Response:
        return JSONResponse({"access_token": "t"})

    async def events(request: Request) -> Response:
        asked.append(request.headers["authorization"])
        return PlainTextResponse("not_covered", answers[len(asked) - 1])

    app = Starlette(routes=[Route("/token", token, methods=["POST"]), Route("/events", events)])
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        base = "http://{}:{}".format(*listening.getsockname())
        program, file = COMMANDS[language]
        process = await asyncio.create_subprocess_exec(
            program,
            str(ROOT / "examples" / file),
            base,
            f"{base}/token",
            "hub",
            "secret",
            cwd=tmp_path,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            _, said = await process.communicate()
        server.should_exit = True
        await serving
    assert len(asked) == len(answers)
    assert process.returncode == 1
    assert "not_covered" in said.decode().splitlines()[-1]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_a_sample_is_as_short_as_the_documents_say(command: list[str]) -> None:
    lines = (ROOT / "examples" / command[1]).read_text().splitlines()
    assert len(lines) <= 40
    assert all(len(line) <= 120 for line in lines)
