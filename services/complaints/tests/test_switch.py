"""Cases of slots that move by a switch, which waits for them."""

from __future__ import annotations

from datetime import timedelta

from suizhuan.testing import published

from .conftest import (
    AFFAIR,
    ASSIST_MANDATE,
    COMMUNITY,
    FIRM,
    GAP,
    HANDLE,
    LEAD_MANDATE,
    NANGUAN,
    PRICE,
    SANITATION,
    STREET,
    STREET_ORG,
    XIANGLI,
    World,
    of,
)


async def open_switch(world: World, switch: str = "s1") -> bool:
    """The lead slot of the community is about to move; returns what the acknowledgement says of pending cases."""
    await world.log.opened(switch, [world.lead_slot()])
    found = await published(world.service.parts, forget=False)
    acknowledged = [e for e in found if e.name == "complaints.replica.acknowledged"]
    return bool(acknowledged[-1].data["pending_cases"])


async def do_switch(world: World, holder: str = STREET_ORG, switch: str = "s1", **more: object) -> None:
    new = world.new("m2", holder, **more)
    await world.log.done(switch, [{**world.lead_slot(), "old": world.old(), "new": new}])
    await world.log.beat()


async def test_a_switch_without_open_cases_waits_for_none(world: World) -> None:
    case = await world.report()
    await world.finish(case)
    await world.report(area=STREET)  # the owner's, outside the slot
    await world.events()
    assert await open_switch(world) is False
    assert await world.names() == []


async def test_a_switch_moves_its_open_cases_when_their_money_is_held(world: World) -> None:
    first, second = await world.report(), await world.report()
    await world.post(f"/cases/{second}/start", COMMUNITY)
    await world.events()
    assert await open_switch(world) is True
    asked = await world.events()
    assert [(e.name, e.key) for e in asked] == [("complaints.case.hold_requested", c) for c in (first, second)]
    assert asked[0].data == {
        "case": first,
        "case_term": 1,
        "switch": "s1",
        "mandate": LEAD_MANDATE,
        "owner": SANITATION,
        "price_fen": PRICE,
        "needed_fen": PRICE,
    }
    await world.placed("s1", first, 1, PRICE, hold="h1", purpose="switch")
    assert await world.names() == []
    await world.placed("s1", second, 1, PRICE, hold="h2", purpose="switch")
    (ready,) = await world.events()
    assert (ready.name, ready.data) == ("complaints.switch.cases_ready", {"switch": "s1", "cases": 2})
    await do_switch(world)
    moved = of(await world.events(), "case.repointed")
    assert [(e.key, e.data["to"], e.data["mandate"], e.data["hold"]) for e in moved] == [
        (first, STREET_ORG, "m2", "h1"),
        (second, STREET_ORG, "m2", "h2"),
    ]
    assert {(e.attributes["mandate"], e.data["case_term"], e.data["cause"]) for e in moved} == {("m2", 2, "switch")}
    found = await world.case(second)
    assert (found["state"], found["responsible"], found["held_fen"], found["switch"]) == (
        "dispatched",
        STREET_ORG,
        PRICE,
        None,
    )
    assert await world.refused(f"/cases/{second}/start", COMMUNITY) == (403, "missing_power")
    await world.post(f"/cases/{second}/start", STREET_ORG)


async def test_nobody_acts_and_nothing_moves_while_a_switch_is_open(world: World) -> None:
    case = await world.report()
    await open_switch(world)
    assert await world.refused(f"/cases/{case}/start", COMMUNITY) == (503, "power_in_transition")
    assert (await world.case(case))["responsible"] == COMMUNITY


async def test_a_redelivered_answer_says_ready_only_once(world: World) -> None:
    case = await world.report()
    await open_switch(world)
    await world.placed("s1", case, 1, PRICE, purpose="switch")
    await world.events()
    before = await world.case(case)
    await world.placed("s1", case, 1, PRICE, purpose="switch")
    await world.short("s1", case, 1, PRICE, purpose="switch")
    assert await world.names() == []
    assert await world.case(case) == before


async def test_the_owner_takes_a_case_for_which_nobody_can_pay_and_works_on_it(world: World) -> None:
    case = await world.report()
    await open_switch(world)
    await world.short("s1", case, 1, PRICE, purpose="switch")
    assert "switch.cases_ready" in await world.names()
    await do_switch(world)
    found = await world.case(case)
    assert (found["responsible"], found["mandate"], found["taken"]) == (SANITATION, f"root:{AFFAIR}", True)
    assert await world.refused(f"/cases/{case}/start", STREET_ORG) == (403, "not_responsible")
    await world.finish(case, SANITATION)
    assert of(await world.events(), "case.verified")[0].data["mandate"] == f"root:{AFFAIR}"


async def test_a_case_that_came_while_the_switch_was_open_follows_without_a_hold(world: World) -> None:
    await open_switch(world)
    case = await world.report()
    assert (await world.case(case))["responsible"] == COMMUNITY
    await world.events()
    await do_switch(world)
    (moved,) = await world.events()
    assert (moved.data["to"], moved.data["hold"]) == (STREET_ORG, None)


async def test_a_case_that_ends_while_the_switch_waits_is_waited_for_no_longer(world: World) -> None:
    first, second = await world.report(), await world.report()
    await world.post(f"/cases/{first}/start", COMMUNITY)
    await world.post(f"/cases/{first}/result", COMMUNITY)
    await open_switch(world)
    await world.placed("s1", second, 1, PRICE, purpose="switch")
    await world.events()
    await world.post(f"/cases/{first}/verification", STREET_ORG, {"result": "passed"})
    assert sorted(await world.names()) == ["case.verified", "switch.cases_ready"]
    await world.placed("s1", first, 1, PRICE, hold="h2", purpose="switch")
    await do_switch(world)
    assert [e.key for e in of(await world.events(), "case.repointed")] == [second]
    assert (await world.case(first))["responsible"] == COMMUNITY


async def test_a_dropped_switch_releases_what_was_held_and_the_case_stays(world: World) -> None:
    case = await world.report()
    await open_switch(world)
    await world.placed("s1", case, 1, PRICE, purpose="switch")
    await world.events()
    await world.log.dropped("s1")
    (dropped,) = await world.events()
    assert (dropped.name, dropped.data) == (
        "complaints.case.switch_holds_dropped",
        {"switch": "s1", "case": case, "holds": ["h1"]},
    )
    found = await world.case(case)
    assert (found["responsible"], found["held_fen"], found["switch"]) == (COMMUNITY, 0, None)
    await world.post(f"/cases/{case}/start", COMMUNITY)


async def test_a_hold_that_comes_after_its_switch_was_dropped_is_released(world: World) -> None:
    case = await world.report()
    await open_switch(world)
    await world.log.dropped("s1")
    await world.events()
    await world.placed("s1", case, 1, PRICE, hold="late", purpose="switch")
    (dropped,) = await world.events()
    assert dropped.data == {"switch": "s1", "case": case, "holds": ["late"]}
    assert (await world.case(case))["held_fen"] == 0


async def test_a_new_mandate_takes_over_the_open_cases_of_the_root(world: World) -> None:
    case = await world.report(area=XIANGLI)
    slot = world.lead_slot(XIANGLI)
    await world.log.opened("s1", [slot])
    await world.placed("s1", case, 1, PRICE, purpose="switch")
    new = world.new("m-xiangli", COMMUNITY, XIANGLI)
    await world.log.done("s1", [{**slot, "old": None, "new": new}])
    found = await world.case(case)
    assert (found["responsible"], found["mandate"], found["held_fen"]) == (COMMUNITY, "m-xiangli", PRICE)


async def test_an_early_end_brings_the_cases_to_the_broader_holder(world: World) -> None:
    case = await world.report()
    await open_switch(world)
    await world.placed("s1", case, 1, PRICE, purpose="switch")
    await world.log.done("s1", [{**world.lead_slot(), "old": world.old(), "new": None}])
    await world.log.beat()
    found = await world.case(case)
    assert (found["responsible"], found["taken"]) == (SANITATION, False)
    await world.finish(case, SANITATION)


async def handled_and_moved(world: World) -> str:
    """The community did the work; before its check the mandate ended, and the department answers for the case."""
    case = await world.report()
    await world.post(f"/cases/{case}/start", COMMUNITY)
    await world.post(f"/cases/{case}/result", COMMUNITY)
    await open_switch(world)
    await world.placed("s1", case, 1, PRICE, purpose="switch")
    await world.log.done("s1", [{**world.lead_slot(), "old": world.old(), "new": None}])
    await world.log.beat()
    found = await world.case(case)
    assert (found["responsible"], found["state"]) == (SANITATION, "handled")
    await world.events()
    return case


async def test_who_did_the_work_is_paid_for_it_also_when_the_case_has_moved_before_its_check(world: World) -> None:
    case = await handled_and_moved(world)
    await world.post(f"/cases/{case}/verification", STREET_ORG, {"result": "passed"})
    (verified,) = of(await world.events(), "case.verified")
    assert (verified.data["payee"], verified.data["responsible"]) == (COMMUNITY, SANITATION)


async def test_work_that_fails_its_check_after_a_move_is_done_and_paid_anew(world: World) -> None:
    case = await handled_and_moved(world)
    await world.post(f"/cases/{case}/verification", STREET_ORG, {"result": "failed"})
    assert await world.refused(f"/cases/{case}/result", COMMUNITY) == (403, "missing_power")
    await world.post(f"/cases/{case}/result", SANITATION)
    await world.post(f"/cases/{case}/verification", STREET_ORG, {"result": "passed"})
    (verified,) = of(await world.events(), "case.verified")
    assert (verified.data["payee"], verified.data["responsible"]) == (SANITATION, SANITATION)


async def test_a_narrower_mandate_keeps_its_cases_when_a_broader_slot_switches(world: World) -> None:
    case = await world.report()
    await world.log.grant("m-street", STREET_ORG, AFFAIR, STREET, [HANDLE])
    assert (await world.case(case))["responsible"] == COMMUNITY
    assert (await world.case(case))["case_term"] == 1


async def test_cases_of_an_assisting_firm_go_to_the_lead_when_its_grant_ends(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    slot = {"affair": AFFAIR, "area": STREET, "role": "assist", "mandate": ASSIST_MANDATE}
    await world.log.opened("s1", [slot])
    asked = of(await world.events(), "case.hold_requested")
    assert [(e.data["needed_fen"], e.data["mandate"]) for e in asked] == [(0, ASSIST_MANDATE)]
    await world.placed("s1", case, 2, 0, hold="hz", purpose="switch")
    await world.log.done("s1", [{**slot, "old": world.old(ASSIST_MANDATE, FIRM), "new": None}])
    await world.log.beat()
    found = await world.case(case)
    assert (found["responsible"], found["mandate"], found["held_fen"]) == (COMMUNITY, LEAD_MANDATE, PRICE)


async def test_an_assisting_firms_case_stays_when_only_the_lead_slot_switches(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    assert await open_switch(world) is False
    await do_switch(world)
    assert (await world.case(case))["responsible"] == FIRM


async def test_a_switch_to_a_grant_that_begins_in_a_moment_points_to_it_at_once(world: World) -> None:
    case = await world.report()
    await open_switch(world)
    await world.placed("s1", case, 1, PRICE, purpose="switch")
    await do_switch(world, starts_at=world.clock.now() + timedelta(seconds=GAP))
    assert (await world.case(case))["responsible"] == STREET_ORG
    assert (await world.case(await world.report()))["responsible"] == STREET_ORG


async def test_a_case_outside_the_slot_is_left_alone(world: World) -> None:
    await world.log.grant("m-north", STREET_ORG, AFFAIR, XIANGLI, [HANDLE])
    case = await world.report(area=XIANGLI)
    await world.report(area=NANGUAN)
    await open_switch(world)
    assert all(e.key != case for e in of(await world.events(), "case.hold_requested"))
