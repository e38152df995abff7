"""Two who act at the same moment: one premise, one firm, one answer; and nobody's vote is lost."""

from __future__ import annotations

import asyncio

from .conftest import COMMUNITY, FIRM, STREET, STREET_ORG, World, contract_terms, of, terms


async def test_of_two_who_let_a_premise_at_once_one_does(world: World) -> None:
    shop = await world.premise(kind="shop")
    answers = await asyncio.gather(*(world.ask("POST", "/leases", COMMUNITY, terms(shop)) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"premise_let"}
    assert len(await world.pages("/leases", limit=5)) == 1


async def test_a_premise_is_not_let_and_withdrawn_at_once(world: World) -> None:
    shop = await world.premise(kind="shop")
    let, gone = await asyncio.gather(
        world.ask("POST", "/leases", COMMUNITY, terms(shop)),
        world.ask("POST", f"/premises/{shop}/withdrawal", COMMUNITY, {"reason": "demolished"}),
    )
    assert sorted([let.status_code < 300, gone.status_code < 300]) == [False, True]


async def test_of_two_firms_for_one_estate_at_once_one_is_hired(world: World) -> None:
    await world.post("/firms", STREET_ORG, {"firm": FIRM, "area": STREET})
    estate = await world.estate()
    body = contract_terms(estate)
    answers = await asyncio.gather(*(world.ask("POST", "/contracts", STREET_ORG, body) for _ in range(3)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409]


async def test_votes_that_are_cast_at_once_are_all_counted(world: World) -> None:
    estate = await world.estate()
    owners = [await world.owner(estate, 10_000, f"a-{n}") for n in range(6)]
    meeting = (await world.meeting(estate, owners, 1))["id"]
    await world.later(15 * 86_400)
    await asyncio.gather(*(world.vote(meeting, f"a-{n}", "for") for n in range(6)))
    await world.events()
    await world.later(7 * 86_400)
    (closed,) = of(await world.events(), "meeting.closed")
    assert closed.data["results"][0]["for_heads"] == 6


async def test_rent_is_received_once_however_often_it_is_said_at_once(world: World) -> None:
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2026-03-01", due_day=1)
    await world.deadlines()
    await world.events()
    path = f"/leases/{lease['id']}/payments"
    answers = await asyncio.gather(*(world.ask("POST", path, COMMUNITY, {"due": 1}) for _ in range(3)))
    assert sorted(a.status_code for a in answers) == [200, 409, 409]
    assert (await world.names()).count("bill.income_received") == 1
