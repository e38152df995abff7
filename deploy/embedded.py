"""The embedded profile: every service in one process, a SQLite file each, one embedded log, one port.

`python -m deploy.embedded --port 8080 --data data` is what `make run` calls. The services are wired by the same
`build` as anywhere else; only log, database and the way to each other are closer.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import hashlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import uvloop
from rich.console import Console
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from deploy.demo_issuer import ISSUER, create_issuer_app, jwks_file
from deploy.people import clients, people
from deploy.starting import TRY_AS, CannotStart, announced, only_one
from deploy.topology import BY_NAME, DEPARTMENTS, GATEWAY, TOPIC_NAMES
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.edge import KEEP_ALIVE_S
from suizhuan.garbage import settle_garbage
from suizhuan.kernel.clock import SystemClock
from suizhuan.logs import configure_logs
from suizhuan.profile import load_profile
from suizhuan.seed import load_seed
from suizhuan.service import Service
from suizhuan.settings import IssuerSettings, ServiceSettings, load_settings

SEED = Path(__file__).parent / "seed" / "xiangli.seed.yaml"
ISSUER_PATH = "/demo-issuer"


class Platform:
    """All services of one data folder in this process."""

    def __init__(self, data: Path, port: int, *, host: str = "127.0.0.1") -> None:
        self.data = data
        self.base = f"http://{host}:{port}"
        self.clock = SystemClock()
        self.log = EmbeddedLog(data / "log.db", clock=self.clock)
        self.jwks = jwks_file(data / "demo-issuer")  # so that the process need not ask itself for keys
        seed = load_seed(SEED, load_profile(self._settings("mandates").profile))
        self.seed = seed
        self.issuer = create_issuer_app(
            data / "demo-issuer",
            people=people(seed),
            clients=clients(),
            base_url=f"{self.base}{ISSUER_PATH}",
            clock=self.clock,
        )
        self.departments: dict[str, Service] = {name: self._built(name) for name in DEPARTMENTS}
        upstreams = {name: httpx.ASGITransport(app=_Api(service)) for name, service in self.departments.items()}
        self.gateway = self._built(GATEWAY, upstreams=upstreams)
        self.app = Starlette(routes=[Mount(ISSUER_PATH, app=self.issuer)])
        self.app.router.default = _Api(self.gateway)  # also addresses that no pattern takes, such as with a line break

    @property
    def services(self) -> list[Service]:
        return [*self.departments.values(), self.gateway]

    def _built(self, name: str, **more: Any) -> Service:
        made: Service = import_module(f"{name}.app").build(
            self._settings(name), broker=self.log, clock=self.clock, **more
        )
        return made

    def _settings(self, name: str) -> ServiceSettings:
        return load_settings(
            ServiceSettings,
            name,
            data_dir=self.data,
            log_format="text",
            root_path="" if name == GATEWAY else f"/{name}",
            topics=TOPIC_NAMES,
            issuers=(IssuerSettings(issuer=ISSUER, jwks_file=self.jwks),),
            trust_demo_issuer=True,
        )

    async def start(self) -> bool:
        """Migrate, found on the first start, and set everybody to work. Returns whether this was the first start."""
        changed = [service for service in self.services if await service.migrate()]
        await self.log.ensure_topics([t for s in self.services for t in s.parts.registry.topics.values()])
        first = await self._found(anew=bool(changed))
        for service in self.services:
            await service.start()
        return first

    async def _found(self, *, anew: bool) -> bool:
        """Enter what is not there yet, unless it was all entered from these documents, into these databases."""
        documents, kept = _documents(), self.data / "founded"
        if not anew and _text(kept) == documents:
            return False
        first = False
        for name, department in self.departments.items():
            if BY_NAME[name].is_founded:
                first |= await import_module(f"{name}.bootstrap").bootstrap(department, self.seed)
        kept.write_text(documents, encoding="utf-8")
        return first

    async def load(self) -> None:
        """Make every API that nobody has asked for yet; between two of them others are served."""
        for service in self.services:
            _ = service.app
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Stop and close everything, the log last."""
        for service in reversed(self.services):
            await service.stop()
        for service in reversed(self.services):
            await service.close()
        await self.log.close()

    @property
    def why_stopped(self) -> str | None:
        """Why a service cannot go on, if one cannot."""
        return next((f"{s.parts.name}: {s.why_stopped}" for s in self.services if s.why_stopped), None)

    async def ready(self) -> str | None:
        """None when every service can do its work, else what is missing."""
        for service in self.services:
            if (reason := await service.ready()) is not None:
                return f"{service.parts.name}: {reason}"
        return None


def _documents() -> str:
    """Of all that a district is founded with: another one when a word of it has changed."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SEED.parent.glob("*.yaml")))).hexdigest()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


class _Api:
    """The API of a service, which is made at the first request. `root_path` tells who asks under which prefix it is."""

    def __init__(self, service: Service) -> None:
        self.service, self.root_path = service, service.parts.settings.root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.service.app(scope, receive, send)


def listen(host: str, port: int) -> socket.socket:
    """The listening socket. Errors: CannotStart when the port is taken or not ours to take."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(512)
    except (OSError, OverflowError) as error:
        sock.close()
        why = getattr(error, "strerror", None) or "0-65535"
        raise CannotStart(
            f"端口 {port} 不可用（{why}）。请用 PORT= 另选端口。\n"
            f"Port {port} cannot be used ({why}). Choose another by PORT=."
        ) from None
    return sock


async def token_to_try(platform: Platform) -> str:
    """A token of a worker of 南关社区."""
    transport = httpx.ASGITransport(app=platform.issuer)
    async with httpx.AsyncClient(transport=transport, base_url=platform.base) as client:
        answer = await client.post("/token", data={"subject": TRY_AS})
    return str(answer.raise_for_status().json()["access_token"])


async def serve(data: Path, host: str, sock: socket.socket) -> None:
    """Run until SIGINT or SIGTERM."""
    began = time.monotonic()
    platform = Platform(data, sock.getsockname()[1], host=host)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    first = await platform.start()
    server = _Server(
        uvicorn.Config(
            platform.app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=3,
            timeout_keep_alive=KEEP_ALIVE_S,
            server_header=False,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    stopping = asyncio.create_task(stop.wait())
    replaced = [asyncio.create_task(service.stopped.wait()) for service in platform.services]
    try:
        while (reason := await platform.ready()) is not None and not stop.is_set():
            if platform.why_stopped is not None:
                raise CannotStart(platform.why_stopped)
            if time.monotonic() - began > 60:
                raise CannotStart(f"未能就绪 / not ready: {reason}")
            await asyncio.wait({stopping}, timeout=0.05)
        words = (
            "首次启动，已载入项里街道 / first start, 项里街道 (Xiangli) loaded" if first else "接着上次继续 / going on"
        )
        with announced(
            data,
            base=platform.base,
            issuer=f"{platform.base}{ISSUER_PATH}",
            token=await token_to_try(platform),
            first=[f"{words} · {time.monotonic() - began:.1f} s"],
            tour="make tour",
        ):
            await platform.load()
            settle_garbage()
            await asyncio.wait({stopping, serving, *replaced}, return_when=asyncio.FIRST_COMPLETED)
        if (why := platform.why_stopped) is not None:
            raise CannotStart(why)
        Console().print("正在停止 / stopping …")
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        for waiting in (stopping, *replaced):
            waiting.cancel()
        await platform.stop()


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: this program decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def main(argv: list[str] | None = None) -> int:
    """Errors are one clear message and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--data", type=Path, default=Path("data"))
    arguments = parser.parse_args(argv)
    gc.disable()  # until ready: all that a start makes stays, and looking through it again is a fifth of the start
    configure_logs(load_settings(ServiceSettings, "embedded", log_format="text"))
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # what it has to say of itself stands in the panel
    try:
        with (
            only_one(arguments.data.resolve()),
            listen(arguments.host, arguments.port) as sock,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(serve(arguments.data.resolve(), arguments.host, sock))
    except CannotStart as reason:
        Console(stderr=True).print(f"[red]{reason}[/red]", highlight=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
