"""Repairs: the firm answers in working time, or complaints takes the matter and is followed from then on."""

from __future__ import annotations

import itertools

import pytest

from .conftest import (
    COMMUNITY,
    FIRM,
    GRID,
    GUANKOU,
    HOUR,
    HOUSING,
    NANGUAN,
    OTHER_COMMUNITY,
    OTHER_FIRM,
    RESIDENT,
    STREET_ORG,
    UPKEEP,
    UPKEEP_POWERS,
    World,
    of,
    report,
)

pytestmark = pytest.mark.either_database


async def asked(world: World, **more: object) -> str:
    """An estate with a firm under contract, and a repair that was asked for there."""
    estate = await world.estate()
    await world.contract(estate)
    repair = await world.repair(estate, **more)
    await world.events()
    return str(repair["id"])


async def test_a_request_goes_to_the_firm_under_contract_with_a_deadline_in_working_hours(world: World) -> None:
    """8 working hours from Monday 09:00, with 7 a day: Tuesday 10:00."""
    estate = await world.estate()
    contract = await world.contract(estate)
    await world.events()
    repair = await world.repair(estate, area=GRID)
    assert (repair["firm"], repair["contract"], repair["state"]) == (FIRM, contract["id"], "requested")
    assert (repair["due_at"], repair["category"]) == ("2026-03-03T02:00:00Z", "90-01")
    (event,) = await world.events()
    assert event.name == "property.repair.requested"
    assert (event.attributes["area"], event.attributes["actor"]) == (GRID, RESIDENT)


async def test_a_contract_may_promise_an_answer_sooner(world: World) -> None:
    estate = await world.estate()
    await world.contract(estate, answer_limit="2 H")
    assert (await world.repair(estate))["due_at"] == "2026-03-02T03:00:00Z"


async def test_answered_done_and_confirmed(world: World) -> None:
    repair = await asked(world)
    path = f"/repairs/{repair}"
    await world.post(f"{path}/answer", FIRM)
    await world.later(30 * 24 * HOUR)  # answered in time is answered
    await world.post(f"{path}/completion", FIRM)
    after = await world.post(f"{path}/confirmation", None, {"done": True}, resident=RESIDENT)
    assert (after["state"], after["version"]) == ("confirmed", 4)
    events = await world.events()
    assert [e.name.rpartition(".")[2] for e in events] == ["answered", "done", "confirmed"]
    assert [e.attributes.get("mandate") for e in events] == ["m-upkeep", "m-upkeep", None]


async def test_what_is_not_answered_in_time_is_referred_to_complaints_once(world: World) -> None:
    repair = await asked(world, kind="drains")
    await world.later(24 * HOUR)
    assert await world.events() == []
    await world.later(1 * HOUR)
    referred, raised = await world.events()
    assert (referred.name, raised.name) == ("property.repair.referred", "property.referral.raised")
    assert raised.data == {
        "referral": repair,
        "category": "04-04",
        "area": NANGUAN,
        "reason": "overdue",
        "subject": repair,
    }
    assert (raised.key, raised.attributes["sequence"]) == (repair, "1")
    await world.later(1000 * HOUR)
    assert await world.events() == []
    assert await world.refused(f"/repairs/{repair}/answer", FIRM) == (409, "repair_state")


async def test_an_answer_at_the_very_end_of_its_time_is_too_late_also_before_its_row_has_come_up(world: World) -> None:
    repair = await asked(world)
    world.clock.advance(25 * HOUR)
    await world.log.beat()
    assert await world.refused(f"/repairs/{repair}/answer", FIRM) == (409, "answer_too_late")
    await world.deadlines()
    assert (await world.get(f"/repairs/{repair}"))["state"] == "referred"


async def test_an_estate_without_a_firm_turns_to_complaints_at_once(world: World) -> None:
    repair = await world.repair(await world.estate())
    assert (repair["state"], repair["referred_for"], repair["firm"]) == ("referred", "no_firm", None)
    assert await world.names() == ["estate.registered", "repair.requested", "repair.referred", "referral.raised"]


async def test_what_the_resident_finds_undone_goes_to_complaints(world: World) -> None:
    repair = await asked(world)
    path = f"/repairs/{repair}"
    await world.post(f"{path}/answer", FIRM)
    await world.post(f"{path}/completion", FIRM)
    confirmation = f"{path}/confirmation"
    stranger = await world.refused(confirmation, None, {"done": False}, resident="resident-guankou-01")
    assert stranger == (403, "not_the_requester")
    after = await world.post(confirmation, None, {"done": False}, resident=RESIDENT)
    assert (after["state"], after["referred_for"]) == ("referred", "not_done")
    assert (await world.names())[-2:] == ["repair.referred", "referral.raised"]


@pytest.mark.parametrize("order", list(itertools.permutations(["taken", "closed", "taken again"])))
async def test_the_request_follows_its_case_whatever_is_heard_first(world: World, order: tuple[str, ...]) -> None:
    """The answer and the case stand in topics of their own: nothing orders them."""
    repair = (await world.repair(await world.estate()))["id"]
    await world.events()
    for heard in order:
        if heard == "closed":
            await world.case_closed("case-1")
        else:
            await world.taken(repair, "case-1")
    found = await world.get(f"/repairs/{repair}")
    assert (found["state"], found["case"], found["outcome"]) == ("closed", "case-1", "verified")
    assert await world.names() == ["repair.taken", "repair.closed"]
    await world.case_closed("case-1", "invalid")
    await world.turned_away(repair, "unknown_category")
    assert (await world.get(f"/repairs/{repair}"))["outcome"] == "verified"
    assert await world.events() == []


async def test_a_referral_that_is_turned_away_says_why(world: World) -> None:
    repair = (await world.repair(await world.estate()))["id"]
    await world.events()
    await world.turned_away(repair, "unknown_category", service="volunteers")
    await world.taken("somebody-elses", "case-9")
    assert await world.events() == []
    await world.turned_away(repair, "unknown_category")
    await world.turned_away(repair, "unknown_category")
    assert await world.names() == ["repair.turned_away"]
    found = await world.get(f"/repairs/{repair}")
    assert (found["state"], found["turned_away_for"]) == ("turned_away", "unknown_category")


async def test_only_the_firm_under_contract_with_the_power_there_answers(world: World) -> None:
    repair = await asked(world)
    path = f"/repairs/{repair}/answer"
    assert await world.refused(path, COMMUNITY) == (403, "missing_power")
    assert await world.refused(path, None, resident=RESIDENT) == (403, "wrong_kind")
    await world.log.grant("m-upkeep-2", OTHER_FIRM, UPKEEP, NANGUAN, UPKEEP_POWERS, role="assist")
    assert await world.refused(path, OTHER_FIRM) == (403, "not_the_firm")
    await world.log.revoke("m-upkeep", FIRM, UPKEEP, NANGUAN)
    await world.later(10)
    assert await world.refused(path, FIRM) == (403, "missing_power")


async def test_steps_come_in_their_order_and_at_the_version_seen(world: World) -> None:
    repair = await asked(world)
    path = f"/repairs/{repair}"
    assert await world.refused(f"{path}/completion", FIRM) == (409, "repair_state")
    done = await world.refused(f"{path}/confirmation", None, {"done": True}, resident=RESIDENT)
    assert done == (409, "repair_state")
    assert await world.refused(f"{path}/answer", FIRM, headers={"If-Match": '"7"'}) == (412, "version_conflict")
    await world.post(f"{path}/answer", FIRM, headers={"If-Match": '"1"'})
    assert await world.refused(f"{path}/answer", FIRM) == (409, "repair_state")


async def test_a_request_that_cannot_be_is_refused_with_its_code(world: World) -> None:
    estate = await world.estate()
    for more, expected in (
        ({"kind": "moon"}, (422, "unknown_repair_kind")),
        ({"estate": "nowhere"}, (404, "not_found")),
        ({"area": GUANKOU}, (422, "outside_estate")),
        ({"area": "12"}, (422, "outside_estate")),
        ({"area": "abc"}, (422, "area_malformed")),
        ({"description": ""}, (422, "invalid_request")),
        ({"contact": {"phone": "phone"}}, (422, "invalid_request")),
    ):
        body = {**report(estate), **more}
        assert await world.refused("/repairs", None, body, resident=RESIDENT) == expected, more


async def test_who_asked_is_read_by_firm_overseer_and_case_handler_for_a_purpose(world: World) -> None:
    """Whoever handles the case in complaints asks here, under the very power by which it is handled."""
    handle, affair = "complaints.case.handle", "property.service"
    await world.log.grant("root:service", HOUSING, affair, "321302", [handle])
    await world.log.grant("m-service", OTHER_COMMUNITY, affair, NANGUAN, [handle])
    repair = await asked(world)
    path = f"/repairs/{repair}/private"
    found = await world.get(path, FIRM, purpose="contact")
    assert (found["requester"], found["contact_name"]) == (RESIDENT, "陈报修")
    assert (found["contact_phone"], found["address"]) == ("13700003333", "2 号楼 501")
    assert (await world.get(path, STREET_ORG, purpose="correction"))["description"].startswith("2 号楼电梯停运")
    refused = await world.ask("GET", path, OTHER_COMMUNITY, purpose="case_handling")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_power")
    await world.later(25 * HOUR)
    await world.get(path, OTHER_COMMUNITY, purpose="case_handling")
    read = of(await world.events(), "repair.private_read")
    assert [(e.data["power"], e.attributes["org"], e.attributes["mandate"]) for e in read] == [
        ("property.repair.handle", FIRM, "m-upkeep"),
        ("property.repair.read", STREET_ORG, "m-estates-street"),
        (handle, OTHER_COMMUNITY, "m-service"),
    ]
    assert (await world.ask("GET", path, OTHER_FIRM, purpose="contact")).json()["code"] == "missing_power"
    assert (await world.ask("GET", path, FIRM)).json()["code"] == "invalid_request"


async def test_repairs_page_to_the_end(world: World) -> None:
    estate = await world.estate()
    await world.contract(estate)
    repairs = [(await world.repair(estate))["id"] for _ in range(5)]
    await world.post(f"/repairs/{repairs[2]}/answer", FIRM)
    assert [r["id"] for r in await world.pages("/repairs", limit=2, estate=estate)] == repairs[::-1]
    assert [r["id"] for r in await world.pages("/repairs", limit=2, firm=FIRM, state="answered")] == [repairs[2]]
    assert await world.pages("/repairs", limit=2, area=GUANKOU) == []
    assert (await world.ask("GET", "/repairs", state="lost")).json()["code"] == "invalid_request"


async def test_the_kinds_of_repairs_are_the_profiles(world: World) -> None:
    kinds = await world.get("/repair-kinds")
    assert kinds["answer_limit"] == "8 WH"
    assert {"code": "parking", "zh": "车位、地锁", "en": "Parking", "category": "90-02"} in kinds["items"]
