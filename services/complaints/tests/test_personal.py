"""Personal data: who reads it, for what, and where it never stands."""

from __future__ import annotations

from .conftest import CENTRE, COMMUNITY, FIRM, LEAD_MANDATE, SANITATION, STREET_ORG, World

SECRETS = {
    "description": "楼道口堆满垃圾，王大爷摔倒了",
    "contact": {"name": "王大爷", "phone": "13812345678"},
    "address": "南关小区3号楼2单元501室",
}


async def test_personal_data_is_in_no_event_no_list_and_no_history(world: World) -> None:
    case = await world.report(**SECRETS)
    await world.finish(case)
    everything = "".join(str(e) for e in await world.events())
    everything += str(await world.case(case)) + str(await world.get(f"/cases/{case}/history"))
    everything += str(await world.get("/cases"))
    # None of these can turn up by chance in an id or a time, as the bare number of a door did.
    for secret in ("王大爷", "13812345678", "南关小区", "501室", "摔倒", "resident-None"):
        assert secret not in everything.replace("actor': 'resident-None", "")


async def test_personal_data_is_read_by_who_answers_for_the_case_and_the_read_is_an_event(world: World) -> None:
    case = await world.report(**SECRETS)
    await world.events()
    found = await world.get(f"/cases/{case}/private", COMMUNITY, purpose="contact")
    assert (found["contact_phone"], found["address"]) == ("13812345678", SECRETS["address"])
    (read,) = await world.events()
    assert read.name == "complaints.case.private_read"
    assert read.data == {
        "case": case,
        "case_term": 1,
        "power": "complaints.case.handle",
        "purpose": "contact",
    }
    assert (read.attributes["org"], read.attributes["mandate"]) == (COMMUNITY, LEAD_MANDATE)


async def test_personal_data_is_read_by_the_checker_and_by_nobody_else(world: World) -> None:
    case = await world.report(**SECRETS)
    assert (await world.get(f"/cases/{case}/private", STREET_ORG, purpose="verification"))["contact_name"] == "王大爷"
    for org in (FIRM, SANITATION, CENTRE):
        answer = await world.ask("GET", f"/cases/{case}/private", org, purpose="contact")
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")
        assert answer.json()["params"]["holder"] == COMMUNITY
    await world.hand_over(case)
    answer = await world.ask("GET", f"/cases/{case}/private", COMMUNITY, purpose="contact")
    assert answer.status_code == 403
    assert (await world.get(f"/cases/{case}/private", FIRM, purpose="site_visit"))["contact_name"] == "王大爷"


async def test_personal_data_is_not_read_without_a_purpose(world: World) -> None:
    case = await world.report(**SECRETS)
    for params in ({}, {"purpose": "curiosity"}):
        answer = await world.ask("GET", f"/cases/{case}/private", COMMUNITY, **params)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
