"""A case that goes back: to its giver, or from a wrong routing to the owner of the affair (authority §4)."""

from __future__ import annotations

from .conftest import (
    AFFAIR,
    COMMUNITY,
    FIRM,
    LEAD_MANDATE,
    PRICE,
    SANITATION,
    World,
    of,
)


async def test_a_returned_case_goes_to_its_giver_and_its_hold_is_released(world: World) -> None:
    case = await world.report()
    handover = await world.hand_over(case)
    await world.events()
    found = await world.post(f"/cases/{case}/return", FIRM, {"case_term": 2})
    assert (found["responsible"], found["mandate"], found["case_term"]) == (COMMUNITY, LEAD_MANDATE, 3)
    (returned,) = await world.events()
    assert (returned.data["handover"], returned.data["releases"]) == (handover, ["h1"])
    assert await world.refused(f"/cases/{case}/start", FIRM) == (403, "not_responsible")
    await world.post(f"/cases/{case}/start", COMMUNITY)


async def test_a_case_that_was_routed_to_the_wrong_one_goes_back_to_the_affairs_owner(world: World) -> None:
    case = await world.report()
    await world.post(f"/cases/{case}/start", COMMUNITY)
    await world.events()
    found = await world.post(f"/cases/{case}/return", COMMUNITY, {"case_term": 1})
    assert (found["responsible"], found["mandate"], found["case_term"]) == (SANITATION, f"root:{AFFAIR}", 2)
    assert (found["state"], found["taken"]) == ("dispatched", True)
    (moved,) = await world.events()
    assert (moved.name, moved.data["cause"], moved.data["to"]) == ("complaints.case.repointed", "returned", SANITATION)
    assert (moved.attributes["org"], moved.attributes["mandate"]) == (COMMUNITY, LEAD_MANDATE)
    assert await world.refused(f"/cases/{case}/start", COMMUNITY) == (403, "not_responsible")
    await world.finish(case, SANITATION)


async def test_the_owner_sends_on_what_came_back_to_it_and_pays_for_it(world: World) -> None:
    case = await world.report()
    await world.post(f"/cases/{case}/return", COMMUNITY)
    assert await world.refused(f"/cases/{case}/return", SANITATION) == (409, "nothing_to_return")
    asked = await world.request(case, COMMUNITY, SANITATION)
    assert (asked["needed_fen"], asked["mandate"]) == (PRICE, None)  # from its budget: it has no earmark
    await world.placed(asked["id"], case, 2, PRICE)
    assert (await world.case(case))["responsible"] == COMMUNITY
    await world.post(f"/cases/{case}/return", COMMUNITY)  # now there is a handover to undo
    (returned,) = of(await world.events(), "case.returned")
    assert (returned.data["to"], returned.data["releases"]) == (SANITATION, ["h1"])


async def test_a_case_never_comes_back_to_who_returns_it(world: World) -> None:
    """Its giver has lost the grant, and the slot is now held by the one that returns it: the owner takes it."""
    case = await world.report()
    await world.hand_over(case)
    await world.log.opened("s1", [world.lead_slot()])
    await world.log.done("s1", [{**world.lead_slot(), "old": world.old(), "new": world.new("m2", FIRM)}])
    found = await world.post(f"/cases/{case}/return", FIRM)
    assert (found["responsible"], found["taken"], found["held_fen"]) == (SANITATION, True, 0)
    await world.finish(case, SANITATION)


async def test_a_wrong_routing_goes_back_within_the_limit_of_the_profile(world: World) -> None:
    case = await world.report()
    await world.later(3 * 86_400)
    assert await world.refused(f"/cases/{case}/return", COMMUNITY) == (409, "return_too_late")


async def test_a_return_after_the_limit_of_the_profile_is_too_late(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    await world.later(3 * 86_400)
    assert await world.refused(f"/cases/{case}/return", FIRM) == (409, "return_too_late")


async def test_a_return_by_a_stale_replica_is_refused_and_the_case_stays(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    world.clock.advance(901)
    assert await world.refused(f"/cases/{case}/return", FIRM) == (503, "replica_stale")
    assert (await world.case(case))["responsible"] == FIRM
