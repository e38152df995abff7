"""Areas that get other codes: what may be announced, and what the register says once it has taken effect."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from population import importing
from population import tables as t
from population.domain.area import Area, kind_of, parent_of
from population.domain.facts_rekeying import AreaMove, NewArea
from population.domain.rekeying import announce
from suizhuan.kernel.clock import parse_utc
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing_world import rows, said_of

from .conftest import COMMUNITY, FOREIGN, GRID, GRID_2, NANGUAN, OTHER, OWNER, ROOT, STREET, XIANGLI, World, of
from .test_imports import as_csv, line

NEW, THIRD = NANGUAN + "011", NANGUAN + "012"
NOW = parse_utc("2026-03-02T01:00:00Z")


def move(old: str, new: str, heir: bool = True, buildings: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"old": old, "new": new, "heir": heir, "buildings": list(buildings)}


async def announced(world: World, *moves: dict[str, Any], org: str = COMMUNITY, **more: Any) -> dict[str, Any]:
    return await world.post("/rekeyings", org, {"moves": list(moves), **more})


async def effective(world: World, made: dict[str, Any]) -> None:
    """Mandates has switched it."""
    await world.log.rekey(made["moves"], rekeying=made["id"])


async def codes(world: World) -> list[str]:
    return [item["area"] for item in (await world.get("/areas", area=ROOT))["items"]]


# --- announcing ------------------------------------------------------------------------------------------------------


@pytest.mark.either_database
async def test_it_is_announced_under_the_power_over_all_of_it_and_changes_nothing_yet(world: World) -> None:
    made = await announced(world, move(GRID, NEW))
    assert (made["state"], made["within"], made["version"]) == ("announced", NANGUAN, 1)
    assert made["areas"] == [{"area": NEW, "name": f"区域{GRID}", "name_en": f"Area {GRID}"}]
    (event,) = await world.events()
    assert (event.name, event.key) == ("population.rekeying.announced", made["id"])
    assert event.data["moves"] == [move(GRID, NEW)]
    assert event.attributes["mandate"] == f"m-gov.divisions-{NANGUAN}"
    assert GRID in await codes(world)
    assert (await world.get(f"/rekeyings/{made['id']}"))["state"] == "announced"
    assert [one["id"] for one in (await world.get("/rekeyings"))["items"]] == [made["id"]]


@pytest.mark.either_database
async def test_who_holds_one_of_two_communities_does_not_merge_them(world: World) -> None:
    moves = [move(NANGUAN, NANGUAN), move(XIANGLI, NANGUAN, heir=False), move(FOREIGN, NANGUAN + "003")]
    assert await world.refused("/rekeyings", COMMUNITY, {"moves": moves}) == (403, "missing_power")
    assert (await announced(world, *moves, org=OWNER))["within"] == STREET


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([move("12345", NEW)], (422, "area_malformed")),
        ([move("110101", "110102")], (422, "area_outside")),
        ([move(GRID, STREET + "911")], (422, "lengths_differ")),
        ([move(NANGUAN + "777", NEW)], (422, "unknown_area")),
        ([move(GRID, GRID_2)], (409, "area_known")),
        ([move(GRID, NEW), move(GRID, NEW)], (422, "move_twice")),
        ([move(NANGUAN, STREET + "911"), move(NANGUAN, STREET + "912", False)], (422, "split_by_grids")),
        ([move(GRID, NEW, False)], (422, "heir_unclear")),
        ([move(GRID, NEW), move(GRID, THIRD)], (422, "heir_unclear")),
        ([move(GRID, NEW), move(GRID_2, NEW)], (422, "heir_unclear")),
        ([move(GRID, NEW, buildings=("b",))], (422, "heir_unclear")),
        ([move(GRID, NEW), move(GRID_2, GRID)], (422, "moves_chained")),
        ([move(NANGUAN, STREET + "911"), move(GRID, NANGUAN + "050")], (422, "moves_chained")),
        ([move(NANGUAN, NANGUAN), move(XIANGLI, NANGUAN, False)], (422, "areas_become_one")),
        ([move(GRID, STREET + "911001")], (422, "parent_unknown")),
        ([move(GRID, GRID), move(GRID, NEW, False)], (422, "names_missing")),
        ([move(GRID, GRID), move(GRID, NEW, False, ("nowhere",))], (422, "elsewhere")),
        ([], (422, "invalid_request")),
        ([{**move(GRID, NEW), "more": 1}], (422, "invalid_request")),
    ],
)
async def test_what_cannot_be_is_refused(world: World, moves: list[Any], expected: tuple[int, str]) -> None:
    names = [{"area": NEW, "name": "新", "name_en": "New"}] if expected[1] == "elsewhere" else []
    at_home = all(m["old"].startswith(NANGUAN) and m["new"].startswith(NANGUAN) for m in moves)
    who = COMMUNITY if moves and at_home else OWNER
    assert await world.refused("/rekeyings", who, {"moves": moves, "areas": names}) == expected
    assert await world.names() == []


@pytest.mark.either_database
async def test_one_at_a_time_and_nothing_is_registered_where_it_reaches(world: World) -> None:
    made = await announced(world, move(GRID, NEW))
    assert await world.refused("/rekeyings", COMMUNITY, {"moves": [move(GRID_2, THIRD)]}) == (409, "rekeying_under_way")
    names = {"name": "新", "name_en": "New"}
    assert await world.refused("/areas", COMMUNITY, {"area": NEW, **names}) == (409, "rekeying_under_way")
    await world.post("/areas", COMMUNITY, {"area": THIRD, **names})
    await effective(world, made)
    assert await world.refused("/areas", COMMUNITY, {"area": GRID, **names}) == (409, "area_given_up")
    await announced(world, move(GRID_2, NANGUAN + "013"))


@pytest.mark.either_database
async def test_names_are_those_of_the_announcement_so_nothing_there_is_renamed_meanwhile(world: World) -> None:
    made = await announced(world, move(NANGUAN, STREET + "911"), org=OWNER)
    names = {"name": "新", "name_en": "New"}
    for area in (GRID, NANGUAN):
        assert await world.refused(f"/areas/{area}/names", COMMUNITY, names) == (409, "rekeying_under_way")
    await world.post(f"/areas/{XIANGLI}/names", OTHER, names)
    await effective(world, made)
    await world.post(f"/areas/{STREET}911/names", COMMUNITY, names)


@pytest.mark.either_database
async def test_what_was_registered_in_the_moment_of_the_announcement_has_a_new_code_too(world: World) -> None:
    """The announcement did not see it, nor did who registered it see the announcement."""
    made = await announced(world, move(NANGUAN, STREET + "911"), org=OWNER)
    row = {"code": NANGUAN + "009", "name_zh": "第九", "name_en": "Ninth", "kind": "grid", "version": 1}
    async with world.service.parts.database.write() as conn:
        await conn.execute(t.area.insert().values(**row, synthetic=False))
    await effective(world, made)
    assert (await world.get(f"/areas/{NANGUAN}009"))["now"] == STREET + "911009"
    assert (await world.get(f"/areas/{STREET}911009"))["name"] == "第九"


@pytest.mark.either_database
async def test_of_two_announced_at_once_one_is_told(world: World) -> None:
    bodies = [{"moves": [move(GRID, NEW)]}, {"moves": [move(GRID_2, THIRD)]}]
    answers = await asyncio.gather(*(world.ask("POST", "/rekeyings", COMMUNITY, body) for body in bodies))
    assert sorted(a.status_code for a in answers) == [201, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"rekeying_under_way"}


@pytest.mark.either_database
async def test_a_command_that_is_sent_again_announces_once(world: World) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await world.post("/rekeyings", COMMUNITY, {"moves": [move(GRID, NEW)]}, headers=headers)
    again = await world.post("/rekeyings", COMMUNITY, {"moves": [move(GRID, NEW)]}, headers=headers)
    assert again == first
    assert await world.names() == ["rekeying.announced"]


# --- effect ----------------------------------------------------------------------------------------------------------


@pytest.mark.either_database
async def test_all_that_lies_in_an_area_has_the_new_code_in_the_same_act(world: World) -> None:
    building = await world.building()
    household = await world.household()
    person = await world.person(household=household["id"])
    body = {"person": person["id"], "kind": "disabled", "attributes": {"type": "limbs", "grade": "g1"}}
    file = await world.post("/files", COMMUNITY, body)
    made = await announced(world, move(NANGUAN, STREET + "911"), org=OWNER)
    await world.events()
    await effective(world, made)
    moved = STREET + "911001"
    for path in (f"/buildings/{building['id']}", f"/households/{household['id']}", f"/people/{person['id']}"):
        assert (await world.get(path))["grid"] == moved
    assert (await world.get(f"/files/{file['id']}"))["grid"] == moved
    assert sorted(await codes(world)) == sorted(
        [ROOT, STREET, XIANGLI, FOREIGN, STREET + "911", moved, STREET + "911002"]
    )
    events = await world.events()
    assert {e.key: e.data["now"] for e in of(events, "area.given_up")} == {
        NANGUAN: STREET + "911",
        GRID: moved,
        GRID_2: STREET + "911002",
    }
    assert len(of(events, "area.registered")) == 3
    assert len(of(events, "rekeying.done")) == 1
    assert (await world.get(f"/areas/{GRID}"))["now"] == moved
    assert (await world.get(f"/rekeyings/{made['id']}"))["state"] == "done"


@pytest.mark.either_database
async def test_power_goes_with_the_code_and_nobody_acts_under_the_old_one(world: World) -> None:
    await effective(world, await announced(world, move(NANGUAN, STREET + "911"), org=OWNER))
    await world.post("/buildings", COMMUNITY, {"grid": STREET + "911001", "name": "新楼"})
    for org in (COMMUNITY, OWNER, OTHER):
        assert await world.refused("/buildings", org, {"grid": GRID, "name": "x"}) == (409, "area_given_up")
        names = {"name": "新", "name_en": "New"}
        assert await world.refused(f"/areas/{GRID}/names", org, names) == (409, "area_given_up")


@pytest.mark.either_database
async def test_a_file_that_is_being_taken_in_counts_the_grids_by_their_new_codes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    headers = {"Content-Type": "text/csv"}
    begun = await world.post("/imports", COMMUNITY, content=as_csv([line(61)]), headers=headers, area=NANGUAN)
    await world.deadlines_once()
    made = await announced(world, move(GRID, NEW))
    await world.events()
    await effective(world, made)
    assert await said_of(world.service, GRID) == set()
    await world.deadlines()
    assert (await world.get(f"/imports/{begun['id']}"))["state"] == "done"
    assert [e.key for e in of(await world.events(), "people.counted")] == [NEW]


@pytest.mark.either_database
async def test_a_grid_is_split_by_its_buildings_and_the_rest_goes_to_the_heir(world: World) -> None:
    goes, stays = await world.building("3号楼"), await world.building("4号楼")
    flat = await world.post(f"/buildings/{goes['id']}/dwellings", COMMUNITY, {"room": "1"})
    household = await world.household(dwelling=flat["id"])
    at_home = await world.person(household=household["id"])
    in_flat = await world.person(dwelling=flat["id"], registration="floating")
    elsewhere = await world.person()
    permit = await world.post(
        "/permits", COMMUNITY, {"person": in_flat["id"], "ground": "job", "lived_since": "2020-01-01"}
    )
    names = [{"area": NEW, "name": "第十一网格", "name_en": "Grid 11"}]
    split = [move(GRID, GRID), move(GRID, NEW, heir=False, buildings=(goes["id"],))]
    made = await announced(world, *split, areas=names)
    await world.events()
    await effective(world, made)
    for path in (
        f"/buildings/{goes['id']}",
        f"/households/{household['id']}",
        f"/people/{at_home['id']}",
        f"/people/{in_flat['id']}",
        f"/permits/{permit['id']}",
    ):
        assert (await world.get(path))["grid"] == NEW, path
    for path in (f"/buildings/{stays['id']}", f"/people/{elsewhere['id']}"):
        assert (await world.get(path))["grid"] == GRID
    events = await world.events()
    assert {e.key: e.data["people"] for e in of(events, "people.counted")} == {GRID: 1, NEW: 2}
    assert [e.key for e in of(events, "area.registered")] == [NEW]
    assert of(events, "area.given_up") == []


@pytest.mark.either_database
async def test_grids_become_one_and_things_of_one_name_stay_apart(world: World) -> None:
    first, second = await world.building("3号楼"), await world.building("3号楼", GRID_2)
    await world.household("H1"), await world.household("H1", GRID_2)
    await world.person(), await world.person(grid=GRID_2)
    made = await announced(world, move(GRID, GRID), move(GRID_2, GRID, heir=False))
    await world.events()
    await effective(world, made)
    listed = {b["id"]: (b["grid"], b["name"]) for b in (await world.get("/buildings", area=GRID))["items"]}
    assert listed == {first["id"]: (GRID, "3号楼"), second["id"]: (GRID, "3号楼（002）")}
    assert {h["number"] for h in (await world.get("/households", area=GRID))["items"]} == {"H1", "H1（002）"}
    (count,) = of(await world.events(), "people.counted")
    assert (count.key, count.data["people"], count.data["households"]) == (GRID, 2, 2)


@pytest.mark.either_database
async def test_the_record_once_more_changes_nothing(world: World) -> None:
    await world.building()
    made = await announced(world, move(GRID, NEW))
    await effective(world, made)
    tables = [x for x in t.own.sorted_tables]
    before = [await rows(world.service, x) for x in tables]
    await world.events()
    await world.log.again()
    await world.later(30)
    assert [await rows(world.service, x) for x in tables] == before
    assert await world.names() == []


@pytest.mark.either_database
async def test_what_was_under_way_goes_with_its_building_and_keeps_a_name_of_its_own(world: World) -> None:
    """A handler may commit an old code long after. What it wrote of a building that went goes there, too."""
    goes = await world.building("3号楼")
    flat = await world.post(f"/buildings/{goes['id']}/dwellings", COMMUNITY, {"room": "1"})
    split = [move(GRID, GRID), move(GRID, NEW, heir=False, buildings=(goes["id"],)), move(GRID_2, THIRD)]
    names = [{"area": NEW, "name": "第十一网格", "name_en": "Grid 11"}]
    await effective(world, await announced(world, *split, areas=names))
    await world.later(30)
    await world.household("H1", NEW), await world.building("5号楼", THIRD)
    late = {"id": "late", "number": "H1", "dwelling": flat["id"], "version": 1}
    building = {"id": "late", "name": "5号楼", "version": 1, "refreshed_at": world.clock.now()}
    async with world.service.parts.database.write() as conn:
        await conn.execute(t.household.insert().values(grid=GRID, **late))
        await conn.execute(t.building.insert().values(grid=GRID_2, **building))
    await world.later(3600)
    household, late_building = await world.get("/households/late"), await world.get("/buildings/late")
    assert (household["grid"], household["number"]) == (NEW, "H1（001）")
    assert (late_building["grid"], late_building["name"]) == (THIRD, "5号楼（002）")


@pytest.mark.either_database
async def test_a_building_that_went_to_and_fro_stays_where_it_went_last(world: World) -> None:
    """Settling what was given away in all re-keyings gives it away once."""
    goes = (await world.building())["id"]
    names = [{"area": NEW, "name": "第十一网格", "name_en": "Grid 11"}]
    there = [move(GRID, GRID), move(GRID, NEW, heir=False, buildings=(goes,))]
    back = [move(GRID, GRID), move(NEW, NEW), move(NEW, GRID, heir=False, buildings=(goes,))]
    await effective(world, await announced(world, *there, areas=names))
    await effective(world, await announced(world, *back))
    await world.building("3号楼", NEW)
    await world.later(3600)
    assert (await world.get(f"/buildings/{goes}"))["grid"] == GRID


@pytest.mark.either_database
async def test_a_neighbour_that_has_not_heard_of_it_is_understood(world: World) -> None:
    """A mandate that was activated under the old code, told late."""
    await effective(world, await announced(world, move(GRID, NEW)))
    data = {"mandate": "m-late", "affair": "population.register", "area": GRID, "holder": COMMUNITY}
    await world.hear("mandates.mandate.activated", "m-late", {**data, "staff_count": 1, "amount_fen": 0})
    (row,) = [r for r in await rows(world.service, t.mandate) if r["mandate"] == "m-late"]
    assert row["area"] == NEW


# --- the rule, of any register ---------------------------------------------------------------------------------------


def register(places: list[str]) -> list[Area]:
    whole = {ROOT, STREET, *places, *(place[:12] for place in places)}
    return [Area(code=code, name_zh=code, name_en=code, kind=kind_of(code), version=1) for code in sorted(whole)]


places = st.lists(
    st.tuples(st.sampled_from(["901", "902", "903"]), st.sampled_from(["001", "002", "003"])).map(
        lambda pair: STREET + "".join(pair)
    ),
    min_size=1,
    unique=True,
)
targets = st.tuples(st.sampled_from(["901", "902", "911"]), st.sampled_from(["001", "004", "005", ""])).map(
    lambda pair: STREET + "".join(pair)
)


@given(places, st.lists(st.tuples(st.integers(0, 20), targets, st.booleans()), min_size=1, max_size=4))
def test_what_may_be_announced_leaves_a_register_that_holds_together(
    grids: list[str], wanted: list[tuple[int, str, bool]]
) -> None:
    """Every area has its parent, none has two codes, none of those given up is in use, and nothing is lost."""
    before = register(grids)
    known = [area.code for area in before if area.code not in (ROOT, STREET)]
    moves = [AreaMove(old=known[n % len(known)], new=new, heir=heir) for n, new, heir in wanted]
    names = [NewArea(area=code, name="n", name_en="n") for code in sorted({m.new for m in moves} - set(known))]
    try:
        change = announce("r", moves, names, before, root=ROOT, now=NOW)
    except Refusal:
        return
    table = change.after.table
    after = {table.place(area.code) for area in before} | {row["area"] for row in change.after.areas}
    assert all(parent_of(code) in after for code in after if code != ROOT)
    assert not any(code.startswith(old) for code in after for old in table.retired)
    merged = {(m.old, m.new) for m in moves}
    for one in before:
        for other in before:
            if one.code != other.code and table.place(one.code) == table.place(other.code):
                assert (one.code, table.place(one.code)) in merged
    assert {row["area"] for row in change.after.areas} == after - {area.code for area in before}
