"""Who may do what, where: every cell of the table is tried, and refused cells leave no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from .conftest import (
    CIVIL,
    COMMUNITY,
    FIRM,
    GRID,
    GUANKOU,
    HOUSING,
    NANGUAN,
    OTHER_COMMUNITY,
    OTHER_FIRM,
    RESIDENT,
    RIC,
    STREET,
    STREET_ORG,
    World,
    contract_terms,
    report,
    room,
    terms,
)

pytestmark = pytest.mark.either_database

NO, KIND = "missing_power", "wrong_kind"
ROLES = {
    "community": COMMUNITY,
    "other community": OTHER_COMMUNITY,
    "street": STREET_ORG,
    "firm": FIRM,
    "other firm": OTHER_FIRM,
    "civil affairs": CIVIL,
    "housing": HOUSING,
    "resident": None,
}


@dataclass
class Things:
    """What commands are tried on: of 南关 (here), where the community lets and the street oversees; and of 关口
    (there), where the other community does both."""

    world: World
    estate: dict[str, str]
    room: dict[str, str]
    shop: dict[str, str]
    lease: dict[str, str]
    repair: str
    answered: str
    contract: str
    owner: str
    meeting: str


async def things(world: World) -> Things:
    estate = {
        "here": await world.estate(),
        "there": await world.estate(area=GUANKOU, by=OTHER_COMMUNITY),
    }
    by = {"here": (COMMUNITY, NANGUAN), "there": (OTHER_COMMUNITY, GUANKOU)}
    rooms = {at: await world.premise(by=org, area=area) for at, (org, area) in by.items()}
    shops = {at: await world.premise(by=org, area=area, kind="shop") for at, (org, area) in by.items()}
    let = {at: await world.premise(by=org, area=area, kind="shop") for at, (org, area) in by.items()}
    more = {"starts_on": "2026-03-01", "due_day": 1}
    leases = {at: (await world.lease(let[at], by=org, **more))["id"] for at, (org, _) in by.items()}
    contract = (await world.contract(estate["here"]))["id"]
    repair, answered = [(await world.repair(estate["here"]))["id"] for _ in range(2)]
    await world.post(f"/repairs/{answered}/answer", FIRM)
    owner = await world.owner(estate["here"], 10_000, "a-1")
    meeting = (await world.meeting(estate["here"], [owner], 3))["id"]
    await world.later(15 * 86_400)
    await world.vote(meeting, "a-1", "for")
    await world.later(7 * 86_400)
    fresh = (await world.repair(estate["here"]))["id"]
    await world.events()
    assert repair != fresh
    return Things(world, estate, rooms, shops, leases, fresh, answered, contract, owner, meeting)


Ask = Callable[[Things], tuple[str, str, Any]]
# What is tried, and for whom it passes: everybody else is refused with `missing_power`, residents with `wrong_kind`.
TABLE: dict[str, tuple[Ask, set[str]]] = {
    "register an estate here": (
        lambda t: ("POST", "/estates", {"area": GRID, "name": "新小区", "households": 1}),
        {"street"},
    ),
    "register an estate there": (
        lambda t: ("POST", "/estates", {"area": GUANKOU, "name": "新小区", "households": 1}),
        {"other community"},
    ),
    "correct the estate": (lambda t: ("POST", f"/estates/{t.estate['here']}/revision", {"households": 2}), {"street"}),
    "register a premise here": (lambda t: ("POST", "/premises", room()), {"community"}),
    "register a premise there": (lambda t: ("POST", "/premises", room(area=GUANKOU)), {"other community"}),
    "file a paper": (
        lambda t: ("POST", f"/premises/{t.room['here']}/papers", {"paper": "title", "reference": "x"}),
        {"community"},
    ),
    "change a use": (lambda t: ("POST", f"/premises/{t.room['here']}/use", {"use": "office"}), {"community"}),
    "withdraw a premise": (
        lambda t: ("POST", f"/premises/{t.room['there']}/withdrawal", {"reason": "demolished"}),
        {"other community"},
    ),
    "let here": (lambda t: ("POST", "/leases", terms(t.shop["here"])), {"community"}),
    "let there": (lambda t: ("POST", "/leases", terms(t.shop["there"])), {"other community"}),
    "take rent": (lambda t: ("POST", f"/leases/{t.lease['here']}/payments", {"due": 1}), {"community"}),
    "end a lease": (
        lambda t: ("POST", f"/leases/{t.lease['there']}/end", {"on": "2026-04-01", "reason": "agreed"}),
        {"other community"},
    ),
    "correct a lessee": (
        lambda t: (
            "POST",
            f"/leases/{t.lease['here']}/lessee",
            {"name": "更正", "identity_number": RIC},
        ),
        {"community"},
    ),
    "read a lessee": (
        lambda t: ("GET", f"/leases/{t.lease['here']}/lessee", {"purpose": "contact"}),
        {"community"},
    ),
    "list a firm": (lambda t: ("POST", "/firms", {"firm": OTHER_FIRM, "area": STREET}), {"street"}),
    "file a contract": (
        lambda t: ("POST", "/contracts", contract_terms(t.estate["there"])),
        {"other community"},
    ),
    "give notice": (
        lambda t: ("POST", f"/contracts/{t.contract}/notice", {"kind": "non_renewal", "by": "firm"}),
        {"street"},
    ),
    "answer a repair": (lambda t: ("POST", f"/repairs/{t.repair}/answer", {}), {"firm"}),
    "finish a repair": (lambda t: ("POST", f"/repairs/{t.answered}/completion", {}), {"firm"}),
    "read who asked": (
        lambda t: ("GET", f"/repairs/{t.repair}/private", {"purpose": "contact"}),
        {"firm", "street"},
    ),
    "register an owner": (
        lambda t: (
            "POST",
            "/owners",
            {"estate": t.estate["here"], "units": 1, "size_dm2": 1, "person": {"name": "新业主"}},
        ),
        {"street"},
    ),
    "revise an owner": (lambda t: ("POST", f"/owners/{t.owner}/revision", {"units": 2, "size_dm2": 2}), {"street"}),
    "correct an owner": (lambda t: ("POST", f"/owners/{t.owner}/person", {"name": "更正"}), {"street"}),
    "read an owner": (lambda t: ("GET", f"/owners/{t.owner}/private", {"purpose": "contact"}), {"street"}),
    "call a meeting": (
        lambda t: ("POST", "/meetings", t.world.meeting_body(t.estate["here"], [t.owner], 1)),
        {"street"},
    ),
    "strike a firm off": (lambda t: ("POST", f"/firms/{FIRM}/strike", {"reason": "breach"}), {"street"}),
    "file a committee": (lambda t: ("POST", f"/meetings/{t.meeting}/filing", {"reference": "x"}), {"street"}),
}
READS = (
    "/estates",
    "/premises",
    "/premises/coverage",
    "/leases",
    "/repairs",
    "/repair-kinds",
    "/firms",
    "/contracts",
    "/owners",
    "/meetings",
)


async def tried(t: Things, role: str, ask: Ask) -> tuple[int, str]:
    method, path, body = ask(t)
    resident = RESIDENT if role == "resident" else None
    if method == "GET":
        answer = await t.world.ask("GET", path, ROLES[role], resident=resident, **body)
    else:
        answer = await t.world.ask("POST", path, ROLES[role], body, resident=resident)
    return answer.status_code, "ok" if answer.status_code < 300 else answer.json()["code"]


async def test_every_cell_of_the_table(world: World) -> None:
    """First all who are refused, in every row: they leave no event and no version; then who may."""
    t = await things(world)
    for name, (ask, may) in TABLE.items():
        assert may <= set(ROLES), name
        for role in ROLES:
            if role not in may:
                expected = (403, KIND) if role == "resident" else (403, NO)
                assert await tried(t, role, ask) == expected, (name, role)
    assert await world.events() == []
    for name, (ask, may) in TABLE.items():
        for role in sorted(may):
            status, code = await tried(t, role, ask)
            assert status < 300, (name, role, code)
            (event, *_) = await world.events()
            assert event.attributes["org"] == ROLES[role], (name, role)
            assert event.attributes["mandate"].startswith("m-"), (name, role)


async def test_every_command_and_every_private_read_stands_in_the_table(world: World) -> None:
    """What needs no power: to ask for a repair, to confirm one's own, to vote for oneself."""
    t = await things(world)
    free = {"/repairs", "/repairs/{repair_id}/confirmation", "/meetings/{meeting_id}/ballot"}
    own = {"/dead-letters", "/reconciliation"}  # every service's
    paths = t.world.service.app.openapi()["paths"]
    wanted = {p for p, methods in paths.items() if "post" in methods and p not in free and p.split("/{")[0] not in own}
    wanted |= {p for p in paths if p.endswith(("/private", "/lessee"))}
    asked = [ask(t)[1] for ask, _ in TABLE.values()]

    def fits(template: str, path: str) -> bool:
        parts, given = template.split("/"), path.split("/")
        return len(parts) == len(given) and all(p.startswith("{") or p == g for p, g in zip(parts, given, strict=True))

    assert {p for p in wanted if not any(fits(p, path) for path in asked)} == set()


@pytest.mark.parametrize("path", READS)
async def test_registers_are_open_to_who_is_signed_in_and_to_nobody_else(world: World, path: str) -> None:
    for role, org in ROLES.items():
        answer = await world.ask("GET", path, org, resident=RESIDENT if role == "resident" else None, area=STREET)
        assert answer.status_code == 200, (role, answer.text)
    assert (await world.http.get(path)).status_code == 401
    hub = await world.http.get(path, headers={"Authorization": f"Bearer {world.token(None, kind='hub')}"})
    assert (hub.status_code, hub.json()["code"]) == (403, KIND)  # it reads at the gateway alone


async def test_a_program_and_a_hub_act_no_more_than_a_resident(world: World) -> None:
    for kind in ("hub", "service"):
        bearer = {"Authorization": f"Bearer {world.token(COMMUNITY, kind=kind)}"}
        answer = await world.http.post("/premises", headers=bearer, json=room())
        assert (answer.status_code, answer.json()["code"]) == (403, KIND)


async def test_a_vote_is_the_owners_own_whatever_power_somebody_holds(world: World) -> None:
    estate = await world.estate()
    owner = await world.owner(estate, 10_000, "a-1")
    meeting = (await world.meeting(estate, [owner], 1))["id"]
    await world.later(15 * 86_400)
    path, body = f"/meetings/{meeting}/ballot", {"choices": {"1": "for"}}
    for role, org in ROLES.items():
        resident = RESIDENT if role == "resident" else None
        assert await world.refused(path, org, body, resident=resident) == (403, "not_on_the_roll"), role
    await world.vote(meeting, "a-1", "for")


async def test_anybody_may_ask_for_a_repair(world: World) -> None:
    estate = await world.estate()
    for role, org in ROLES.items():
        resident = RESIDENT if role == "resident" else None
        await world.post("/repairs", org, report(estate), resident=resident)
