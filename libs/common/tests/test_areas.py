"""Areas that get other codes, in the database of any service: its grants, its columns, and what neighbours say."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Column, MetaData, Table, Text, insert, select

from suizhuan import areas
from suizhuan.areas import CodeOfToday, Codes, as_today, coded
from suizhuan.authority import grants as granted
from suizhuan.context import Context
from suizhuan.db.tables import area_change, deadline
from suizhuan.db.types import Json
from suizhuan.inbox import View
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing import AuthorityLog

from .conftest import Demo
from .test_authority import AFFAIR, COMMUNITY, DISTRICT, POWER, STREET, act, refused

GRID, NEW, OTHER = COMMUNITY + "001", STREET + "911", STREET + "912"
own = MetaData()
things = Table("placed", own, Column("id", Text, primary_key=True), Column("area", Text, nullable=False))
held = Table("held", own, Column("org", Text, primary_key=True), Column("area", Text, primary_key=True))
lists = Table("listed", own, Column("org", Text, primary_key=True), Column("areas", Json, nullable=False))
PLACED = (things.c.area, held.c.area, lists.c.areas)


@pytest.fixture
async def log(demo: Demo) -> AsyncIterator[AuthorityLog]:
    """A service with three tables, whose area's affair has an owner and one community that leads."""
    async with demo.database.write() as conn:
        await conn.run_sync(own.create_all)
    demo.replica.placed = PLACED
    log = AuthorityLog(demo)
    await log.grant("root", "dept", AFFAIR, DISTRICT, [POWER])
    await log.grant("m1", "community", AFFAIR, COMMUNITY, [POWER])
    yield log


async def put(demo: Demo, table: Table, *rows: dict[str, object]) -> None:
    async with demo.database.write() as conn:
        await conn.execute(insert(table), list(rows))


async def said(demo: Demo, table: Table) -> list[tuple[object, ...]]:
    async with demo.database.read() as conn:
        return sorted(tuple(row) for row in await conn.execute(select(table)))


def move(old: str, new: str, heir: bool = True) -> dict[str, object]:
    return {"old": old, "new": new, "heir": heir}


async def test_power_goes_with_the_code_under_a_new_term_and_nobody_acts_under_the_old(
    demo: Demo, log: AuthorityLog
) -> None:
    await log.rekey([move(COMMUNITY, NEW)])
    await act(demo, "community", NEW + "001")
    for org in ("community", "dept"):
        no = await refused(demo, org, GRID)
        assert (no.code, no.params["now"]) == ("area_given_up", NEW + "001")
    assert (await refused(demo, "dept", NEW)).code == "missing_power"  # it has yielded it, as before
    await act(demo, "dept", STREET)
    async with demo.database.read() as conn:
        moved = await granted.by_mandate(conn, "m1")
    assert moved is not None
    assert (moved.area, moved.term, moved.live) == (NEW, 2, True)


async def test_whoever_acts_under_a_code_of_long_ago_is_told_todays(demo: Demo, log: AuthorityLog) -> None:
    await log.rekey([move(COMMUNITY, NEW)])
    await log.rekey([move(NEW, OTHER)])
    for org in ("community", "dept", "nobody"):
        no = await refused(demo, org, GRID)
        assert (no.code, no.params["now"]) == ("area_given_up", OTHER + "001")
    async with demo.database.read() as conn:
        root = await granted.by_mandate(conn, "root")
    assert root is not None
    with pytest.raises(Refusal) as later:
        async with demo.uow.begin(Context("staff:1", "dept", "c")) as tx:
            await tx.act_under(root, POWER, GRID)
    assert (later.value.code, later.value.params["now"]) == ("area_given_up", OTHER + "001")


async def test_a_grant_keeps_of_codes_that_were_given_up_only_the_outermost(demo: Demo, log: AuthorityLog) -> None:
    await log.rekey([move(GRID, COMMUNITY + "009")])
    await log.rekey([move(COMMUNITY, NEW), move(COMMUNITY + "009", OTHER + "001")])
    await log.grant("m2", "street", AFFAIR, STREET, [POWER])
    await log.grant("root-2", "dept", "another", DISTRICT, [POWER])
    async with demo.database.read() as conn:
        found = [await granted.by_mandate(conn, mandate) for mandate in ("root", "m2", "root-2")]
    for grant in found:
        assert grant is not None
        assert [y.prefix for y in grant.yielding if y.to] == [COMMUNITY]
    for place, now in ((GRID, OTHER + "001"), (COMMUNITY + "002", NEW + "002")):
        assert (await refused(demo, "dept", place)).params["now"] == now


async def test_while_it_is_open_nobody_acts_there(demo: Demo, log: AuthorityLog) -> None:
    opened = await log.rekey_opened([move(COMMUNITY, NEW)])
    for place in (GRID, COMMUNITY, NEW):
        for org in ("community", "dept"):
            code = (await refused(demo, org, place)).code
            assert code == ("missing_power" if (org, place) == ("community", NEW) else "power_in_transition")
    await act(demo, "dept", STREET)
    await log.dropped(opened.switch)
    await log.beat()
    await act(demo, "community", GRID)


async def test_a_grant_that_comes_later_knows_the_codes_that_were_given_up(demo: Demo, log: AuthorityLog) -> None:
    await log.rekey([move(COMMUNITY, NEW)])
    await log.grant("m2", "street", AFFAIR, STREET, [POWER])
    await log.grant("a1", "firm", AFFAIR, STREET, [POWER], role="assist")
    await log.grant("root-2", "dept", "another", DISTRICT, [POWER])
    for org in ("street", "firm"):
        assert (await refused(demo, org, GRID)).code == "area_given_up"
        await act(demo, org, STREET + "908")
    async with demo.database.read() as conn:
        found = await granted.by_mandate(conn, "root-2")
    assert found is not None
    assert [(y.prefix, y.to) for y in found.yielding] == [(COMMUNITY, NEW)]


async def test_a_merge_keeps_the_heirs_grant_and_ends_the_others(demo: Demo, log: AuthorityLog) -> None:
    await log.grant("m2", "other", AFFAIR, OTHER, [POWER])
    await log.rekey([move(COMMUNITY, COMMUNITY), move(OTHER, COMMUNITY, False), move(OTHER + "001", COMMUNITY + "004")])
    await act(demo, "community", COMMUNITY + "004")
    assert (await refused(demo, "other", COMMUNITY + "004")).code == "missing_power"
    assert (await refused(demo, "other", OTHER + "001")).code == "area_given_up"


async def test_every_declared_column_follows_and_what_would_stand_twice_stands_once(
    demo: Demo, log: AuthorityLog
) -> None:
    await put(demo, things, {"id": "a", "area": COMMUNITY}, {"id": "b", "area": GRID}, {"id": "c", "area": STREET})
    await put(demo, held, *({"org": "x", "area": area} for area in (COMMUNITY, OTHER, STREET)))
    await put(demo, held, {"org": "y", "area": OTHER})
    await put(demo, lists, {"org": "x", "areas": [COMMUNITY, OTHER, DISTRICT]})
    await log.rekey([move(COMMUNITY, NEW), move(OTHER, NEW, False), move(GRID, NEW + "009")])
    assert await said(demo, things) == [("a", NEW), ("b", NEW + "009"), ("c", STREET)]
    assert await said(demo, held) == [("x", STREET), ("x", NEW), ("y", NEW)]
    assert await said(demo, lists) == [("x", [NEW, DISTRICT])]


async def test_what_was_written_by_whoever_was_under_way_is_put_right_later(demo: Demo, log: AuthorityLog) -> None:
    await log.rekey([move(COMMUNITY, NEW)])
    await log.rekey([move(NEW, OTHER)])
    await put(demo, things, {"id": "late", "area": GRID}, {"id": "later", "area": NEW})
    async with demo.database.write() as conn:
        await areas.settle(conn, PLACED)
    assert await said(demo, things) == [("late", OTHER + "001"), ("later", OTHER)]


async def test_it_is_put_right_once_more_when_even_a_handler_must_be_done(demo: Demo, log: AuthorityLog) -> None:
    await log.rekey([move(COMMUNITY, NEW)])
    async with demo.database.read() as conn:
        rows = await conn.execute(select(deadline.c.due_at).where(deadline.c.kind == areas.SETTLE))
        waits = sorted(due - demo.clock.now() for due in rows.scalars())
    assert waits == [2 * demo.uow.timing.max_act, demo.uow.timing.lease]


class Told(View):
    place: CodeOfToday
    known: list[CodeOfToday]
    maybe: CodeOfToday | None = None
    words: str = ""


def test_a_view_says_todays_codes_in_the_fields_that_hold_some() -> None:
    assert coded(Told) == ("place", "known", "maybe")
    codes = Codes(({COMMUNITY: NEW, GRID: NEW + "009"}, {NEW: OTHER}))
    told = Told(place=GRID, known=[COMMUNITY, NEW, STREET], maybe=None, words=COMMUNITY)
    assert as_today(codes, told) == Told(place=OTHER + "009", known=[OTHER, STREET], words=COMMUNITY)
    assert as_today(Codes(), told) is told


async def test_a_command_and_a_handler_read_the_same_codes(demo: Demo, log: AuthorityLog) -> None:
    await log.rekey([move(COMMUNITY, NEW)])

    async def command(tx: object) -> str:
        return (await tx.codes()).now(GRID)  # type: ignore[attr-defined,no-any-return]

    assert await demo.uow.decide(Context("staff:1", "dept", "c"), command) == NEW + "001"
    async with demo.uow.begin(Context.of_system("demo"), limited=False) as tx:
        assert (await tx.codes()).now(GRID) == NEW + "001"


async def test_the_whole_log_again_gives_the_same_rows(demo: Demo, log: AuthorityLog) -> None:
    await put(demo, things, {"id": "a", "area": GRID})
    await log.rekey([move(COMMUNITY, NEW)])
    await put(demo, things, {"id": "b", "area": NEW + "001"})
    await log.rekey([move(NEW, OTHER)])
    before = [await said(demo, table) for table in (things, area_change)]
    assert before[0] == [("a", OTHER + "001"), ("b", OTHER + "001")]
    await log.again()
    assert [await said(demo, table) for table in (things, area_change)] == before
    await act(demo, "community", OTHER)
