"""Who may do what: every caller against every endpoint. First all who are refused, and nothing has happened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from suizhuan.kernel.clock import ManualClock
from suizhuan.testing import published
from suizhuan.testing_databases import Databases
from suizhuan.testing_matrix import (
    OK,
    OPERATIONS,
    POWER,
    POWERFUL,
    ROLES,
    SIGNED_IN,
    Ask,
    Callers,
    Cell,
    Row,
    endpoint_of,
    endpoints,
    letter_in,
    named,
    repair,
)

from .conftest import (
    AFFAIR,
    CENTRE,
    COMMUNITY,
    FIRM,
    HANDLE,
    ISSUER,
    ROOT_AREA,
    STREET_ORG,
    SUPERVISE,
    VERIFY,
    World,
    made,
)

pytestmark = pytest.mark.either_database

NEIGHBOUR, OVERSEER, NO_POWER = "community-xiangli", "street-other", "firm-lvjie"
ELSEWHERE, XIANGLI = "321302003", "321302002909"
RESPONSIBLE = (COMMUNITY, NEIGHBOUR, STREET_ORG, NO_POWER)
CHECKING = (STREET_ORG, OVERSEER, NEIGHBOUR, NO_POWER)
RUNNING = (CENTRE, OVERSEER, COMMUNITY, NO_POWER)
RECEIVER = (FIRM, NEIGHBOUR, STREET_ORG, NO_POWER)
SELF: Cell = (403, "self_verification")
NOT_YOURS: Cell = (403, "not_responsible")
REPAIR = "complaints.events.repair"


def with_other(cell: Cell) -> Row:
    return (*POWERFUL[:7], cell, POWER)


# Who answers for the case never checks it; who assists in the affair there holds its power, and not the case.
TABLE: dict[str, Row] = {
    "GET /cases": SIGNED_IN,
    "GET /cases/{case_id}": SIGNED_IN,
    "GET /cases/{case_id}/history": SIGNED_IN,
    "GET /cases/{case_id}/private": POWERFUL,
    "GET /cases/{case_id}/private: by who checks": POWERFUL,
    "GET /handovers/{handover_id}": SIGNED_IN,
    "GET /categories": SIGNED_IN,
    "GET /statistics": SIGNED_IN,
    "POST /cases": SIGNED_IN,
    "POST /cases/{case_id}/start": POWERFUL,
    "POST /cases/{case_id}/start: beside who assists": with_other(NOT_YOURS),
    "POST /cases/{case_id}/result": POWERFUL,
    "POST /cases/{case_id}/verification": POWERFUL,
    "POST /cases/{case_id}/verification: beside the responsible": with_other(SELF),
    "POST /cases/{case_id}/closure": POWERFUL,
    "POST /cases/{case_id}/closure: beside the responsible": with_other(SELF),
    "POST /cases/{case_id}/closure: as invalid": POWERFUL,
    "POST /cases/{case_id}/extension": POWERFUL,
    "POST /cases/{case_id}/extension: beside the responsible": with_other(SELF),
    "POST /cases/{case_id}/suspension": POWERFUL,
    "POST /cases/{case_id}/suspension: by who supervises": POWERFUL,
    "POST /cases/{case_id}/resumption": POWERFUL,
    "POST /cases/{case_id}/resumption: by who supervises": POWERFUL,
    "POST /cases/{case_id}/handovers": POWERFUL,
    "POST /cases/{case_id}/return": POWERFUL,
    **OPERATIONS,
}
REPORT = {"category": "01-02", "area": XIANGLI, "channel": "wechat", "description": "垃圾"}
CHECKED, WEATHER, LATER = {"result": "passed", "satisfied": True}, {"reason": "weather"}, {"limit": "1 WD"}
INVALID = {"outcome": "invalid", "reason": "out_of_scope", "redirect": "petition"}
NEARBY = (COMMUNITY, NEIGHBOUR, CENTRE, NO_POWER)
BESIDE_ASSISTING = (COMMUNITY, NEIGHBOUR, FIRM, NO_POWER)
BESIDE_RESPONSIBLE = (STREET_ORG, OVERSEER, COMMUNITY, NO_POWER)
ASKS: Mapping[str, Ask] = {
    **{name: Ask(RESPONSIBLE) for name in TABLE},
    "POST /cases": Ask(RESPONSIBLE, REPORT),
    "GET /cases/{case_id}/private": Ask(NEARBY, params={"purpose": "contact"}),
    "GET /cases/{case_id}/private: by who checks": Ask(CHECKING, params={"purpose": "verification"}),
    "POST /cases/{case_id}/start: beside who assists": Ask(BESIDE_ASSISTING),
    "POST /cases/{case_id}/verification": Ask(CHECKING, CHECKED),
    "POST /cases/{case_id}/verification: beside the responsible": Ask(BESIDE_RESPONSIBLE, CHECKED),
    "POST /cases/{case_id}/closure": Ask(CHECKING),
    "POST /cases/{case_id}/closure: beside the responsible": Ask(BESIDE_RESPONSIBLE),
    "POST /cases/{case_id}/closure: as invalid": Ask(CHECKING, INVALID),
    "POST /cases/{case_id}/extension": Ask(CHECKING, LATER),
    "POST /cases/{case_id}/extension: beside the responsible": Ask(BESIDE_RESPONSIBLE, LATER),
    "POST /cases/{case_id}/suspension": Ask(NEARBY, WEATHER),
    "POST /cases/{case_id}/suspension: by who supervises": Ask(CHECKING, WEATHER),
    "POST /cases/{case_id}/resumption": Ask(NEARBY),
    "POST /cases/{case_id}/resumption: by who supervises": Ask(CHECKING),
    "POST /cases/{case_id}/handovers": Ask(RESPONSIBLE, {"to": FIRM}),
    "POST /cases/{case_id}/return": Ask(RECEIVER),
    **repair(RUNNING),
}


@dataclass
class Scene:
    world: World
    callers: Callers
    ids: Mapping[str, object]
    cases: Mapping[str, str]

    async def try_(self, name: str, role: str) -> None:
        ids = {**self.ids, "case_id": self.cases.get(name)}
        answer = await self.callers.ask(name, role, ASKS[name], ids)
        self.callers.judge(name, role, named(TABLE[name])[role], answer)


async def case_for(world: World, name: str) -> str:
    """A case, as far on its way as that endpoint wants it."""
    case = await world.report()
    command = endpoint_of(name).rpartition("/")[2]
    if command in ("result", "verification") or name.endswith(("closure", "closure: beside the responsible")):
        await world.post(f"/cases/{case}/start", COMMUNITY)
    if command == "verification" or name.endswith(("closure", "closure: beside the responsible")):
        await world.post(f"/cases/{case}/result", COMMUNITY)
    if name.endswith(("closure", "closure: beside the responsible")):
        await world.post(f"/cases/{case}/verification", STREET_ORG, CHECKED)
    if command == "resumption":
        await world.post(f"/cases/{case}/suspension", COMMUNITY, WEATHER)
    if command == "return":
        await world.hand_over(case, hold=f"h-{case}")
    return case


async def things(world: World) -> tuple[dict[str, object], dict[str, str]]:
    await world.log.grant("root:gov.operations", CENTRE, "gov.operations", ROOT_AREA, [REPAIR])
    await world.log.grant("m-operations-there", OVERSEER, "gov.operations", ELSEWHERE, [REPAIR])
    await world.log.grant("m-rubbish-xiangli", NEIGHBOUR, AFFAIR, XIANGLI, [HANDLE])
    await world.log.grant("m-verify-there", OVERSEER, "gov.verification", ELSEWHERE, [VERIFY, SUPERVISE])
    cases = {name: await case_for(world, name) for name in TABLE if "{case_id}" in name}
    ids: dict[str, object] = {
        "handover_id": (await world.request(await world.report()))["id"],
        "type_": "complaints.case.closed.v1",
        "letter": await letter_in(world.service),
    }
    await world.events()
    return ids, cases


@pytest.fixture
async def scene(databases: Databases, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Scene]:
    async def filled(url: str) -> tuple[World, dict[str, object], dict[str, str]]:
        first = made(url, tmp_path, clock)
        await first.begin()
        await first.found()
        ids, cases = await things(first)
        await first.close()
        return first, ids, cases

    url, (first, ids, cases) = await databases.filled("complaints, every endpoint", filled)
    world = made(url, tmp_path, clock)
    world.go_on_from(first)
    await world.log.beat()
    yield Scene(world, Callers(world.service, world.http, world.key, ISSUER, clock), ids, cases)
    await world.close()


@pytest.mark.parametrize("role", ROLES)
async def test_every_endpoint_tells_a_caller_what_the_table_says(scene: Scene, role: str) -> None:
    refused = [name for name, row in TABLE.items() if named(row)[role] != OK]
    for name in refused:
        await scene.try_(name, role)
    assert await published(scene.world.service.parts) == [], "somebody who was refused has done something"
    for name in TABLE:
        if name not in refused:
            await scene.try_(name, role)


async def test_who_holds_the_power_elsewhere_may_use_it_there(scene: Scene) -> None:
    case = await scene.world.report(area=XIANGLI)
    answer = await scene.callers.ask("POST /cases/{case_id}/start", "foreign", Ask(RESPONSIBLE), {"case_id": case})
    assert answer.status_code == 200, answer.text


async def test_the_table_has_every_endpoint(scene: Scene) -> None:
    assert {endpoint_of(name) for name in TABLE} == endpoints(scene.world.service)
