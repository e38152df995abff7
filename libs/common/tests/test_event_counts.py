"""What an event costs on its way, counted: statements of relay and consumer, bytes on the log. Figures CI can hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.cloudevents import Event
from suizhuan.handling import Handling
from suizhuan.inbox import Inbound
from suizhuan.kernel.clock import SystemClock
from suizhuan.ports.log import Record, TopicPartition, TopicSpec
from suizhuan.testing import record, statements
from suizhuan.testing_databases import Databases
from suizhuan.unit_of_work import Tx

from .conftest import Counted, Demo
from .test_event_path import TOPIC, CountedView, count, everything
from .test_relay_hazards import leading

TOPIC_IDS = {TOPIC: "id"}


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.real)])
def databases(postgres_databases: Databases) -> Databases:
    """SQLite is in the process: it has no round trips."""
    return postgres_databases


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    await made.ensure_topics([TopicSpec(TOPIC)])
    yield made
    await made.close()


def batch(demo: Demo, start: int, events: int) -> dict[TopicPartition, list[Record]]:
    """Of one partition: records in a row, all of one key."""
    found = [
        record(
            "demo.thing.counted.v1",
            Counted(thing="t", number=n),
            key="t",
            time=demo.clock.now(),
            offset=n,
            event_id=f"e{n}",
            sequence=n,
        )
        for n in range(start, start + events)
    ]
    return {found[0].tp: found}


def silent() -> Inbound:
    """A handler of sets that asks the database nothing."""

    async def handle(_tx: Tx, _heard: Sequence[tuple[Event, Any]]) -> None:
        return None

    inbound = Inbound("reader")
    inbound.on_sets(TOPIC, {"demo.thing.counted": CountedView}, handle)
    return inbound


@pytest.mark.parametrize("events", [1, 300])
async def test_a_batch_is_two_statements_around_its_handlers_however_many_its_events(demo: Demo, events: int) -> None:
    handling = Handling("reader", silent(), demo.uow)
    await handling.whole(batch(demo, 0, 1), TOPIC_IDS)  # the first of all finds no row for its offset
    with statements(demo.database) as said:
        await handling.whole(batch(demo, 1, events), TOPIC_IDS)
    assert [word.split(" ")[0] for word in said] == ["BEGIN", "WITH", "WITH", "COMMIT"]
    assert "INSERT INTO inbox" in said[1]
    assert "UPDATE consumer_offset" in said[2]


@pytest.mark.parametrize("events", [1, 300])
async def test_the_relay_asks_twice_for_a_batch_however_many_its_events(
    demo: Demo, log: EmbeddedLog, events: int
) -> None:
    await count(demo, [0])
    async with leading(demo, log) as (relay, conn):
        assert await relay.publish_once(conn) == 1  # the first one asks what was published, to compare it with the log
        await count(demo, range(1, events + 1))
        with statements(demo.database) as said:
            assert await relay.publish_once(conn) == events
    assert [word.split(" ")[0] for word in said if not word.startswith("BEGIN")] == ["SELECT", "WITH"]
    assert "DELETE FROM outbox" in said[-1]


async def test_a_connection_just_used_is_not_asked_whether_it_lives(demo: Demo) -> None:
    asked = 0
    dialect: Any = demo.database.engine.sync_engine.dialect
    ping = dialect.do_ping

    def counting(connection: Any) -> bool:
        nonlocal asked
        asked += 1
        return bool(ping(connection))

    dialect.do_ping = counting
    for _ in range(3):
        async with demo.database.read() as conn:
            await conn.exec_driver_sql("SELECT 1")
    assert asked == 0


async def test_an_event_takes_less_than_700_bytes_beyond_its_data(demo: Demo, log: EmbeddedLog) -> None:
    await count(demo, [1], thing="0199d1c0-7a53-7c6e-9d5c-6a3b8f0e1d2c")
    async with leading(demo, log) as (relay, conn):
        await relay.publish_once(conn)
    (found,) = await everything(log)
    headers = sum(len(name) + len(value) for name, value in found.headers)
    assert headers + len(found.key) < 700
