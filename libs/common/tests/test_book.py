"""The grants in memory say what the database's rows say, whatever was applied since they were read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from suizhuan.authority.book import Book
from suizhuan.authority.grants import covering
from suizhuan.kernel.term import ASSIST, LEAD, Grant, holding
from suizhuan.testing import AuthorityLog

from .conftest import Demo
from .test_authority import AFFAIR, COMMUNITY, DISTRICT, POWER, STREET

NOW = datetime(2026, 3, 2, tzinfo=UTC)
AREAS = ["32", "3213", "321302", "321302002", "321302002907", "321302002907001"]
GRANTS = st.builds(
    Grant,
    mandate=st.sampled_from([f"m{n}" for n in range(6)]),
    affair=st.sampled_from(["a", "b"]),
    area=st.sampled_from(AREAS),
    role=st.sampled_from([LEAD, ASSIST]),
    holder=st.sampled_from(["x", "y"]),
    powers=st.frozensets(st.sampled_from(["p", "q"])),
    term=st.integers(1, 3),
    starts_at=st.sampled_from([NOW - timedelta(days=1), NOW + timedelta(days=1)]),
    ends_at=st.sampled_from([None, NOW, NOW + timedelta(days=2)]),
    live=st.booleans(),
)


@given(st.lists(GRANTS, max_size=12), st.sampled_from(["x", "y"]), st.sampled_from(["p", "q"]), st.sampled_from(AREAS))
def test_the_early_check_is_the_rules_own_found_faster(grants: list[Grant], org: str, power: str, place: str) -> None:
    book = Book()
    for grant in grants:
        book._take([grant])  # a later row of a mandate replaces the earlier
    present = {grant.mandate: grant for grant in grants}.values()
    expected = holding([g for g in present if g.live], org, power, "a", place, NOW)
    found = book.holding(org, power, "a", place, NOW)
    # Of several by the same area, role and term either will do: they allow the same.
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert (found.area, found.role, found.term) == (expected.area, expected.role, expected.term)


async def test_it_follows_what_the_replica_has_applied(demo: Demo) -> None:
    log, book = AuthorityLog(demo), Book()

    async def same() -> None:
        async with demo.database.read() as conn:
            await book.follow(conn)
            for place in (DISTRICT, STREET, COMMUNITY, COMMUNITY + "001"):
                rows = await covering(conn, AFFAIR, place)
                assert {g.mandate: g for g in book.covering(AFFAIR, place)} == {g.mandate: g for g in rows}

    await log.grant("root", "dept", AFFAIR, DISTRICT, [POWER])
    await same()
    await log.grant("m1", "community", AFFAIR, COMMUNITY, [POWER])
    await same()
    await log.opened("s1", [{"affair": AFFAIR, "area": STREET, "role": "lead"}])
    await same()
    await log.dropped("s1")
    await same()
    await log.revoke("m1", "community", AFFAIR, COMMUNITY)
    await same()
    ended = book.by_mandate("m1")
    assert ended is not None
    assert not ended.live


async def test_a_database_that_is_behind_what_was_read_is_another_one_and_is_read_anew(demo: Demo) -> None:
    log, book = AuthorityLog(demo), Book()
    await log.grant("root", "dept", AFFAIR, DISTRICT, [POWER])
    book.sequence = 4711
    book._take([Grant("ghost", AFFAIR, DISTRICT, LEAD, "ghost", frozenset({POWER}), 1, NOW)])
    async with demo.database.read() as conn:
        await book.follow(conn)
    assert [g.mandate for g in book.covering(AFFAIR, DISTRICT)] == ["root"]
