"""Areas that get other codes, in mandates: one switch over every affair there, and what the record then says."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from mandates import tables as t
from mandates.rekeying import is_rekeying
from suizhuan.kernel.clock import utc_text

from .conftest import NANGUAN, OTHERS, RUBBISH, STREET, World
from .test_switch import pass_time

pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.either_database]

XIANGLI, NEW = "321302002909", STREET + "911"
GRID = NANGUAN + "001"
HANDLE = "complaints.case.handle"


def move(old: str, new: str, heir: bool = True) -> dict[str, Any]:
    return {"old": old, "new": new, "heir": heir}


async def announce(world: World, *moves: dict[str, Any], rekeying: str = "r-1") -> None:
    """Population says so."""
    data = {"rekeying": rekeying, "within": STREET, "moves": list(moves), "areas": []}
    await world.hear("population.rekeying.announced.v1", data, key=rekeying)
    await world.carry()


async def switches(world: World, **wanted: str) -> list[dict[str, Any]]:
    return [s for s in (await world.get("/switches", **wanted)).json()["items"] if is_rekeying(s["id"])]


async def areas_of(world: World, org: str) -> set[str]:
    async with world.parts.database.read() as conn:
        area = t.organisation_area.c
        return set((await conn.execute(select(area.area).where(area.org == org))).scalars())


async def test_a_mandate_an_organisation_and_routing_have_the_new_code_after_one_switch(world: World) -> None:
    mandate = await world.activate()
    world.seen.clear()
    await announce(world, move(NANGUAN, NEW))
    row = await world.row(mandate)
    assert (row["state"], row["area"], row["term"]) == ("active", NEW, 2)
    assert row["slot_from"] == world.clock.now()
    assert await world.responsible(NEW + "001") == "community-nanguan"
    assert await areas_of(world, "community-nanguan") == {NEW}
    opened, done = world.last("switch.opened"), world.last("switch.done")
    assert (opened["why"], done["why"]) == ("rekeying", "rekeying")
    assert done["rekeys"] == opened["rekeys"] == [move(NANGUAN, NEW)]
    assert done["rekeying"] == "r-1"
    assert {"affair": RUBBISH, "area": NANGUAN, "role": "lead", "mandate": None} in opened["slots"]
    of_ours = [s for s in done["slots"] if s["affair"] == RUBBISH]
    assert [(s["area"], bool(s["old"]), bool(s["new"])) for s in of_ours] == [
        (NANGUAN, True, False),
        (NEW, False, True),
    ]
    assert [(s["old"] or s["new"])["term"] for s in of_ours] == [1, 2]
    rekeyed = next(f.data for f in world.facts("mandate.rekeyed") if f.data["mandate"] == mandate)
    assert (rekeyed["from_area"], rekeyed["area"], rekeyed["term"]) == (NANGUAN, NEW, 2)
    assert world.facts("organisation.registered")[0].data["areas"] == [NEW]


async def test_it_waits_for_every_replica_and_meanwhile_nothing_is_granted_there(world: World) -> None:
    mandate = await world.activate()
    world.silent.add(OTHERS[0])
    await announce(world, move(NANGUAN, NEW))
    assert (await world.row(mandate))["area"] == NANGUAN
    refused = await world.post("/mandates", world.proposal(area=GRID))
    assert (refused.status_code, refused.json()["code"]) == (503, "power_in_transition")
    (open_,) = await switches(world, state="open")
    await world.acknowledge(open_["id"], OTHERS[0])
    await world.carry()
    assert (await world.row(mandate))["area"] == NEW
    given_up = await world.post("/mandates", world.proposal(area=GRID))
    assert (given_up.status_code, given_up.json()["code"]) == (409, "area_given_up")
    assert given_up.json()["params"]["now"] == NEW + "001"


async def test_past_its_deadline_it_is_dropped_and_tried_again(world: World) -> None:
    mandate = await world.activate()
    world.silent.add(OTHERS[0])
    await announce(world, move(NANGUAN, NEW))
    await pass_time(world, world.parts.profile.authority.switch_deadline_s + 1)
    (dropped,) = await switches(world, state="dropped")
    assert (dropped["why_dropped"], (await world.row(mandate))["area"]) == ("deadline", NANGUAN)
    world.silent.clear()
    await pass_time(world, 5)
    assert (await world.row(mandate))["area"] == NEW


async def test_told_twice_it_happens_once(world: World) -> None:
    await announce(world, move(NANGUAN, NEW))
    await announce(world, move(NANGUAN, NEW))
    assert len(await switches(world)) == 1


async def test_of_a_merge_the_heirs_mandate_stays_and_the_others_money_goes_back(world: World) -> None:
    heir = await world.activate()
    other = await world.activate(area=XIANGLI, holder="community-xiangli", staff=["staff-xiangli-01"])
    assert await world.state(other) == "active"
    world.seen.clear()
    await announce(world, move(NANGUAN, NEW), move(XIANGLI, NEW, heir=False))
    assert (await world.row(heir))["area"] == NEW
    row = await world.row(other)
    assert (row["state"], row["area"], row["reason"]) == ("ending", XIANGLI, "merged")
    ended = next(f.data for f in world.facts("mandate.ended") if f.data["mandate"] == other)
    assert (ended["giver"], ended["reason"]) == ("dept-sanitation", "merged")
    await world.settle_money(other)
    assert await world.state(other) == "settled"
    assert await world.responsible(NEW) == "community-nanguan"
    leads = [s for s in world.last("switch.done")["slots"] if s["affair"] == RUBBISH and s["new"]]
    assert [(s["area"], s["new"]["mandate"]) for s in leads] == [(NEW, heir)]


async def test_a_narrower_mandate_goes_along_and_a_broader_one_stays(world: World) -> None:
    broad = await world.activate(area=STREET, holder="street-xiangli", staff=["staff-street-02"])
    narrow, before = await world.activate(area=GRID), await world.row(broad)
    await announce(world, move(NANGUAN, NEW))
    assert await world.row(broad) == before
    assert ((await world.row(narrow))["area"], (await world.row(narrow))["term"]) == (NEW + "001", 2)
    assert await world.responsible(NEW + "001") == "community-nanguan"
    assert await world.responsible(NEW + "002") == "street-xiangli"


async def test_a_mandate_that_has_not_begun_goes_along_and_begins_under_the_new_code(world: World) -> None:
    later = world.clock.now().replace(year=world.clock.now().year, day=28)
    mandate = str((await world.propose(starts_at=utc_text(later)))["id"])
    await world.admit(mandate)
    await announce(world, move(NANGUAN, NEW))
    row = await world.row(mandate)
    assert (row["state"], row["area"], row["term"], row["slot_from"]) == ("funded", NEW, None, None)
    world.clock.advance((later - world.clock.now()).total_seconds())
    await world.beat()
    await world.beat()
    assert await world.responsible(NEW) == "community-nanguan"


async def test_a_suspended_mandate_keeps_its_slot_and_is_resumed_under_the_new_code(world: World) -> None:
    mandate = await world.activate()
    await world.post(f"/mandates/{mandate}/suspension", {"reason": "audit"})
    await world.carry()
    assert await world.state(mandate) == "suspended"
    await announce(world, move(NANGUAN, NEW))
    assert ((await world.row(mandate))["area"], await world.responsible(NEW)) == (NEW, "dept-sanitation")
    taken = await world.post("/mandates", world.proposal(area=NEW))
    assert (taken.status_code, taken.json()["code"]) == (409, "slot_taken")
    await world.post(f"/mandates/{mandate}/resumption", {})
    await world.carry()
    assert await world.responsible(NEW) == "community-nanguan"
    assert (await world.row(mandate))["term"] > 1


async def test_who_was_granted_a_code_before_it_was_in_use_makes_way(world: World) -> None:
    early = await world.activate(area=NANGUAN + "050")
    mandate = await world.activate(area=GRID)
    await announce(world, move(GRID, NANGUAN + "050"))
    assert ((await world.row(early))["state"], (await world.row(mandate))["area"]) == ("ending", NANGUAN + "050")
    assert (await world.row(mandate))["term"] == 2


@pytest.mark.parametrize("stays", [NEW, NANGUAN])
async def test_of_two_grids_of_one_number_that_nobody_registered_the_heirs_mandate_holds(
    world: World, stays: str
) -> None:
    """Mandates grants in a community whatever number a grid has: population cannot have named these."""
    others = await world.activate(area=XIANGLI + "050", holder="community-xiangli", staff=["staff-xiangli-01"])
    heirs = await world.activate(area=NANGUAN + "050")
    await announce(world, move(NANGUAN, stays), move(XIANGLI, stays, heir=False))
    assert await switches(world, state="open") == []
    assert ((await world.row(heirs))["state"], (await world.row(heirs))["area"]) == ("active", stays + "050")
    row = await world.row(others)
    assert (row["state"], row["area"], row["reason"]) == ("ending", XIANGLI + "050", "merged")
    assert await world.responsible(stays + "050") == "community-nanguan"


async def test_a_grid_that_is_named_comes_before_one_of_that_number_that_nobody_registered(world: World) -> None:
    unnamed = await world.activate(area=NANGUAN + "050")
    named = await world.activate(area=XIANGLI + "001", holder="community-xiangli", staff=["staff-xiangli-01"])
    world.seen.clear()
    moves = [move(NANGUAN, NEW), move(XIANGLI, NEW, heir=False), move(XIANGLI + "001", NEW + "050")]
    await announce(world, *moves)
    assert ((await world.row(unnamed))["state"], (await world.row(named))["area"]) == ("ending", NEW + "050")
    assert await world.responsible(NEW + "050") == "community-xiangli"


async def test_it_waits_for_its_turn_and_others_wait_for_it(world: World) -> None:
    world.silent.add(OTHERS[0])
    mandate = await world.activate()
    (first,) = (await world.get("/switches", state="open")).json()["items"]
    await announce(world, move(NANGUAN, NEW))
    (waiting,) = await switches(world, state="waiting")
    await world.acknowledge(first["id"], OTHERS[0])
    await world.carry()
    assert await world.state(mandate) == "active"
    (open_,) = await switches(world, state="open")
    assert open_["id"] == waiting["id"]
    second = await world.activate(area=XIANGLI, holder="community-xiangli", staff=["staff-xiangli-01"])
    assert await world.state(second) == "funded"  # in the same street, which the re-keying has for a moment
    world.silent.clear()
    await world.acknowledge(open_["id"], OTHERS[0])
    await world.carry()
    assert (await world.row(mandate))["area"] == NEW
    assert await world.state(second) == "active"


async def test_the_database_itself_forbids_a_second_open_switch_there(world: World) -> None:
    world.silent.add(OTHERS[0])
    await announce(world, move(NANGUAN, NEW))
    (open_,) = await switches(world, state="open")
    async with world.parts.database.read() as conn:
        row = (await conn.execute(select(t.switch).where(t.switch.c.id == open_["id"]))).one()._asdict()
    ours = {**row, "id": "s-2", "mandate": "m-2", "affair": RUBBISH}
    with pytest.raises(DBAPIError, match="one_open_switch_per_place"):
        async with world.parts.database.write() as conn:
            await conn.execute(t.switch.insert().values(ours))
    async with world.parts.database.read() as conn:
        assert (await conn.execute(text("SELECT count(*) FROM switch WHERE state = 'open'"))).scalar_one() == 1
