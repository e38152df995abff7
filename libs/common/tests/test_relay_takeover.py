"""Two relays in processes of their own, on real servers: one dies or freezes, the other goes on where it was."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import pytest
from sqlalchemy.engine import make_url

from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.cloudevents import decode, pack
from suizhuan.db.tables import platform
from suizhuan.decision import LANES
from suizhuan.kernel.clock import SystemClock, utc_text
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import TopicSpec

from .conftest import make_demo
from .door import Door

PROCESS = Path(__file__).with_name("relay_process.py")
KEYS = 20


class Stage:
    """A database with an outbox, a topic, and a stream of events of a few aggregates."""

    def __init__(self, url: str, kafka: str) -> None:
        self.url, self.kafka = url, kafka
        self.topic = f"demo.t{secrets.token_hex(4)}"
        self.written = 0
        self.relays: list[asyncio.subprocess.Process] = []
        self.conn: asyncpg.Connection  # writes
        self.look: asyncpg.Connection

    async def open(self) -> None:
        demo = make_demo(self.url, SystemClock())  # type: ignore[arg-type]
        async with demo.database.engine.begin() as conn:
            await conn.run_sync(platform.create_all)
        await demo.database.close()
        self.conn = await asyncpg.connect(self.url.replace("+asyncpg", ""))
        self.look = await asyncpg.connect(self.url.replace("+asyncpg", ""))

    async def close(self) -> None:
        for relay in self.relays:
            if relay.returncode is None:
                relay.kill()
                await relay.wait()
        await self.conn.close()
        await self.look.close()

    async def start(self, url: str = "") -> asyncio.subprocess.Process:
        command = (sys.executable, str(PROCESS), url or self.url, self.kafka, self.topic)
        process = await asyncio.create_subprocess_exec(*command)
        self.relays.append(process)
        return process

    async def write(self, count: int, size: int = 100) -> None:
        """`count` events, the next of each aggregate in turn, a transaction each twenty."""
        for _ in range(count // KEYS):
            self.written += KEYS
            number = self.written // KEYS
            rows = [self._row(f"k{key}", number, size) for key in range(KEYS)]
            await self.conn.copy_records_to_table("outbox", records=rows, columns=COLUMNS)
        await self.conn.execute("NOTIFY outbox")

    def _row(self, key: str, number: int, size: int) -> tuple[object, ...]:
        packed = pack(
            {
                "id": f"{key}-{number}",
                "source": "demo",
                "type": "demo.thing.counted.v1",
                "time": utc_text(SystemClock().now()),
                "sequence": number,
            }
        )
        value = b'{"x": "' + b"x" * size + b'"}'
        return (
            f"{key}-{number}",
            zlib.crc32(key.encode()) % LANES,
            self.topic,
            partition_for(key.encode(), 3),
            key,
            value,
            packed,
            -1,
            SystemClock().now(),
        )

    async def waiting(self) -> int:
        return int(await self.look.fetchval("SELECT count(*) FROM outbox"))

    async def leader(self) -> int | None:
        """The session that holds the lanes, None while nobody does."""
        query = (
            "SELECT min(pid) FROM pg_locks JOIN pg_database AS d ON d.oid = database"
            " WHERE locktype = 'advisory' AND granted AND datname = current_database()"
        )
        found: int | None = await self.look.fetchval(query)
        return found

    async def applied(self) -> dict[str, list[int]]:
        """By aggregate the versions in the order in which a consumer that drops repeats applies them."""
        log = KafkaLog(self.kafka)
        tps = await log.partitions(self.topic)
        left = sum((await log.end_offsets(tps)).values())
        reader = await log.reader(dict.fromkeys(tps, 0))
        seen: set[str] = set()
        found: dict[str, list[int]] = {}
        while left > 0:
            for records in (await reader.poll(timeout=1, max_records=2000)).values():
                left -= len(records)
                for record in records:
                    event = decode(record)
                    if event.id not in seen:
                        seen.add(event.id)
                        found.setdefault(event.key, []).append(event.sequence)
        await reader.close()
        await log.close()
        return found


COLUMNS = ["event_id", "lane", "topic", "partition", "key", "value", "headers", "authority_offset", "created_at"]


@pytest.fixture
async def stage(postgres_database: str, kafka_bootstrap: str) -> AsyncIterator[Stage]:
    made = Stage(postgres_database, kafka_bootstrap)
    await made.open()
    log = KafkaLog(kafka_bootstrap)
    await log.ensure_topics([TopicSpec(made.topic)])
    await log.close()
    yield made
    await made.close()


async def until(true: Callable[[], object], *, within: float, step: float = 0.05) -> float:
    """Waits until an async condition holds; how many seconds that took."""
    begun = time.monotonic()
    while not await true():  # type: ignore[misc]
        assert time.monotonic() - begun < within, f"not within {within} s"
        await asyncio.sleep(step)
    return time.monotonic() - begun


@asynccontextmanager
async def stream(stage: Stage) -> AsyncIterator[None]:
    """Events are written all the while."""
    going = True

    async def work() -> None:
        while going:
            await stage.write(KEYS * 5)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        going = False
        await task


async def settled(stage: Stage) -> None:
    async def none() -> bool:
        return await stage.waiting() == 0

    await until(none, within=30)
    expected = list(range(1, stage.written // KEYS + 1))
    applied = await stage.applied()
    assert {key: applied.get(key) == expected for key in map("k{}".format, range(KEYS))} == {
        f"k{key}": True for key in range(KEYS)
    }


async def led(stage: Stage, by_other_than: int | None = None) -> bool:
    leader = await stage.leader()
    return leader is not None and leader != by_other_than


@pytest.mark.real
async def test_when_the_leader_is_killed_another_goes_on_within_five_seconds(stage: Stage) -> None:
    first = await stage.start()
    await until(lambda: led(stage), within=20)
    before = await stage.leader()
    await stage.start()
    async with stream(stage):
        await until(lambda: _published(stage), within=20)
        os.kill(first.pid, signal.SIGKILL)
        took = await until(lambda: led(stage, before), within=20)
    print(f"taken over {took:.2f} s after kill -9")
    assert took < 5
    await settled(stage)


@pytest.mark.real
@pytest.mark.parametrize("amid", ["idle", "a large answer"])
async def test_when_the_leader_freezes_another_goes_on_within_eight_seconds_and_its_late_batch_harms_nobody(
    stage: Stage, amid: str
) -> None:
    first = await stage.start()
    await until(lambda: led(stage), within=20)
    before = await stage.leader()
    await stage.start()
    if amid == "idle":
        await stage.write(KEYS * 10)
        await until(lambda: _published(stage), within=20)
        os.kill(first.pid, signal.SIGSTOP)
        await stage.write(KEYS * 10)
    else:  # it has asked, and is frozen while megabytes are on their way to it
        os.kill(first.pid, signal.SIGSTOP)
        await stage.write(KEYS * 100, size=20_000)
        os.kill(first.pid, signal.SIGCONT)
        await until(lambda: _sending(stage, before), within=10, step=0.001)
        os.kill(first.pid, signal.SIGSTOP)
    took = await until(lambda: led(stage, before), within=30)
    print(f"taken over {took:.2f} s after SIGSTOP ({amid})")
    assert took < 8
    await stage.write(KEYS * 10)
    os.kill(first.pid, signal.SIGCONT)  # thawed, and it sends what it held
    await stage.write(KEYS * 10)
    await settled(stage)


@pytest.mark.real
async def test_a_leader_that_falls_silent_in_the_midst_of_a_question_is_deposed(stage: Stage) -> None:
    """It has sent the text of its fetch and not yet the values: for PostgreSQL it is neither idle nor slow to read."""
    there = make_url(stage.url)
    assert there.host and there.port
    door = Door(there.host, there.port, last=b"FROM outbox AS o")
    await door.open()
    await stage.start(there.set(host="127.0.0.1", port=door.port).render_as_string(hide_password=False))
    await until(lambda: led(stage), within=20)
    before = await stage.leader()
    await stage.start()
    await stage.write(KEYS * 10)
    took = await until(lambda: led(stage, before), within=30)
    print(f"taken over {took:.2f} s after it fell silent")
    assert took < 8
    await settled(stage)
    await door.shut()


async def _published(stage: Stage) -> bool:
    return bool(await stage.look.fetchval("SELECT count(*) FROM published"))


async def _sending(stage: Stage, pid: int | None) -> bool:
    """Whether the leader's session is at work on a fetch."""
    query = "SELECT state = 'active' AND query LIKE '%FROM outbox AS o%' FROM pg_stat_activity WHERE pid = $1"
    return bool(await stage.look.fetchval(query, pid))
