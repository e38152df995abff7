"""A projection made anew from the log, while the live one is served and fed; on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from gateway import tables as t
from gateway.app import reads
from suizhuan import areas
from suizhuan.cloudevents import Event
from suizhuan.db.database import Database
from suizhuan.db.tables import authority_state, consumer_offset, dead_letter, grants, inbox, outbox
from suizhuan.handling import Target
from suizhuan.main import COMMANDS
from suizhuan.ports.log import TopicSpec
from suizhuan.projections import Projection, authority_replica
from suizhuan.rebuild import CannotRebuild, Rebuild
from suizhuan.rebuild_command import rebuild
from suizhuan.service import Service
from suizhuan.unit_of_work import Tx

from .conftest import World, at_work, caught_up, until
from .story import NANGUAN, RENUMBERED, Story, renumber

TABLES = (*t.Base.metadata.sorted_tables, grants)


async def rows(service: Service) -> dict[str, list[tuple[Any, ...]]]:
    async with service.parts.database.read() as conn:
        return {x.name: sorted((tuple(row) for row in await conn.execute(select(x))), key=repr) for x in TABLES}


async def positions(service: Service, group: str = "gateway") -> dict[tuple[str, int], int]:
    async with service.parts.database.read() as conn:
        found = await conn.execute(select(consumer_offset).where(consumer_offset.c.consumer == group))
        return {(row.topic, row.partition): row.next_offset for row in found}


def work(service: Service, projection: Projection, **more: Any) -> Rebuild:
    return Rebuild(service.parts.uow, service.parts.broker, service.migrations, projection, **more)


async def read_all(world: World) -> Service:
    """A gateway whose projections have everything, and which has stopped."""
    service = world.gateway()
    async with at_work(service):
        await caught_up(service)
        end = (await world.log.end_offsets(await world.log.partitions("mandates.authority"))).popitem()[1]

        async def replica_there() -> bool:
            return (await positions(service, "gateway.authority")).get(("mandates.authority", 0), 0) >= end

        await until(replica_there, 60)
    return service


async def structure(service: Service) -> list[Any]:
    """Tables and indexes by name, as PostgreSQL has them."""
    if service.parts.database.is_sqlite:
        return []
    async with service.parts.database.read() as conn:
        query = (
            "SELECT schemaname, tablename, indexname, indexdef FROM pg_indexes WHERE schemaname !~ '^pg_' ORDER BY 3"
        )
        return [tuple(row) for row in await conn.execute(text(query))]


class Halting:
    """Feeds a target, and waits before its first event until it is told to go on."""

    def __init__(self, target: Target) -> None:
        self.target, self.reached, self.go_on = target, asyncio.Event(), asyncio.Event()

    def wants(self, event: Event) -> bool:
        return self.target.wants(event)

    def together(self, event: Event) -> None:
        return None

    async def handle(self, tx: Tx, event: Event) -> None:
        self.reached.set()
        await self.go_on.wait()
        await self.target.handle(tx, event)  # type: ignore[attr-defined]

    async def handle_together(self, tx: Tx, events: Any) -> None:
        raise NotImplementedError


def halting() -> tuple[Projection, Halting]:
    found = reads()
    halt = Halting(found.target(Database("sqlite+aiosqlite:///:memory:")))
    return replace(found, target=lambda _: halt), halt


def new_case(story: Story, case: str) -> None:
    data = {
        "case": case,
        "category": "01-02",
        "affair": "env.exposed-rubbish",
        "area": "321302002907",
        "channel": "app",
    }
    story.case("reported", data, case)


async def test_it_is_the_same_again_whatever_had_become_of_it(world: World, story: Story) -> None:
    service = await read_all(world)
    as_it_was, read, made = await rows(service), await positions(service), await structure(service)
    assert all(as_it_was[x.name] for x in (t.cases, t.step, t.hold, t.entry, t.mandate))
    async with service.parts.database.write() as conn:
        await conn.execute(update(t.cases).values(state="nonsense"))
        await conn.execute(delete(t.step))
        await conn.execute(update(t.balance).values(amount_fen=7))
    seen: list[tuple[int, int]] = []
    done = await work(service, reads(), progress=lambda at, of: seen.append((at, of))).run()
    assert await rows(service) == as_it_was
    assert await positions(service) == read
    assert await structure(service) == made
    assert (done.records, done.dead) == (sum(read.values()), 0)
    assert seen[0] == (0, done.records)
    assert seen[-1] == (done.records, done.records)


async def test_made_anew_after_areas_got_other_codes_it_says_the_new_ones(world: World, story: Story) -> None:
    """And so does an empty database that reads everything from the beginning."""
    renumber(story)
    await world.log.ensure_topics([TopicSpec("volunteers.shift", 3)])
    await world.tell(story)
    service = await read_all(world)
    async with service.parts.database.write() as conn:
        # What its deadline does after a while: a batch that was under way may have written an old code once more.
        await areas.settle(conn, service.placed)
    as_it_was = await rows(service)
    assert RENUMBERED in str(as_it_was["case_view"])
    assert NANGUAN not in str([as_it_was[x] for x in ("case_view", "mandate", "organisation_area", "thing")])
    await work(service, reads()).run()
    assert await rows(service) == as_it_was
    async with service.parts.database.write() as conn:
        for table in reversed(t.Base.metadata.sorted_tables):
            await conn.execute(delete(table))
    await work(service, reads()).run()
    assert await rows(service) == as_it_was


async def test_the_live_one_is_served_and_fed_meanwhile_and_goes_on_afterwards(world: World, story: Story) -> None:
    service = world.gateway()
    projection, halt = halting()
    async with at_work(service):
        await caught_up(service)
        before = len((await rows(service))["case_view"])
        rebuilding = asyncio.create_task(work(service, projection).run())
        await asyncio.wait_for(halt.reached.wait(), 30)
        new_case(story, "meanwhile")
        await world.tell(story)
        await caught_up(service)  # by the live one
        assert len((await rows(service))["case_view"]) == before + 1
        halt.go_on.set()
        await rebuilding
        as_it_was = await rows(service)
        assert len(as_it_was["case_view"]) == before + 1
        new_case(story, "afterwards")
        await world.tell(story)
        await caught_up(service)
        assert len((await rows(service))["case_view"]) == before + 2
        await work(service, reads()).run()
        assert {row[0] for row in (await rows(service))["case_view"]} >= {"meanwhile", "afterwards"}
    async with service.parts.database.read() as conn:
        assert (await conn.execute(select(dead_letter))).all() == []


async def test_an_interrupted_one_leaves_the_live_one_as_it_is_and_the_next_one_begins_anew(
    world: World, story: Story
) -> None:
    service = await read_all(world)
    live = Path(service.parts.database.url.database or "")
    as_it_was, read, made = await rows(service), await positions(service), await structure(service)
    projection, halt = halting()
    rebuilding = asyncio.create_task(work(service, projection).run())
    await asyncio.wait_for(halt.reached.wait(), 30)
    with pytest.raises(CannotRebuild, match="is being rebuilt already"):
        await work(service, reads()).run()
    rebuilding.cancel()
    await asyncio.gather(rebuilding, return_exceptions=True)
    assert (await rows(service), await positions(service), await structure(service)) == (as_it_was, read, made)
    if service.parts.database.is_sqlite:  # as a process leaves them that was killed
        (world.folder / f"{live.name}.rebuild-reads").write_bytes(b"half a file")
    else:
        async with service.parts.database.write() as conn:
            await conn.execute(text("CREATE SCHEMA rebuild_reads"))
            await conn.execute(text("CREATE TABLE rebuild_reads.case_view (id text)"))
    await work(service, reads()).run()
    assert await rows(service) == as_it_was
    assert not list(world.folder.glob("*.rebuild-reads"))


async def test_it_takes_what_the_live_one_could_not(world: World, story: Story) -> None:
    """A dead letter of a handler that is right by now is gone afterwards, and its event has taken effect."""
    service = await read_all(world)
    as_it_was = await rows(service)
    async with service.parts.database.write() as conn:
        row = {
            "consumer": "gateway",
            "topic": "finance.entry",
            "partition": 0,
            "offset": 0,
            "key": b"k",
            "value": b"{}",
        }
        about = {"headers": [], "state": "dead", "code": "x", "reason": "y", "seen_at": service.parts.clock.now()}
        await conn.execute(dead_letter.insert().values(**row, **about))
        await conn.execute(delete(t.entry))
    await work(service, reads()).run()
    async with service.parts.database.read() as conn:
        assert (await conn.execute(select(dead_letter))).all() == []
        assert (await conn.execute(select(inbox))).first() is not None
    assert await rows(service) == as_it_was


async def test_the_replica_of_the_grants_too_and_it_stays_who_it_is_and_says_nothing(
    world: World, story: Story
) -> None:
    service = await read_all(world)
    as_it_was = await rows(service)
    assert as_it_was["authority_grant"]
    async with service.parts.database.write() as conn:
        told = (await conn.execute(select(outbox.c.id))).all()
        await conn.execute(update(authority_state).values(replica="gateway:me"))
        await conn.execute(update(grants).values(holder="nobody"))
    await work(service, authority_replica("gateway")).run()
    assert await rows(service) == as_it_was
    async with service.parts.database.read() as conn:
        assert (await conn.execute(select(authority_state.c.replica))).scalar_one() == "gateway:me"
        assert (await conn.execute(select(outbox.c.id))).all() == told


async def test_from_the_command_line(world: World, story: Story, capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMANDS["rebuild"] is rebuild
    service = await read_all(world)
    await rebuild(service, [])
    assert capsys.readouterr().out.splitlines()[0] == "authority  mandates.authority"
    await rebuild(service, ["reads"])
    shown = capsys.readouterr()
    assert f"records 已读 {sum((await positions(service)).values())}" in shown.out
    assert "rebuilding reads" in shown.err
    with pytest.raises(SystemExit, match=r"rebuild \[authority \| reads\]"):
        await rebuild(service, ["nonsense"])
