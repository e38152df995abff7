"""Cases of a mandate that comes to its planned end, which nobody announces."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .conftest import (
    AFFAIR,
    COMMUNITY,
    FIRM,
    GAP,
    GRID,
    HANDLE,
    PRICE,
    SANITATION,
    STREET,
    STREET_ORG,
    World,
    of,
)


@pytest.fixture
async def ending(world: World) -> World:
    """The community's mandate ends as planned in an hour."""
    await world.ends_at(world.clock.now() + timedelta(hours=1))
    return world


async def test_the_holds_of_a_planned_end_are_asked_for_ahead_and_its_cases_move_afterwards(ending: World) -> None:
    case = await ending.report()
    await ending.events()
    await ending.later(3000)
    (asked,) = of(await ending.events(), "case.hold_requested")
    assert (asked.data["mandate"], asked.data["switch"]) == ("m-planned", "end:m-planned:2")
    await ending.placed("end:m-planned:2", case, 1, PRICE, purpose="switch")
    assert await ending.names() == []
    await ending.post(f"/cases/{case}/start", COMMUNITY)
    await ending.later(600)
    assert (await ending.case(case))["responsible"] == COMMUNITY
    assert await ending.refused(f"/cases/{case}/result", COMMUNITY) == (409, "term_passed")
    await ending.later(GAP)
    (moved,) = of(await ending.events(), "case.repointed")
    assert (moved.data["cause"], moved.data["to"], moved.data["hold"]) == ("planned_end", SANITATION, "h1")
    await ending.finish(case, SANITATION)


async def test_money_held_only_after_a_planned_end_follows_its_case(ending: World) -> None:
    """Finance or the log was down over the end: the case could not wait, its money comes after it."""
    case = await ending.report()
    await ending.later(3000)
    await ending.later(600 + GAP)
    assert (await ending.case(case))["responsible"] == SANITATION
    await ending.events()
    for _ in range(2):  # heard twice, it is kept once
        await ending.placed("end:m-planned:2", case, 1, PRICE, purpose="switch")
    assert await ending.names() == []
    found = await ending.case(case)
    assert (found["held_fen"], found["case_term"]) == (PRICE, 2)
    asked = await ending.request(case, FIRM, SANITATION)
    assert (asked["carried_fen"], asked["needed_fen"]) == (PRICE, 0)


async def test_money_held_after_a_planned_end_is_free_again_when_its_case_has_moved_on(ending: World) -> None:
    case = await ending.report()
    await ending.later(3000)
    await ending.later(600 + GAP)
    await ending.hand_over(case, FIRM, SANITATION, hold="h2")
    await ending.events()
    await ending.placed("end:m-planned:2", case, 1, PRICE, purpose="switch")
    (dropped,) = of(await ending.events(), "case.switch_holds_dropped")
    assert dropped.data["holds"] == ["h1"]
    assert (await ending.case(case))["held_fen"] == PRICE


async def test_a_planned_end_passes_while_mandates_is_down(ending: World) -> None:
    """Nobody announces it, no beat comes: complaints moves its cases by a row of its own."""
    case = await ending.report()
    ending.clock.advance(3599)
    await ending.log.beat()
    await ending.later(1 + GAP, beat=False)
    await ending.later(1, beat=False)
    found = await ending.case(case)
    assert (found["responsible"], found["mandate"]) == (SANITATION, f"root:{AFFAIR}")


async def test_a_planned_end_waits_while_the_replica_is_stale(ending: World) -> None:
    case = await ending.report()
    ending.clock.advance(3600 + GAP)
    await ending.restart()
    from suizhuan.deadlines import Deadlines

    runner = Deadlines(ending.service.parts.uow, ending.service.deadlines, ending.clock)
    for _ in range(5):
        await runner.step()
    assert (await ending.case(case))["responsible"] == COMMUNITY
    await ending.log.beat()
    await ending.deadlines()
    assert (await ending.case(case))["responsible"] == SANITATION


async def test_a_planned_end_without_money_leaves_the_case_to_the_owner(ending: World) -> None:
    await ending.log.grant("m-street", STREET_ORG, AFFAIR, STREET, [HANDLE])
    case = await ending.report()
    await ending.later(3000)
    await ending.short("end:m-planned:2", case, 1, PRICE, purpose="switch")
    await ending.later(600 + GAP)
    found = await ending.case(case)
    assert (found["responsible"], found["taken"]) == (SANITATION, True)
    await ending.finish(case, SANITATION)


async def test_a_handover_that_waits_over_a_planned_end_is_refused_and_the_case_moves(ending: World) -> None:
    await ending.report()
    await ending.later(3300)
    case = await ending.report()
    asked = await ending.request(case)
    await ending.events()
    await ending.later(300 + GAP)
    found = [e for e in await ending.events() if e.key == case and not e.name.endswith("card_raised")]
    refused, moved = found
    assert (refused.data["reason"], refused.attributes["mandate"]) == ("giver_without_power", "m-planned")
    assert moved.data["to"] == SANITATION
    await ending.placed(asked["id"], case, 1, PRICE)
    assert (await ending.case(case))["responsible"] == SANITATION


async def test_a_handover_takes_the_hold_of_a_planned_end_along(ending: World) -> None:
    case = await ending.report()
    await ending.later(3000)
    assert await ending.refused(f"/cases/{case}/handovers", COMMUNITY, {"to": FIRM}) == (409, "movement_under_way")
    await ending.placed("end:m-planned:2", case, 1, PRICE, purpose="switch")
    asked = await ending.request(case)
    assert asked["needed_fen"] == 0
    await ending.placed(asked["id"], case, 1, 0, hold="h2")
    await ending.later(600 + GAP)
    found = await ending.case(case)
    assert (found["responsible"], found["held_fen"]) == (FIRM, PRICE)


async def test_a_case_reported_between_a_planned_end_and_its_move_goes_to_the_broader_holder(ending: World) -> None:
    await ending.later(3601)
    assert (await ending.case(await ending.report(area=GRID)))["responsible"] == SANITATION


async def test_a_mandate_that_a_switch_took_away_needs_no_planned_end(ending: World) -> None:
    case = await ending.report()
    await ending.log.opened("s1", [ending.lead_slot()])
    await ending.placed("s1", case, 1, PRICE, purpose="switch")
    new = ending.new("m2", STREET_ORG)
    await ending.log.done("s1", [{**ending.lead_slot(), "old": ending.old("m-planned"), "new": new}])
    await ending.later(3000)
    await ending.later(700)
    found = await ending.case(case)
    assert (found["responsible"], found["case_term"]) == (STREET_ORG, 2)
