"""Mandates restored from a backup: its log goes on where it was, and a mandate is what its facts say (authority §5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from mandates import tables as t
from mandates.bootstrap import bootstrap
from suizhuan import ahead
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.authority import grants as granted
from suizhuan.authority import records
from suizhuan.cloudevents import Event, decode
from suizhuan.context import Context
from suizhuan.db.tables import outbox
from suizhuan.kernel.clock import SystemClock
from suizhuan.ports.log import NewRecord, TopicSpec
from suizhuan.seed import Seed
from suizhuan.testing import record
from suizhuan.testing_world import rows

from .conftest import NANGUAN, RUBBISH, World, make_service

Backup = Callable[[str], Awaitable[str]]
STRANGER = "complaints:sqlite:joined-after-the-backup"


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield made
    await made.close()


@asynccontextmanager
async def at_work(url: str, folder: Path, log: EmbeddedLog, seed: Seed) -> AsyncIterator[World]:
    service, key = make_service(url, folder, SystemClock(), log)
    await service.migrate()
    await log.ensure_topics([TopicSpec(name, 3) for name in service.inbound.topics])
    await bootstrap(service, seed)
    transport = httpx.ASGITransport(app=service.app)
    async with service.running(), httpx.AsyncClient(transport=transport, base_url="http://m") as http:
        yield World(service, service.parts.clock, key, http)


async def until(true: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(60):
        while not await true():
            await SystemClock().sleep(0.05)


async def authority(log: EmbeddedLog) -> list[Event]:
    tps = await log.partitions(records.TOPIC)
    wanted = sum((await log.end_offsets(tps)).values())
    reader = await log.reader(dict.fromkeys(tps, 0))
    found: list[Event] = []
    while len(found) < wanted:
        found += [decode(r) for rs in (await reader.poll(timeout=1, max_records=500)).values() for r in rs]
    await reader.close()
    return found


async def say(log: EmbeddedLog, name: str, key: str, data: dict[str, Any]) -> None:
    producer = await log.producer("others")
    made = record(f"{name}.v1", data, key=key, time=SystemClock().now())
    await producer.append([NewRecord(made.topic, made.partition, made.key, made.value, made.headers)])
    await producer.close()


async def admitted(world: World, mandate: str) -> bool:
    answer = await world.post(f"/mandates/{mandate}/admission", {"decision": "admit"}, "street-xiangli")
    return answer.status_code < 300 or answer.json()["code"] == "wrong_state"


async def ready(world: World) -> bool:
    return (await world.http.get("/health/ready")).status_code == 200


async def row(world: World, mandate: str) -> dict[str, Any]:
    async with world.parts.database.read() as conn:
        found = (await conn.execute(select(t.mandate).where(t.mandate.c.id == mandate))).one_or_none()
    return dict(found._mapping) if found is not None else {}


async def test_beats_go_on_and_mandates_are_locked_until_they_are_taken_over(
    database_url: str, tmp_path: Path, log: EmbeddedLog, small_seed: Seed, backup: Backup
) -> None:
    async with at_work(database_url, tmp_path, log, small_seed) as world:
        await until(lambda: ready(world))
        old = str((await world.propose())["id"])
        copy = await backup(database_url)
        await until(lambda: ready(world))
        await until(lambda: admitted(world, old))  # the backup has cut its connections
        await say(log, "finance.earmark.funded", old, {"earmark": old, "mandate": old, "amount_fen": 100})
        await say(log, "complaints.replica.joined", STRANGER, {"replica": STRANGER, "service": "complaints"})

        async def active() -> bool:
            return await world.state(old) == "active"

        await until(active)
        as_it_was = await row(world, old)

        async def named() -> bool:
            return any(STRANGER in e.data.get("replicas", []) for e in await authority(log))

        await until(named)
    before = await authority(log)
    highest = max(e.sequence for e in before)

    async with at_work(copy, tmp_path, log, small_seed) as world:

        async def beats() -> bool:
            return any(e.name == records.BEAT and e.sequence > highest for e in await authority(log))

        await until(beats)  # though nothing is reconciled
        after = (await authority(log))[len(before) :]
        assert [e.sequence for e in after] == list(range(highest + 1, highest + 1 + len(after)))
        assert STRANGER in after[0].data["replicas"]  # so that a switch awaits it
        async with world.parts.database.read() as conn:
            assert ("mandates.mandate", old) in {(r.topic, r.key) for r in await ahead.aggregates(conn)}
            terms = select(t.slot.c.term).where(t.slot.c.affair == RUBBISH, t.slot.c.area == NANGUAN)
            assert (await conn.execute(terms)).scalar_one() == as_it_was["term"]
        assert await world.state(old) == "proposed"
        refused = await world.post(
            f"/mandates/{old}/admission", {"decision": "refuse", "reason": "x"}, "community-nanguan"
        )
        assert (refused.status_code, refused.json()["code"]) == (503, "aggregate_behind_log")

        done = await world.service.reconciler.adopt(Context("operator", None, "r1"), "restored")
        assert (done.left, done.why) == (0, None)
        assert await row(world, old) == as_it_was
        await until(lambda: ready(world))
        await say(log, "finance.earmark.settled", old, {"mandate": old, "returned_fen": 0})
        ended = await world.post(f"/mandates/{old}/end", {"reason": "over"}, "dept-sanitation")
        assert ended.status_code < 300, ended.text

        async def opened() -> list[Event]:
            return [e for e in await authority(log) if e.name == records.OPENED and e.sequence > highest]

        await until(opened)
        opening = (await opened())[0].data
        async with world.parts.database.read() as conn:
            own, _ = await granted.newest_beat(conn)
        for replica in {*opening["awaited"]} - {own}:  # who is on SQLite is not waited out: it has to answer
            service = replica.split(":")[0]
            answer = {"replica": replica, "service": service, "switch": opening["switch"]}
            await say(log, f"{service}.replica.acknowledged", replica, answer)

        async def gone() -> bool:
            return await world.state(old) in ("ending", "settled") and any(
                e.name == records.DONE and e.sequence > highest for e in await authority(log)
            )

        await until(gone)
    ids = [e.id for e in await authority(log)]
    assert len(ids) == len(set(ids))


async def test_a_mandate_that_the_backup_does_not_know_is_made_from_its_facts(
    database_url: str, tmp_path: Path, log: EmbeddedLog, small_seed: Seed, backup: Backup
) -> None:
    """Only who its staff are is said by no event."""
    async with at_work(database_url, tmp_path, log, small_seed) as world:
        await until(lambda: ready(world))
        copy = await backup(database_url)
        await until(lambda: ready(world))
        made: list[str] = []

        async def proposed() -> bool:
            answer = await world.post("/mandates", world.proposal())
            if answer.status_code == 201:
                made.append(str(answer.json()["id"]))
            return bool(made)

        await until(proposed)
        (new,) = made
        await until(lambda: admitted(world, new))  # the backup has cut its connections
        as_it_was = await row(world, new)

        async def published() -> bool:
            tps = await log.partitions("mandates.mandate")
            return sum((await log.end_offsets(tps)).values()) >= 2 and not await outbox_of(world)

        await until(published)
    async with at_work(copy, tmp_path, log, small_seed) as world:
        await until(lambda: recovered(world))
        assert await row(world, new) == {}
        assert (await world.service.reconciler.adopt(Context("operator", None, "r1"), "restored")).left == 0
        assert await row(world, new) == {**as_it_was, "staff": []}


async def recovered(world: World) -> bool:
    return world.service.recovering is None


async def outbox_of(world: World) -> list[Any]:
    async with world.parts.database.read() as conn:
        return list(await conn.execute(select(outbox.c.id).where(outbox.c.topic == "mandates.mandate")))


async def test_codes_that_changed_after_the_backup_are_those_of_the_log(
    database_url: str, tmp_path: Path, log: EmbeddedLog, small_seed: Seed, backup: Backup
) -> None:
    new = "321302002911"
    async with at_work(database_url, tmp_path, log, small_seed) as world:
        await until(lambda: ready(world))
        held = str((await world.propose())["id"])
        await until(lambda: admitted(world, held))
        await say(log, "finance.earmark.funded", held, {"earmark": held, "mandate": held, "amount_fen": 100})

        async def active() -> bool:
            return await world.state(held) == "active"

        await until(active)
        copy = await backup(database_url)
        await until(lambda: ready(world))
        moves = [{"old": NANGUAN, "new": new, "heir": True}]
        announced = {"rekeying": "r-1", "within": "321302002", "moves": moves, "areas": []}
        await say(log, "population.rekeying.announced", "r-1", announced)

        async def moved() -> bool:
            """And told: what waits in the outbox is lost with the disk."""
            async with world.parts.database.read() as conn:
                waits = (await conn.execute(select(outbox.c.id).limit(1))).first()
            return (await row(world, held))["area"] == new and waits is None

        await until(moved)
        tables = (t.mandate, t.slot, t.organisation_area, t.rekeying)
        as_it_was = {x.name: await rows(world.service, x, {"done_at"}) for x in tables}

    async with at_work(copy, tmp_path, log, small_seed) as world:
        await world.parts.recovery.ready()
        assert (await row(world, held))["area"] == NANGUAN
        done = await world.service.reconciler.adopt(Context("operator", None, "r1"), "restored")
        assert (done.left, done.why) == (0, None)
        for x in tables:
            found = await rows(world.service, x, {"done_at"})
            assert [r for r in found if r not in as_it_was[x.name]] == [], x.name
            assert len(found) == len(as_it_was[x.name]), x.name
        await until(lambda: ready(world))
        assert await world.responsible(new) == "community-nanguan"
        refused = await world.post("/mandates", world.proposal(area=NANGUAN))
        assert (refused.status_code, refused.json()["code"]) == (409, "area_given_up")
