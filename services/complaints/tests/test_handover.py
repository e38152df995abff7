"""The handover saga and its races (authority §4). Only complaints decides; finance's answers come as events."""

from __future__ import annotations

from .conftest import (
    AFFAIR,
    ASSIST_MANDATE,
    CENTRE,
    COMMUNITY,
    FIRM,
    HANDLE,
    LEAD_MANDATE,
    NANGUAN,
    OTHER,
    OTHER_PRICE,
    PRICE,
    SANITATION,
    STREET,
    STREET_ORG,
    World,
    of,
)


async def state_of(world: World, handover: str) -> tuple[str, str | None]:
    found = await world.get(f"/handovers/{handover}")
    return found["state"], found["reason"]


async def test_the_duty_moves_only_when_the_money_is_held(world: World) -> None:
    case = await world.report()
    await world.events()
    asked = await world.request(case)
    (requested,) = await world.events()
    assert requested.data == {
        "case": case,
        "case_term": 1,
        "handover": asked["id"],
        "giver": COMMUNITY,
        "receiver": FIRM,
        "affair": AFFAIR,
        "area": f"{NANGUAN}001",
        "mandate": LEAD_MANDATE,
        "price_fen": PRICE,
        "carried_fen": 0,
        "needed_fen": PRICE,
        "expires_at": requested.data["expires_at"],
    }
    assert (await world.case(case))["responsible"] == COMMUNITY
    await world.placed(asked["id"], case, 1, PRICE)
    (moved,) = await world.events()
    assert moved.name == "complaints.case.handed_over"
    assert (moved.data["receiver"], moved.data["mandate"], moved.data["case_term"]) == (FIRM, ASSIST_MANDATE, 2)
    assert (moved.attributes["org"], moved.attributes["mandate"]) == (FIRM, ASSIST_MANDATE)
    assert moved.data["hold"] == "h1"
    found = await world.case(case)
    assert (found["responsible"], found["held_fen"], found["state"]) == (FIRM, PRICE, "dispatched")
    assert await state_of(world, asked["id"]) == ("moved", None)


async def test_the_old_holder_is_refused_at_once_and_the_new_one_acts(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    answer = await world.ask("POST", f"/cases/{case}/start", COMMUNITY)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_responsible")
    assert answer.json()["params"]["responsible"] == FIRM
    assert await world.refused(f"/cases/{case}/start", COMMUNITY, {"case_term": 1}) == (409, "case_term_passed")
    await world.post(f"/cases/{case}/start", FIRM, {"case_term": 2})


async def test_a_giver_without_money_stays_responsible(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.events()
    await world.short(asked["id"], case, 1, 2_500)
    (refused,) = await world.events()
    assert (refused.data["reason"], refused.data["shortfall_fen"]) == ("shortfall", 2_500)
    found = await world.case(case)
    assert (found["responsible"], found["case_term"], found["handover"]) == (COMMUNITY, 1, None)
    await world.post(f"/cases/{case}/start", COMMUNITY)


async def test_a_receiver_without_a_grant_is_refused_before_any_money_is_asked_for(world: World) -> None:
    case = await world.report()
    await world.events()
    answer = await world.ask("POST", f"/cases/{case}/handovers", COMMUNITY, {"to": CENTRE})
    assert (answer.status_code, answer.json()["code"]) == (409, "receiver_without_power")
    assert answer.json()["params"]["owner"] == SANITATION
    assert await world.names() == []
    assert (await world.case(case))["responsible"] == COMMUNITY


async def test_a_receiver_whose_grant_yields_to_a_narrower_one_is_refused(world: World) -> None:
    """The affair's owner holds the root, but not here: the community leads here."""
    case = await world.report()
    assert await world.refused(f"/cases/{case}/handovers", COMMUNITY, {"to": SANITATION}) == (
        409,
        "receiver_without_power",
    )


async def test_a_handover_may_change_the_affair_and_with_it_the_price(world: World) -> None:
    case = await world.report()
    asked = await world.request(case, SANITATION, affair=OTHER)
    assert (asked["price_fen"], asked["needed_fen"]) == (OTHER_PRICE, OTHER_PRICE)
    await world.placed(asked["id"], case, 1, OTHER_PRICE)
    found = await world.case(case)
    assert (found["affair"], found["responsible"], found["mandate"]) == (OTHER, SANITATION, f"root:{OTHER}")


async def test_a_root_holder_pays_from_its_own_budget(world: World) -> None:
    case = await world.report(area=STREET)
    asked = await world.request(case, FIRM, SANITATION)
    assert asked["mandate"] is None


async def test_a_price_of_zero_takes_the_same_way(world: World) -> None:
    await world.hear("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": 0})
    case = await world.report()
    asked = await world.request(case)
    assert asked["needed_fen"] == 0
    assert (await world.case(case))["responsible"] == COMMUNITY
    await world.placed(asked["id"], case, 1, 0)
    assert (await world.case(case))["responsible"] == FIRM
    assert of(await world.events(), "case.handed_over")[0].data["hold"] is None


async def test_a_redelivered_hold_changes_nothing(world: World) -> None:
    case = await world.report()
    handover = await world.hand_over(case)
    await world.events()
    before = await world.case(case)
    await world.placed(handover, case, 1, PRICE)
    await world.short(handover, case, 1, 5)
    await world.placed("nobody", case, 1, PRICE)
    await world.placed(handover, "nobody", 1, PRICE)
    assert await world.names() == []
    assert await world.case(case) == before


# --- races, each by its name ---------------------------------------------------------------------------------------


async def test_a_hold_that_comes_after_the_deadline_moves_nothing(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.events()
    await world.later(600)
    refused = of(await world.events(), "case.handover_refused")
    assert [e.data["reason"] for e in refused] == ["expired"]
    await world.placed(asked["id"], case, 1, PRICE)
    assert await world.names() == []
    assert (await world.case(case))["responsible"] == COMMUNITY


async def test_a_hold_that_comes_after_the_deadline_but_before_its_row_moves_nothing(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    world.clock.advance(601)
    await world.placed(asked["id"], case, 1, PRICE)
    assert await state_of(world, asked["id"]) == ("refused", "expired")
    await world.events()
    await world.deadlines()
    assert of(await world.events(), "case.handover_refused") == []


async def test_the_case_was_closed_while_the_handover_waited(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.events()
    body = {"outcome": "invalid", "reason": "out_of_scope", "redirect": "police"}
    await world.post(f"/cases/{case}/closure", STREET_ORG, body)
    refused, closed = await world.events()
    assert (refused.data["reason"], closed.data["outcome"]) == ("closed", "invalid")
    await world.placed(asked["id"], case, 1, PRICE)
    assert await world.names() == []
    assert (await world.case(case))["state"] == "closed"


async def test_the_work_was_done_while_the_handover_waited(world: World) -> None:
    case = await world.report()
    await world.post(f"/cases/{case}/start", COMMUNITY)
    asked = await world.request(case)
    await world.events()
    await world.post(f"/cases/{case}/result", COMMUNITY)
    assert await world.names() == ["case.handover_refused", "case.handled"]
    await world.placed(asked["id"], case, 1, PRICE)
    assert await state_of(world, asked["id"]) == ("refused", "closed")
    assert (await world.case(case))["responsible"] == COMMUNITY


async def test_the_case_was_re_routed_while_the_handover_waited(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    slot = world.lead_slot()
    await world.log.opened("s1", [slot])
    await world.placed("s1", case, 1, PRICE, hold="hs", purpose="switch")
    await world.log.done("s1", [{**slot, "old": world.old(), "new": world.new("m2", STREET_ORG)}])
    await world.log.beat()
    await world.events()
    await world.placed(asked["id"], case, 1, PRICE)
    assert await world.names() == []
    found = await world.case(case)
    assert (found["responsible"], found["case_term"], found["held_fen"]) == (STREET_ORG, 2, PRICE)


async def test_complaints_restarts_while_the_handover_waits(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.restart()
    await world.placed(asked["id"], case, 1, PRICE)
    assert (await world.case(case))["responsible"] == FIRM


async def test_complaints_restarts_and_the_deadline_still_comes(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.restart()
    await world.later(600)
    assert await state_of(world, asked["id"]) == ("refused", "expired")


async def test_the_givers_mandate_ends_by_a_switch_in_between(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.log.revoke(LEAD_MANDATE, COMMUNITY, AFFAIR, NANGUAN)
    assert await state_of(world, asked["id"]) == ("refused", "switch")
    assert (await world.case(case))["responsible"] == SANITATION


async def test_the_givers_mandate_ends_as_planned_in_between(world: World) -> None:
    await world.ends_at(world.clock.now() + world.clock_delta(300))
    case = await world.report()
    asked = await world.request(case)
    world.clock.advance(301)
    await world.log.beat()
    await world.placed(asked["id"], case, 1, PRICE)
    assert await state_of(world, asked["id"]) == ("refused", "giver_without_power")


async def test_the_receivers_mandate_ends_in_between(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.log.revoke(ASSIST_MANDATE, FIRM, AFFAIR, STREET, role="assist")
    await world.events()
    await world.placed(asked["id"], case, 1, PRICE)
    (refused,) = await world.events()
    assert refused.data["reason"] == "receiver_without_power"
    assert (await world.case(case))["responsible"] == COMMUNITY


async def test_the_receivers_mandate_is_about_to_move_in_between(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.log.opened("s1", [{"affair": AFFAIR, "area": STREET, "role": "assist", "mandate": ASSIST_MANDATE}])
    await world.placed(asked["id"], case, 1, PRICE)
    assert await state_of(world, asked["id"]) == ("refused", "receiver_without_power")


async def test_a_stale_replica_lets_the_handover_wait_and_then_moves_it(world: World) -> None:
    case = await world.report()
    world.clock.advance(899)
    asked = await world.request(case)
    world.clock.advance(10)
    await world.events()
    await world.placed(asked["id"], case, 1, PRICE)
    assert await world.names() == []
    assert await state_of(world, asked["id"]) == ("waiting", None)
    await world.restart()
    await world.later(2, beat=False)
    assert await state_of(world, asked["id"]) == ("waiting", None)
    await world.later(5)
    assert await state_of(world, asked["id"]) == ("moved", None)
    assert (await world.case(case))["responsible"] == FIRM


async def test_a_stale_replica_lets_the_handover_wait_only_until_its_deadline(world: World) -> None:
    case = await world.report()
    world.clock.advance(899)
    asked = await world.request(case)
    world.clock.advance(10)
    await world.placed(asked["id"], case, 1, PRICE)
    await world.later(600, beat=False)
    assert await state_of(world, asked["id"]) == ("refused", "expired")


async def test_a_case_comes_back_to_a_giver_that_has_lost_the_grant(world: World) -> None:
    """It goes to whoever has the slot now."""
    case = await world.report()
    await world.hand_over(case)
    slot = world.lead_slot()
    await world.log.opened("s1", [slot])
    await world.log.done("s1", [{**slot, "old": world.old(), "new": world.new("m2", STREET_ORG)}])
    await world.log.beat()
    await world.events()
    await world.post(f"/cases/{case}/return", FIRM)
    (returned,) = await world.events()
    assert (returned.data["to"], returned.data["mandate"], returned.data["releases"]) == (STREET_ORG, "m2", ["h1"])
    assert (returned.attributes["org"], returned.attributes["mandate"]) == (FIRM, ASSIST_MANDATE)


async def test_a_second_handover_while_the_first_waits_is_refused(world: World) -> None:
    case = await world.report()
    await world.request(case)
    assert await world.refused(f"/cases/{case}/handovers", COMMUNITY, {"to": FIRM}) == (409, "movement_under_way")


async def test_a_second_handover_takes_the_open_hold_along(world: World) -> None:
    await world.log.grant("a-street", STREET_ORG, AFFAIR, STREET, [HANDLE], role="assist")
    case = await world.report()
    await world.hand_over(case)
    asked = await world.request(case, STREET_ORG, FIRM)
    assert (asked["carried_fen"], asked["needed_fen"]) == (PRICE, 0)
    await world.placed(asked["id"], case, 2, 0, hold="h2")
    found = await world.case(case)
    assert (found["responsible"], found["held_fen"], found["case_term"]) == (STREET_ORG, PRICE, 3)


async def test_a_second_handover_to_a_dearer_affair_holds_only_what_is_missing(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    asked = await world.request(case, SANITATION, FIRM, affair=OTHER)
    assert (asked["price_fen"], asked["carried_fen"], asked["needed_fen"]) == (
        OTHER_PRICE,
        PRICE,
        OTHER_PRICE - PRICE,
    )
    assert asked["mandate"] == ASSIST_MANDATE
    await world.placed(asked["id"], case, 2, OTHER_PRICE - PRICE, hold="h2")
    found = await world.case(case)
    assert found["held_fen"] == OTHER_PRICE
    await world.events()
    back = await world.post(f"/cases/{case}/return", SANITATION)
    assert (back["responsible"], back["affair"], back["price_fen"], back["held_fen"]) == (FIRM, AFFAIR, PRICE, PRICE)
    assert (await world.events())[0].data["releases"] == ["h2"]
    back = await world.post(f"/cases/{case}/return", FIRM)
    assert (back["responsible"], back["held_fen"]) == (COMMUNITY, 0)
    assert (await world.events())[0].data["releases"] == ["h1"]


async def test_a_switch_opens_while_a_handover_waits(world: World) -> None:
    case = await world.report()
    asked = await world.request(case)
    await world.events()
    await world.log.opened("s1", [world.lead_slot()])
    refused, wanted = await world.events()
    assert (refused.name, refused.data["reason"]) == ("complaints.case.handover_refused", "switch")
    assert (wanted.name, wanted.data["switch"]) == ("complaints.case.hold_requested", "s1")
    await world.placed(asked["id"], case, 1, PRICE)
    assert await state_of(world, asked["id"]) == ("refused", "switch")
    assert await world.names() == []


async def test_a_handover_asked_for_in_transition_is_refused_with_503(world: World) -> None:
    case = await world.report()
    await world.log.opened("s1", [world.lead_slot()])
    assert await world.refused(f"/cases/{case}/handovers", COMMUNITY, {"to": FIRM}) == (503, "power_in_transition")
