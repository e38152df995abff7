"""What a command, an event and a whole complaint cost on databases that have stored much, against little."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import command
from bench.event_path import EventPath, event_path
from bench.fill import fill_complaints, fill_gateway, spread
from bench.measure import Ratio, turns
from bench.stage import Servers, asynchronous, complaints
from services.complaints.tests.conftest import COMMUNITY, STREET_ORG
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.db.database import Database
from suizhuan.ports.log import TopicSpec
from suizhuan.testing_world import ISSUER

MUCH, MIDDLE, LITTLE = 1_000_000, 100_000, 10_000  # stored cases, ten events each
ROUNDS = 5
COMMANDS, EVENTS, LIVES = 1500, 10_000, 300


@dataclass(slots=True)
class Place:
    """The API of a complaints service on a database that has stored `cases`; the people who use it."""

    cases: int
    url: str
    port: int
    tokens: dict[str, str]
    waiting: list[str]  # cases to be begun

    async def command(self, number: int) -> float:
        """Milliseconds a command."""
        mine = self.waiting[number * COMMANDS : (number + 1) * COMMANDS]
        rate = await command._load(self.port, self.tokens["worker"], [f"/cases/{case}/start" for case in mine])
        return 1e3 / rate

    async def lives(self, _number: int) -> float:
        """Lives a second."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bench.lifecycles", str(self.port), str(LIVES)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(json.dumps(self.tokens).encode())
        if process.returncode:
            raise SystemExit("a life went wrong")
        return float(json.loads(out)["rate"])


async def measure(servers: Servers) -> list[Ratio]:
    """Both sides of each pair run on the same PostgreSQL; the stored rows are made first."""
    async with AsyncExitStack() as stack:
        much, middle, little = [
            await stack.enter_async_context(_place(servers, cases)) for cases in (MUCH, MIDDLE, LITTLE)
        ]
        lives = await turns(
            "lifecycle_1m_vs_100k", "lives/s", {"much": much.lives, "little": middle.lives}, rounds=ROUNDS
        )
        commands = await turns(
            "cost of a command", "ms", {"much": much.command, "little": little.command}, rounds=ROUNDS
        )
        big, small = [await stack.enter_async_context(_path(servers, place)) for place in (much, little)]
        events = await turns("cost of an event", "µs", {"much": big.cost, "little": small.cost}, rounds=ROUNDS)
    each = [
        Ratio("cost_10m_vs_100k_command", "ms", commands["much"], commands["little"], reach=1.25, at_most=True),
        Ratio("cost_10m_vs_100k_event", "µs", events["much"], events["little"], reach=1.25, at_most=True),
    ]
    worse = max(each, key=lambda ratio: ratio.median)
    return [
        Ratio("lifecycle_1m_vs_100k", "lives/s", lives["much"], lives["little"], reach=0.8),
        *each,
        Ratio("cost_10m_vs_100k", worse.unit, worse.ours, worse.peer, reach=1.25, at_most=True),
    ]


@asynccontextmanager
async def _place(servers: Servers, cases: int) -> AsyncIterator[Place]:
    url = await servers.database()
    waiting = spread(cases, COMMANDS * (ROUNDS + 1))
    with tempfile.TemporaryDirectory(prefix="suizhuan-bench-") as name:
        async with complaints(url, Path(name)) as (world, jwks):
            await world.report()
            tokens = {"worker": world.token(COMMUNITY), "checker": world.token(STREET_ORG)}
            tokens["resident"] = world.token(None, kind="resident")
        await fill_complaints(url, cases=cases, still_open=waiting)
        env = {
            **os.environ,
            "SUIZHUAN_DATABASE_URL": asynchronous(url),
            "SUIZHUAN_DATA_DIR": name,
            "SUIZHUAN_LOG_URL": f"kafka://{servers.kafka}",
            "SUIZHUAN_ISSUERS": json.dumps([{"issuer": ISSUER, "jwks_file": str(jwks)}]),
        }
        async with command._process("SUIZHUAN_PORT", env, "-m", "complaints", "api") as port:
            yield Place(cases, url, port, tokens, waiting)


@asynccontextmanager
async def _path(servers: Servers, place: Place) -> AsyncIterator[EventPath]:
    """The relay of that complaints database, and a gateway that has stored as much."""
    log, database = KafkaLog(servers.kafka), Database(asynchronous(place.url))
    spec = TopicSpec(f"bench.cases{secrets.token_hex(3)}")
    await log.ensure_topics([spec])
    projection = await servers.database()
    async with event_path(database, projection, log, spec) as path:
        await fill_gateway(projection, cases=place.cases, topic=spec.name)
        path.cases = spread(place.cases, EVENTS)
        yield path
    await database.close()
    await log.close()
