"""One verdict in two forms: PostgreSQL's one statement and the kernel's plain functions say the same of any act.

The simulation of the leases (`tests/leases`) judges by the functions, a service on PostgreSQL by the statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from suizhuan.authority.grants import to_grant, yielding_to
from suizhuan.db import rows
from suizhuan.db.tables import authority_state, grants
from suizhuan.decision import Decision
from suizhuan.guard_statement import carry_out
from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Act, Beat, Grant, Timing, Yielding, check_act, check_beat
from suizhuan.testing_databases import Databases

from .conftest import Demo

pytestmark = pytest.mark.real

NOW = ManualClock().now()
TIMING = Timing()
GAP, STALE, FUTURE = TIMING.handover_gap, TIMING.max_staleness, 2 * TIMING.clock_error
ONE = timedelta(microseconds=1)
AREAS = ("321302", "321302002", "321302002907", "321302002908", "321302002907001")
# Moments on either side of every border that the rule knows, and the borders themselves.
BORDERS = (timedelta(), GAP, -GAP, STALE, -STALE, FUTURE, -FUTURE)
moments = st.sampled_from([NOW + border + by for border in BORDERS for by in (-ONE, timedelta(), ONE)])
area, affair = st.sampled_from(AREAS), st.sampled_from(["a", "b"])
org, power, mandate = st.sampled_from(["x", "y"]), st.sampled_from(["p", "q"]), st.sampled_from(["m1", "m2"])
yieldings = st.builds(
    Yielding,
    area,
    switch=st.none() | st.just("s"),
    mandate=st.none() | st.just("n"),
    until=st.none() | moments,
)


@st.composite
def grant(draw: st.DrawFn, name: str) -> Grant:
    return Grant(
        mandate=name,
        affair=draw(affair),
        area=draw(area),
        role=draw(st.sampled_from(["lead", "assist"])),
        holder=draw(org),
        powers=frozenset(draw(st.sets(power))),
        term=draw(st.sampled_from([1, 2])),
        starts_at=draw(moments),
        ends_at=draw(st.none() | moments),
        yielding=tuple(draw(st.lists(yieldings, max_size=2))),
        live=draw(st.sampled_from([True, True, True, False])),
    )


@st.composite
def act_near(draw: st.DrawFn, known: list[Grant]) -> Act:
    """An act that fits one of the grants, but for at most one thing: else hardly any would pass."""
    found = draw(st.sampled_from(known))
    fitting = {
        "power": sorted(found.powers)[0] if found.powers else "p",
        "affair": found.affair,
        "place": draw(st.sampled_from([a for a in AREAS if a.startswith(found.area)])),
        "org": found.holder,
        "mandate": found.mandate,
        "term": found.term,
    }
    other = {"power": power, "affair": affair, "place": area, "org": org, "mandate": mandate, "term": st.just(3)}
    changed = draw(st.none() | st.sampled_from(sorted(other)))
    if changed is not None:
        fitting[changed] = draw(other[changed])
    return Act(**fitting)  # type: ignore[arg-type]


@st.composite
def situation(draw: st.DrawFn) -> tuple[list[Grant], list[Act], Beat, str]:
    known = [draw(grant("m1")), *([draw(grant("m2"))] if draw(st.booleans()) else [])]
    acts = draw(st.lists(act_near(known), min_size=1, max_size=2))
    named = draw(st.sampled_from([("me",), ("me", "other"), ("other",), ()]))
    sent = draw(st.sampled_from([NOW, NOW, NOW - ONE]) | moments | st.none())
    return known, acts, Beat(sent, frozenset(named)), draw(st.sampled_from(["me", "me", ""]))


def by_functions(known: list[Grant], acts: list[Act], beat: Beat, replica: str) -> bool:
    try:
        check_beat(beat, replica, NOW, TIMING)
        for each in acts:
            check_act(each, next((g for g in known if g.mandate == each.mandate), None), NOW, TIMING)
    except Refusal:
        return False
    return True


def row(found: Grant) -> dict[str, Any]:
    values = {name: getattr(found, name) for name in ("mandate", "affair", "area", "role", "holder", "term", "live")}
    values |= {"starts_at": found.starts_at, "ends_at": found.ends_at, "successor": None, "sequence": 1}
    return {**values, "powers": sorted(found.powers), "yielding": yielding_to(found.yielding)}


async def by_statement(demo: Demo, known: list[Grant], acts: list[Act], beat: Beat, replica: str) -> bool:
    async with demo.database.read() as conn:  # rolled back: nothing of it stays
        # The statement also asks whether the replica is of this very database: so each name goes on with it.
        here = await demo.database.incarnation(conn)
        state = {"id": 1, "replica": f"{replica}:{here}", "sequence": 1, "offset": 1, "joined_at": None}
        await conn.execute(delete(grants))
        await conn.execute(delete(authority_state))
        await conn.execute(insert(grants), [row(g) for g in known])
        beating = {"beat_at": beat.sent_at, "beat_replicas": sorted(f"{name}:{here}" for name in beat.replicas)}
        await conn.execute(insert(authority_state).values(**state, **beating))
        for found in (await conn.execute(grants.select())).all():
            assert to_grant(found) == next(g for g in known if g.mandate == found.mandate)
        return (await carry_out(conn, Decision(acts=list(acts)), NOW, TIMING)).ok


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.real)])
def databases(postgres_databases: Databases) -> Databases:
    """Only there the verdict is a statement."""
    return postgres_databases


@pytest.mark.parametrize("few", [rows.FEW, 0], ids=["spelled out", "as arrays"])
async def test_the_statement_and_the_functions_judge_alike(
    demo: Demo, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "FEW", few)
    cases: list[tuple[list[Grant], list[Act], Beat, str]] = []

    @settings(max_examples=250, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(situation())
    def collect(case: tuple[list[Grant], list[Act], Beat, str]) -> None:
        cases.append(case)

    collect()
    passed = 0
    for known, acts, beat, replica in cases:
        expected = by_functions(known, acts, beat, replica)
        passed += expected
        assert await by_statement(demo, known, acts, beat, replica) is expected, (known, acts, beat, replica)
    assert len(cases) * 0.02 < passed < len(cases) * 0.98, f"{passed} of {len(cases)} passed: hardly a comparison"
