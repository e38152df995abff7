"""A durable command over HTTP (token, power, state, outbox, commit), against a bare route that inserts the two rows."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]

from bench import bare
from bench.measure import Ratio, turns
from bench.pgbench import transactions
from bench.stage import Servers, asynchronous, complaints
from services.complaints.tests.conftest import COMMUNITY
from suizhuan.testing_world import ISSUER

COMMANDS, ROUNDS = 3000, 5


async def measure(servers: Servers) -> list[Ratio]:
    """Commands a second, from 16 callers that keep their connections."""
    url = await servers.database()
    with tempfile.TemporaryDirectory(prefix="suizhuan-bench-") as name:
        folder = Path(name)
        async with complaints(url, folder) as (world, jwks):
            await world.report()
            token = world.token(COMMUNITY)
        cases = await _cases(url)
        env = {
            **os.environ,
            "SUIZHUAN_DATABASE_URL": asynchronous(url),
            "SUIZHUAN_DATA_DIR": name,
            "SUIZHUAN_LOG_URL": f"kafka://{servers.kafka.removeprefix('kafka://')}",
            "SUIZHUAN_ISSUERS": json.dumps([{"issuer": ISSUER, "jwks_file": str(jwks)}]),
            "BENCH_DATABASE": url,
        }
        async with AsyncExitStack() as stack:
            ours = await stack.enter_async_context(_process("SUIZHUAN_PORT", env, "-m", "complaints", "api"))
            peer = await stack.enter_async_context(_process("BENCH_PORT", env, "-m", "bench.bare"))

            async def side(port: int, number: int) -> float:
                mine = cases[number * COMMANDS : (number + 1) * COMMANDS]
                return await _load(port, token, [f"/cases/{case}/start" for case in mine])

            sides = {
                "ours": lambda number: side(ours, number),
                "bare": lambda number: side(peer, number),
                "pgbench": lambda _number: transactions(url),
            }
            found = await turns("command", "commands/s", sides, rounds=ROUNDS)
            beside = {"pgbench with the bare route's statements": found["pgbench"]}
            return [
                Ratio("command_vs_bare", "commands/s", found["ours"], found["bare"], reach=0.8, shown=beside),
            ]


async def _cases(url: str) -> list[str]:
    """Cases that wait for their holder to begin: the one that was reported, over and over."""
    conn = await asyncpg.connect(url)
    await conn.execute(bare.TABLES)
    query = (
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'complaint_case' AND column_name <> 'id'"
    )
    rest = ", ".join(f'"{row[0]}"' for row in await conn.fetch(query))
    await conn.execute(
        f"INSERT INTO complaint_case (id, {rest}) SELECT gen_random_uuid()::text, {rest}"
        f" FROM complaint_case, generate_series(1, {COMMANDS * (ROUNDS + 1)})"
    )
    await conn.execute("VACUUM ANALYZE")
    found = [row[0] for row in await conn.fetch("SELECT id FROM complaint_case ORDER BY id")]
    await conn.close()
    return found


@asynccontextmanager
async def _process(variable: str, env: dict[str, str], *arguments: str) -> AsyncIterator[int]:
    """A server process; its port, once it answers there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env={**env, variable: str(port)}, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(120):  # on a busy machine it takes that long to import
            while not await _answers(port):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _load(port: int, token: str, paths: list[str]) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        str(port),
        token,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate("\n".join(paths).encode())
    told = json.loads(out)
    if told["good"] != len(paths):
        raise SystemExit(f"only {told['good']} of {len(paths)} commands were carried out")
    print(f"    p50 {told['p50_ms']:.1f} ms, p99 {told['p99_ms']:.1f} ms", flush=True)
    return float(told["rate"])
