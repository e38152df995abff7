"""Commands and records of the authority log at the same time: nothing slips between them, and nobody waits in a
circle."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from complaints import desk, store
from complaints.domain.closing import close
from complaints.domain.intake import report
from complaints.rules import Rules
from complaints.tables import handovers
from suizhuan.context import Context, new_id
from suizhuan.kernel.worktime import Limit
from suizhuan.unit_of_work import Authority, Tx

from .conftest import AFFAIR, COMMUNITY, FIRM, GRID, PRICE, STREET_ORG, World, of


async def test_a_case_that_is_being_routed_is_seen_by_the_switch_that_opens_meanwhile(world: World) -> None:
    parts = world.service.parts
    rules: Rules = world.service.app.state.rules
    async with parts.uow.begin(Context("resident-1", None, "c1")) as tx:
        reported = report(
            case=new_id(),
            category="01-02",
            affair=AFFAIR,
            area=GRID,
            channel="web",
            limit=Limit(4, "WH"),
            price_fen=0,
            now=tx.now,
            clockwork=rules.clockwork,
        )
        found = await desk.try_to_route(tx, rules, reported.case)
        assert found is not None
        routed, grant = found
        personal = store.Personal("resident-1", None, None, None, "x")
        await store.add_case(tx, [(reported, None, None), (routed, Authority.of(grant), None)], personal)
        opening = asyncio.create_task(world.log.opened("s1", [world.lead_slot()]))
        await asyncio.sleep(0.3)
        assert not opening.done()
    await opening
    assert [e.key for e in of(await world.events(), "case.hold_requested")] == [reported.case.id]


async def test_commands_and_a_switch_at_once_end_quickly_and_nobody_acts_after_the_acknowledgement(
    world: World,
) -> None:
    cases = [await world.report() for _ in range(12)]
    await world.events()
    started = asyncio.get_running_loop().time()
    answers, _ = await asyncio.gather(
        asyncio.gather(*(world.ask("POST", f"/cases/{case}/start", COMMUNITY) for case in cases)),
        world.log.opened("s1", [world.lead_slot()]),
    )
    assert asyncio.get_running_loop().time() - started < 5
    codes = {(a.status_code, a.json().get("code")) for a in answers}
    assert codes <= {(200, None), (503, "power_in_transition"), (503, "unavailable")}
    events = await world.events()
    assert len(of(events, "case.hold_requested")) == 12
    asked = [i for i, e in enumerate(events) if e.name.endswith("hold_requested")]
    acted = [i for i, e in enumerate(events) if e.name.endswith("case.started")]
    assert not acted or max(acted) < min(asked)
    assert len(acted) == sum(a.status_code == 200 for a in answers)


async def test_two_answers_at_once_say_ready_exactly_once(world: World) -> None:
    cases = [await world.report() for _ in range(6)]
    await world.log.opened("s1", [world.lead_slot()])
    await world.events()
    await asyncio.gather(
        *(world.placed("s1", c, 1, PRICE, hold=f"h{i}", purpose="switch") for i, c in enumerate(cases))
    )
    assert await world.names() == ["switch.cases_ready"]
    done = [{**world.lead_slot(), "old": world.old(), "new": world.new("m2", STREET_ORG)}]
    await world.log.done("s1", done)
    assert len(of(await world.events(), "case.repointed")) == 6


async def test_two_handovers_of_one_case_at_once_leave_one(world: World) -> None:
    case = await world.report()
    answers = await asyncio.gather(
        *(world.ask("POST", f"/cases/{case}/handovers", COMMUNITY, {"to": "firm-jiecheng"}) for _ in range(4))
    )
    assert sorted(a.status_code for a in answers) == [202, 409, 409, 409]


async def test_a_payment_that_comes_while_its_case_is_being_closed_is_not_forgotten(world: World) -> None:
    """It is noted without an event, so the version of the case does not tell; then the closing looks again."""
    if world.service.parts.database.is_sqlite:
        pytest.skip("one writer: nothing comes in between")
    case = await world.report()
    await world.post(f"/cases/{case}/start", COMMUNITY)
    await world.post(f"/cases/{case}/result", COMMUNITY)
    await world.post(f"/cases/{case}/verification", STREET_ORG, {"result": "passed"})
    reads = 0

    async def closing(tx: Tx) -> None:
        nonlocal reads
        reads += 1
        found = await store.get_case(tx.conn, case)
        if reads == 1:
            await world.hear("finance.case.paid", case, {"case": case, "amount_fen": PRICE, "price_fen": PRICE})
        await store.save(tx, close(found, by=STREET_ORG, now=tx.now), None)

    await world.service.parts.uow.decide(Context("staff-1", STREET_ORG, "c1"), closing)
    assert reads == 2
    events = await world.events()
    assert [e.data["paid_fen"] for e in of(events, "case.settled")] == [PRICE]
    assert (await world.case(case))["settled_at"] is not None


async def test_a_handover_asked_for_while_its_case_changes_is_asked_for_once(world: World) -> None:
    """What was decided on a case that has changed since leaves nothing: least of all a handover that waits for ever."""
    if world.service.parts.database.is_sqlite:
        pytest.skip("one writer: nothing comes in between")
    case = await world.report()
    command: Any = SimpleNamespace(identity=SimpleNamespace(kind="staff", org=COMMUNITY), check_version=lambda _: None)
    reads = 0

    async def asking(tx: Tx) -> str:
        nonlocal reads
        reads += 1
        _, made = await world.service.app.state.handovers.request(tx, command, case, FIRM, None, None)
        if reads == 1:
            await world.post(f"/cases/{case}/start", COMMUNITY)
        return str(made.id)

    asked = await world.service.parts.uow.decide(Context("staff-1", COMMUNITY, "c1"), asking)
    assert reads == 2
    async with world.service.parts.database.read() as conn:
        rows = (await conn.execute(select(handovers.c.id).where(handovers.c.case_id == case))).scalars().all()
    assert rows == [asked]
