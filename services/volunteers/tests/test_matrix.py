"""Who may do what: every role against every endpoint, on what is his own and on what is another's.

A cell is what such a caller is told, or `ok`. First come all who are refused, and nothing may have happened; then those
who may, the first of whom must succeed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from suizhuan.kernel.clock import ManualClock
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import played
from volunteers import routes, routes_commands, routes_me, routes_organiser

from .conftest import CIVIL, COMMUNITY, HOUR, NANGUAN, OTHER, STREET_ORG, World, id_number, made

pytestmark = pytest.mark.either_database

OK, NONE, KIND, POWER = "ok", "unauthenticated", "wrong_kind", "missing_power"
ORG, YOURS, NEW = "not_organiser", "not_yours", "not_registered"
AUTHORISATION = {NONE, KIND, POWER, ORG, YOURS, NEW}
# The holder here, that of another community, the affair's owner, staff without a power; the volunteer, another one,
# somebody who is none; a department's program, the hub; nobody.
ROLES = ("own", "foreign", "owner", "powerless", "self", "other", "stranger", "program", "hub", "nobody")
STAFF = {"own": COMMUNITY, "foreign": OTHER, "owner": CIVIL, "powerless": STREET_ORG}
RESIDENTS = {"self": "r:wang", "other": "r:li", "stranger": "r:zhao"}

Row = tuple[str, ...]
ANYBODY: Row = (OK,) * 8 + (KIND, NONE)  # a hub reads at the gateway alone
STAFF_ONLY: Row = (OK,) * 4 + (KIND,) * 5 + (NONE,)
# At NANGUAN the affair's owner yields to the community to which it has given the mandate.
POWERFUL: Row = (OK, POWER, POWER, POWER) + (KIND,) * 5 + (NONE,)
ORGANISER: Row = (OK, ORG, ORG, ORG) + (KIND,) * 5 + (NONE,)
RESIDENT: Row = (KIND,) * 4 + (OK, OK, NEW, KIND, KIND, NONE)
MINE: Row = (KIND,) * 4 + (OK, YOURS, NEW, KIND, KIND, NONE)
TABLE: dict[str, Row] = {
    "GET /words": ANYBODY,
    "GET /volunteers": STAFF_ONLY,
    "GET /volunteers/{volunteer_id}": STAFF_ONLY,
    "GET /volunteers/{volunteer_id}/private": POWERFUL,
    "GET /teams": ANYBODY,
    "GET /teams/{team_id}": ANYBODY,
    "GET /activities": ANYBODY,
    "GET /activities/{activity_id}": ANYBODY,
    "GET /shifts": ANYBODY,
    "GET /shifts/{shift_id}": ANYBODY,
    "GET /shifts/{shift_id}/code": ORGANISER,
    "GET /shifts/{shift_id}/sign-ups": ORGANISER,
    "GET /courses": ANYBODY,
    "GET /courses/{course_id}": ANYBODY,
    "GET /awards": ANYBODY,
    "GET /certificates/{number}": (OK,) * 10,
    "GET /certificates/{number}/document": MINE,
    "GET /volunteers/me": RESIDENT,
    "GET /volunteers/me/private": RESIDENT,
    "GET /volunteers/me/training": RESIDENT,
    "GET /volunteers/me/service": RESIDENT,
    "GET /volunteers/me/awards": RESIDENT,
    "GET /volunteers/me/certificates": RESIDENT,
    "GET /pairings": (OK,) * 6 + (NEW, KIND, KIND, NONE),
    "GET /pairings/{pairing_id}": POWERFUL,
    "GET /pairings/{pairing_id}/visits": (OK, YOURS, YOURS, YOURS, OK, YOURS, NEW, KIND, KIND, NONE),
    "POST /volunteers": (KIND,) * 4 + ("already_registered", "already_registered", OK, KIND, KIND, NONE),
    "POST /volunteers/me/correction": RESIDENT,
    "POST /volunteers/me/erasure": RESIDENT,
    "POST /teams/{team_id}/membership": RESIDENT,
    "POST /teams/{team_id}/departure": RESIDENT,
    "POST /shifts/{shift_id}/sign-up": RESIDENT,
    "POST /shifts/{shift_id}/withdrawal": (KIND,) * 4 + (OK, "not_signed_up", NEW, KIND, KIND, NONE),
    "POST /shifts/{shift_id}/check-in": (KIND,) * 4 + (OK, "not_signed_up", NEW, KIND, KIND, NONE),
    "POST /shifts/{shift_id}/check-out": (KIND,) * 4 + (OK, "not_signed_up", NEW, KIND, KIND, NONE),
    "POST /awards/{award_id}/consent": MINE,
    "POST /certificates": (KIND,) * 4 + (OK, "nothing_to_certify", NEW, KIND, KIND, NONE),
    "POST /pairings/{pairing_id}/acceptance": MINE,
    "POST /pairings/{pairing_id}/visits": MINE,
    # asked by the volunteer's side; what staff say is judged in test_pairing
    "POST /pairings/{pairing_id}/end": ("wrong_side", POWER, POWER, POWER, OK, YOURS, NEW, KIND, KIND, NONE),
    "POST /activities": POWERFUL,
    "POST /activities/{activity_id}/funding": ORGANISER,
    "POST /activities/{activity_id}/insurance": ORGANISER,
    "POST /activities/{activity_id}/cancellation": ORGANISER,
    "POST /activities/{activity_id}/closure": ORGANISER,
    "POST /activities/{activity_id}/shifts": ORGANISER,
    "POST /shifts/{shift_id}/arrivals": ORGANISER,
    "POST /shifts/{shift_id}/departures": ORGANISER,
    "POST /shifts/{shift_id}/confirmations": ORGANISER,
    "POST /shifts/{shift_id}/corrections": ORGANISER,
    "POST /teams": POWERFUL,
    "POST /teams/{team_id}/dissolution": ORGANISER,
    "POST /courses": POWERFUL,
    "POST /courses/{course_id}/cancellation": ORGANISER,
    "POST /courses/{course_id}/attendance": ORGANISER,
    "POST /volunteers/{volunteer_id}/awards": POWERFUL,
    "POST /pairings": POWERFUL,
    "POST /pairings/{pairing_id}/link": POWERFUL,
}


@dataclass(frozen=True)
class Need:
    """What an endpoint needs in order to succeed. Those that need the same are tried on copies of one database."""

    step: int = 0  # how far the shift has come
    funding: bool = False
    attendance: bool = False
    acceptance: bool = False
    link: bool = False
    certificate: bool = False

    @staticmethod
    def of(endpoint: str) -> Need:
        return Need(
            step=max((n for word, n in STEPS.items() if word in endpoint), default=0),
            funding="funding" in endpoint,
            attendance="attendance" in endpoint,
            acceptance=endpoint == "POST /pairings/{pairing_id}/visits",
            link=endpoint == "POST /pairings/{pairing_id}/link",
            certificate="{number}" in endpoint,
        )


@dataclass
class Scene:
    """Everything that an endpoint may be asked about, as it must be for it to succeed."""

    world: World
    ids: dict[str, str]
    code: str

    async def ask(self, role: str, endpoint: str) -> httpx.Response:
        method, template = endpoint.split(" ")
        path = template.format(**self.ids)
        body = self.body(endpoint)
        params = {"purpose": "contact"} if template.endswith("/private") or template == "/pairings/{pairing_id}" else {}
        world = self.world
        if role in STAFF or role in RESIDENTS:
            who = STAFF.get(role) or RESIDENTS[role]
            return await world.ask(method, path, who, body, **(params if method == "GET" else {}))
        headers = {}
        if role in ("program", "hub"):
            token = world.token(COMMUNITY if role == "program" else None, kind={"program": "service"}.get(role, role))
            headers = {"Authorization": f"Bearer {token}"}
        if method == "GET":
            return await world.http.get(path, headers=headers, params=params)
        return await world.http.post(path, headers=headers, json=body)

    def body(self, endpoint: str) -> dict[str, Any]:
        world, who = self.world, {"volunteer": self.ids["volunteer_id"]}
        pairing = {"file": "F-002", "file_consent": "C-002", "need": "company", "area": NANGUAN}
        bodies: dict[str, dict[str, Any]] = {
            "POST /volunteers": world.registration(),
            "POST /volunteers/me/correction": {"phone": "13900009999"},
            "POST /shifts/{shift_id}/check-in": {"code": self.code},
            "POST /shifts/{shift_id}/check-out": {"code": self.code},
            "POST /certificates": {"org": COMMUNITY},
            "POST /pairings/{pairing_id}/acceptance": {"consent": "V-001"},
            "POST /pairings/{pairing_id}/visits": {"finding": "all-well", "minutes": 30},
            "POST /pairings/{pairing_id}/end": {"by": "volunteer"},
            "POST /activities": world.activity_body(),
            "POST /activities/{activity_id}/funding": {"planned_fen": 1},
            "POST /activities/{activity_id}/insurance": {"insurance": "P-001"},
            "POST /activities/{activity_id}/closure": {"cost_fen": 1},
            "POST /activities/{activity_id}/shifts": {
                "starts_at": world.moment(25),
                "ends_at": world.moment(26),
                "capacity": 1,
            },
            "POST /shifts/{shift_id}/arrivals": who,
            "POST /shifts/{shift_id}/departures": who,
            "POST /shifts/{shift_id}/confirmations": who,
            "POST /shifts/{shift_id}/corrections": {**who, "minutes": 1},
            "POST /teams": {"title": "t", "kind": "judicial", "area": NANGUAN},
            "POST /courses": {
                "title": "c",
                "training": "health",
                "area": NANGUAN,
                "starts_at": world.moment(1),
                "ends_at": world.moment(2),
            },
            "POST /courses/{course_id}/attendance": who,
            "POST /volunteers/{volunteer_id}/awards": {"kind": "model-citizen"},
            "POST /pairings": {**who, **pairing},
            "POST /pairings/{pairing_id}/link": {"file": "F-001", "file_consent": "C-001"},
        }
        return bodies.get(endpoint, {})


STEPS = {
    "withdrawal": 1,
    "check-in": 2,
    "arrivals": 2,
    "check-out": 3,
    "departures": 3,
    "confirmations": 4,
    "corrections": 5,
    "closure": 5,
    "certificates": 5,
    "{number}": 5,
}


async def set_up(world: World, need: Need) -> tuple[dict[str, str], str]:
    """What an endpoint may be asked about: ids by their names in paths, and the code of the shift."""
    await world.log.beat()
    volunteer = await world.register("r:wang")
    await world.register("r:li", id_number=id_number(date(1980, 1, 1)))
    team = await world.post("/teams", COMMUNITY, {"title": "t", "kind": "judicial", "area": NANGUAN})
    course = await world.course(starts_at=world.moment(-1 if need.attendance else 1), ends_at=world.moment(3))
    activity = await world.activity(held=not need.funding)
    if need.funding:
        await world.bill("refused", activity["bill"], reason="short", shortfall_fen=1)
    shift = await world.shift(activity)
    award = await world.post(f"/volunteers/{volunteer}/awards", COMMUNITY, {"kind": "star-of-respect"})
    offer = {"volunteer": volunteer, "file": "F-001", "file_consent": "C-001", "need": "company", "area": NANGUAN}
    pairing = await world.post("/pairings", COMMUNITY, offer)
    ids = {
        "volunteer_id": volunteer,
        "team_id": team["id"],
        "course_id": course["id"],
        "activity_id": activity["id"],
        "shift_id": shift["id"],
        "award_id": award["id"],
        "pairing_id": pairing["id"],
        "number": "none",
    }
    code = await world.code(shift["id"])
    await _go_as_far_as(world, need, ids, activity, shift)
    return ids, code


async def _go_as_far_as(
    world: World, need: Need, ids: dict[str, str], activity: dict[str, Any], shift: dict[str, Any]
) -> None:
    if need.acceptance:
        await world.post(f"/pairings/{ids['pairing_id']}/acceptance", "r:wang", {"consent": "V-001"})
    if need.link:
        from volunteers import tables as t

        async with world.service.parts.database.write() as conn:  # as after a restore
            await conn.execute(t.pairings.update().values(linked=False))
    who, of_shift = {"volunteer": ids["volunteer_id"]}, f"/shifts/{shift['id']}"
    if need.step >= 1:
        await world.post(f"{of_shift}/sign-up", "r:wang")
    if need.step >= 2:
        await world.at(datetime.fromisoformat(shift["starts_at"]))
    if need.step >= 3:
        await world.post(f"{of_shift}/arrivals", COMMUNITY, who)
        await world.later(HOUR)
    if need.step >= 4:
        await world.post(f"{of_shift}/departures", COMMUNITY, who)
    if need.step >= 5:
        await world.post(f"{of_shift}/confirmations", COMMUNITY, who)
        await world.at(datetime.fromisoformat(activity["ends_at"]))
    if need.certificate:
        ids["number"] = (await world.post("/certificates", "r:wang", {"org": COMMUNITY}))["number"]


@pytest.fixture
async def scene(databases: Databases, tmp_path: Path, clock: ManualClock, endpoint: str) -> AsyncIterator[Scene]:
    need = Need.of(endpoint)
    world, (ids, code) = await played(
        f"volunteers, {need}",
        databases,
        lambda url: made(url, tmp_path, clock),
        lambda first: set_up(first, need),
    )
    await world.events()
    yield Scene(world, ids, code)
    await world.close()


@pytest.mark.parametrize("endpoint", TABLE)
async def test_every_role_is_told_what_the_table_says(scene: Scene, endpoint: str) -> None:
    row = dict(zip(ROLES, TABLE[endpoint], strict=True))
    for role, expected in row.items():
        if expected == OK:
            continue
        answer = await scene.ask(role, endpoint)
        assert (answer.status_code >= 400, answer.json().get("code")) == (True, expected), role
    assert await scene.world.names() == [], "somebody who was refused has done something"
    for number, (role, _) in enumerate((role, cell) for role, cell in row.items() if cell == OK):
        answer = await scene.ask(role, endpoint)
        if number == 0:
            assert answer.status_code < 300, (role, answer.text)
        assert answer.status_code < 500
        assert answer.json().get("code") not in AUTHORISATION, role


def test_the_table_has_every_endpoint() -> None:
    routers = (routes.router, routes_me.router, routes_me.open_router, routes_commands.router, routes_organiser.router)
    found = {
        f"{method} {route.path}"
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert found == set(TABLE)
