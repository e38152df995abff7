"""Firms and their contracts: who may be hired, one at a time, and the notice by which that ends."""

from __future__ import annotations

import pytest

from .conftest import COMMUNITY, FIRM, OTHER_FIRM, STREET, STREET_ORG, World, contract_terms

pytestmark = pytest.mark.either_database


async def listed(world: World) -> str:
    await world.post("/firms", STREET_ORG, {"firm": FIRM, "area": STREET, "grade": "second"})
    return await world.estate()


async def decided(world: World, estate: str) -> str:
    """A meeting of the estate's one owner that has decided on item 4."""
    owner = await world.owner(estate, 10_000, "account-1")
    meeting = (await world.meeting(estate, [owner], 4))["id"]
    await world.later(15 * 86_400)
    await world.vote(meeting, "account-1", "for")
    await world.later(7 * 86_400)
    return str(meeting)


async def test_a_firm_is_a_registered_company_and_may_be_struck_off(world: World) -> None:
    body = {"firm": FIRM, "area": STREET, "grade": "second"}
    assert (await world.post("/firms", STREET_ORG, body))["version"] == 1
    assert (await world.post("/firms", STREET_ORG, {**body, "grade": "first"}))["grade"] == "first"
    for firm, expected in (
        ("firm-unheard", (422, "unknown_organisation")),
        (COMMUNITY, (422, "not_a_company")),
    ):
        assert await world.refused("/firms", STREET_ORG, {**body, "firm": firm}) == expected
    await world.post(f"/firms/{FIRM}/strike", STREET_ORG, {"reason": "breach"})
    again = await world.refused(f"/firms/{FIRM}/strike", STREET_ORG, {"reason": "breach"})
    assert again == (409, "firm_struck")
    estate = await world.estate()
    assert await world.refused("/contracts", STREET_ORG, contract_terms(estate)) == (409, "firm_struck")
    assert (await world.post("/firms", STREET_ORG, body))["struck_for"] is None
    await world.post("/contracts", STREET_ORG, contract_terms(estate))


async def test_an_estate_has_one_firm_at_a_time(world: World) -> None:
    estate = await listed(world)
    contract = await world.post("/contracts", STREET_ORG, contract_terms(estate))
    later = contract_terms(estate, starts_on="2028-03-01", ends_on="2030-03-01")
    # Nobody has given notice: it would go on.
    assert await world.refused("/contracts", STREET_ORG, later) == (409, "estate_served")
    notice = {"kind": "non_renewal", "by": "firm"}
    noticed = await world.post(f"/contracts/{contract['id']}/notice", STREET_ORG, notice)
    assert (noticed["state"], noticed["ends_on"]) == ("noticed", "2028-03-01")
    earlier = contract_terms(estate, starts_on="2028-02-29", ends_on="2030-03-01")
    assert await world.refused("/contracts", STREET_ORG, earlier) == (409, "estate_served")
    await world.post("/contracts", STREET_ORG, later)


async def test_terms_that_cannot_be_are_refused(world: World) -> None:
    estate = await listed(world)
    for more, expected in (
        ({"cuts_utilities": True}, (422, "no_cutting_off")),
        ({"ends_on": "2026-03-01"}, (422, "contract_dates")),
        ({"answer_limit": "soon"}, (422, "limit_malformed")),
        ({"firm": OTHER_FIRM}, (404, "not_found")),
        ({"estate": "nowhere"}, (404, "not_found")),
        ({"meeting": "nothing"}, (404, "not_found")),
        ({"basis": "by_weight"}, (422, "invalid_request")),
        ({"fee_fen": -1}, (422, "invalid_request")),
    ):
        body = {**contract_terms(estate), **more}
        assert await world.refused("/contracts", STREET_ORG, body) == expected, more


async def test_owners_dismiss_their_firm_by_their_decision_and_60_days_ahead(world: World) -> None:
    estate = await listed(world)
    contract = (await world.post("/contracts", STREET_ORG, contract_terms(estate)))["id"]
    path = f"/contracts/{contract}/notice"
    notice = {"kind": "dismissal", "by": "owners", "ends_on": "2026-05-23"}
    assert await world.refused(path, STREET_ORG, notice) == (422, "meeting_missing")
    meeting = await decided(world, estate)  # by now it is 2026-03-24
    other = await decided(world, await world.estate())  # 2026-04-15
    assert await world.refused(path, STREET_ORG, {**notice, "meeting": other}) == (409, "not_decided")
    notice = {**notice, "meeting": meeting, "ends_on": "2026-06-13"}
    answer = await world.ask("POST", path, STREET_ORG, notice)
    assert (answer.status_code, answer.json()["code"]) == (422, "notice_too_short")
    assert answer.json()["params"]["earliest"] == "2026-06-14"
    by_firm = {**notice, "by": "firm", "ends_on": "2026-06-14"}
    assert await world.refused(path, STREET_ORG, by_firm) == (422, "invalid_request")
    await world.post(path, STREET_ORG, {**notice, "ends_on": "2026-06-14"})
    assert await world.refused(path, STREET_ORG, {**notice, "ends_on": "2026-07-01"}) == (409, "contract_state")
    await world.events()
    await world.on("2026-06-13T23:59:59")
    assert (await world.repair(estate))["firm"] == FIRM
    await world.on("2026-06-14T00:00:01")
    assert (await world.get(f"/contracts/{contract}"))["state"] == "ended"
    assert "contract.ended" in await world.names()
    assert (await world.repair(estate))["firm"] is None


async def test_a_contract_is_not_renewed_by_notice_90_days_ahead(world: World) -> None:
    estate = await listed(world)
    short = contract_terms(estate, ends_on="2026-05-31")  # 90 days after 2026-03-02
    contract = (await world.post("/contracts", STREET_ORG, short))["id"]
    path = f"/contracts/{contract}/notice"
    dated = {"kind": "non_renewal", "by": "firm", "ends_on": "2026-05-31"}
    assert await world.refused(path, STREET_ORG, dated) == (422, "invalid_request")
    notice = {"kind": "non_renewal", "by": "firm"}
    await world.later(86_400)
    assert await world.refused(path, STREET_ORG, notice) == (409, "notice_too_late")


async def test_without_notice_a_contract_goes_on_without_an_end(world: World) -> None:
    estate = await listed(world)
    contract = (await world.post("/contracts", STREET_ORG, contract_terms(estate, ends_on="2026-06-01")))["id"]
    await world.on("2026-06-01T00:00:01")
    after = await world.get(f"/contracts/{contract}")
    assert (after["state"], after["ends_on"]) == ("continued", None)
    assert "contract.continued" in await world.names()
    assert (await world.repair(estate))["firm"] == FIRM
    notice = {"kind": "non_renewal", "by": "firm"}
    assert await world.refused(f"/contracts/{contract}/notice", STREET_ORG, notice) == (409, "contract_state")
    meeting = await decided(world, estate)
    dismissal = {"kind": "dismissal", "by": "owners", "ends_on": "2026-10-01", "meeting": meeting}
    assert (await world.post(f"/contracts/{contract}/notice", STREET_ORG, dismissal))["state"] == "noticed"


async def test_firms_and_contracts_page_to_the_end(world: World) -> None:
    for firm in (FIRM, OTHER_FIRM):
        await world.post("/firms", STREET_ORG, {"firm": firm, "area": STREET})
    estates = [await world.estate() for _ in range(3)]
    made = [(await world.post("/contracts", STREET_ORG, contract_terms(e)))["id"] for e in estates]
    assert [f["id"] for f in await world.pages("/firms", limit=1)] == sorted([FIRM, OTHER_FIRM], reverse=True)
    assert [c["id"] for c in await world.pages("/contracts", limit=2, firm=FIRM)] == made[::-1]
    assert [c["id"] for c in await world.pages("/contracts", limit=2, estate=estates[1], state="running")] == [made[1]]
    assert (await world.get(f"/firms/{FIRM}"))["grade"] == "unrated"
    assert (await world.ask("GET", "/contracts", state="lost")).json()["code"] == "invalid_request"
