"""`python -m deploy.local.platform`: the real profile for a person at a terminal, until Ctrl-C.

Kafka, PostgreSQL and Redis are those given; of those not given, own ones are started in the data folder. Everything is
kept there, and the next start on the same folder goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import httpx
from rich.console import Console

from deploy.access import LOGINS
from deploy.local.control import follow, forget
from deploy.local.kafka import Kafka
from deploy.local.packages import Unavailable
from deploy.local.platform import ISSUER_NAME, Platform
from deploy.local.postgres import Postgres
from deploy.local.process import HOST, Server
from deploy.local.programs import ProgramFailed
from deploy.local.redis import Redis
from deploy.local.topics import NotEmpty
from deploy.starting import TRY_AS, CannotStart, announced, only_one
from deploy.topology import SERVICES
from suizhuan.ports.log import LogUnavailable

FIRST_PORT = min(service.port for service in SERVICES)
LOOK_AGAIN_S = 0.5


def main(argv: list[str] | None = None) -> int:
    """Errors are one clear message and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.platform", description=__doc__)
    parser.add_argument("--kafka", help="host:port,… of a Kafka of the platform's own")
    parser.add_argument("--postgres", help="postgresql:// URL of one who may create databases")
    parser.add_argument("--redis", help="redis:// URL")
    parser.add_argument("--data", type=Path, default=Path("data/local"))
    parser.add_argument("--profile", default="demonstration")
    parser.add_argument(
        "--port", type=int, default=FIRST_PORT, help="of the gateway; services and issuer take the next ones"
    )
    given = parser.parse_args(argv)
    try:
        with ExitStack() as stops:
            stops.enter_context(only_one(given.data.resolve()))
            return asyncio.run(_serve(given, *_servers(given, stops)))
    except (CannotStart, NotEmpty, ProgramFailed, Unavailable, LogUnavailable) as reason:
        return _failed(str(reason))
    except (OSError, asyncpg.PostgresError) as reason:
        return _failed(f"{type(reason).__name__}: {reason}")
    except KeyboardInterrupt:
        return 130


def _failed(reason: str) -> int:
    Console(stderr=True, soft_wrap=True).print(reason, style="red", highlight=False, markup=False)
    return 1


def _servers(given: argparse.Namespace, stops: ExitStack) -> tuple[dict[str, str], dict[str, str], list[Server]]:
    """The address of each server: as given, else of one started here; the passwords of the logins at that Kafka; and
    those that were started.

    Errors: Unavailable."""
    folder = given.data.resolve() / "servers"
    own: list[Server] = []
    passwords: dict[str, str] = {}
    if not given.kafka:
        kafka = Kafka(folder / Kafka.name, logins=LOGINS)
        own.append(kafka)
        passwords = kafka.passwords
    if not given.postgres:
        own.append(Postgres(folder / Postgres.name, durable=True))
    if not given.redis:
        own.append(Redis(folder / Redis.name))
    for server in own:
        stops.callback(server.stop)
    if own:
        names = ", ".join(server.name for server in own)
        print(f"starting {names} in {folder} / 正在启动", flush=True)
        with ThreadPoolExecutor(len(own)) as pool:
            list(pool.map(lambda server: server.start(), own))
    found = {server.name: server.url for server in own}
    return {"kafka": given.kafka, "postgres": given.postgres, "redis": given.redis} | found, passwords, own


async def _serve(
    given: argparse.Namespace, servers: dict[str, str], passwords: dict[str, str], own: list[Server]
) -> int:
    """Until SIGINT or SIGTERM, or until a program has ended by itself: then 1."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ports = {service.name: given.port + service.port - FIRST_PORT for service in SERVICES}
    ports[ISSUER_NAME] = max(ports.values()) + 1
    _check_free(ports)
    began = time.monotonic()
    platform = Platform(
        given.data,
        kafka=servers["kafka"],
        postgres=servers["postgres"],
        redis=servers["redis"],
        passwords=passwords,
        profile=given.profile,
        keep=True,
        ports=ports,
    )
    forget(platform.folder)
    starting = asyncio.create_task(platform.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
        stopping.cancel()
        return 130
    starting.result()
    programs = platform.programs
    try:
        mib = sum(platform.memory().values()) / 2**20
        pids = ", ".join(f"{name} {program.pid}" for name, program in programs.items())
        with announced(
            platform.folder,
            base=platform.base,
            issuer=platform.issuer,
            token=await _token(platform),
            first=[f"就绪 / ready · {time.monotonic() - began:.1f} s · {mib:.0f} MiB"],
            more=[f"日志 logs        {platform.folder}/*.log", f"进程 processes   {pids}"],
            tour=f"make tour DATA={platform.folder}",
        ):
            while not stopping.done() and not any(program.crashed is not None for program in programs.values()):
                await follow(platform, own)
                await asyncio.wait({stopping}, timeout=LOOK_AGAIN_S)
            Console().print("正在停止 / stopping …")
    finally:
        await platform.stop()
    return 0


def _check_free(ports: dict[str, int]) -> None:
    """Errors: CannotStart."""
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except (OSError, OverflowError) as error:
                raise CannotStart(
                    f"端口 {port}（{name}）不可用：{error}。请用 --port 另选。\n"
                    f"Port {port} ({name}) cannot be used: {error}. Choose others by --port."
                ) from None


async def _token(platform: Platform) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{platform.issuer}/token", data={"subject": TRY_AS})
    return str(answer.raise_for_status().json()["access_token"])
