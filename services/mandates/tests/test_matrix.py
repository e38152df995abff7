"""Who may do what: every caller against every endpoint. First all who are refused, and nothing has happened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from mandates.bootstrap import bootstrap
from mandates.powers import ADMIT, END, LIST, PLACE, REGISTER, REGISTERS, SUSPEND
from suizhuan.kernel.clock import ManualClock
from suizhuan.seed import Seed
from suizhuan.testing import published
from suizhuan.testing_databases import Databases
from suizhuan.testing_matrix import (
    OK,
    OPERATIONS,
    POWERFUL,
    ROLES,
    SIGNED_IN,
    Ask,
    Callers,
    Row,
    endpoint_of,
    endpoints,
    holds,
    letter_in,
    named,
    repair,
)

from .conftest import ISSUER, NANGUAN, OTHERS, RUBBISH, World, made
from .test_api import AFFAIR, ORG

pytestmark = pytest.mark.either_database

ELSEWHERE = "321302003"
SANITATION, STREET_ORG, HOLDER = "dept-sanitation", "street-xiangli", "community-nanguan"
FOREIGN, NO_POWER = "dept-finance", "firm-lvjie"
REGISTRAR = ("district-sucheng", FOREIGN, SANITATION, NO_POWER)
GIVER = (SANITATION, FOREIGN, "dept-urban-management", NO_POWER)
ADMITTING = (STREET_ORG, FOREIGN, SANITATION, NO_POWER)
RUNNING = ("center-city-operations", FOREIGN, SANITATION, NO_POWER)

TABLE: dict[str, Row] = {
    "GET /organisations": SIGNED_IN,
    "GET /organisations/{org}": SIGNED_IN,
    "POST /organisations": POWERFUL,
    "POST /organisations/{org}/staff": POWERFUL,
    "GET /affairs": SIGNED_IN,
    "GET /affairs/{code}": SIGNED_IN,
    "POST /affairs": POWERFUL,
    "GET /mandates": SIGNED_IN,
    "GET /mandates/{mandate}": SIGNED_IN,
    "POST /mandates": POWERFUL,
    "POST /mandates: an emergency": POWERFUL,
    "POST /mandates/{mandate}/amendments": POWERFUL,
    "POST /mandates/{mandate}/admission": POWERFUL,
    "POST /mandates/{mandate}/admission: refused by who admits": POWERFUL,
    "POST /mandates/{mandate}/admission: refused by the holder": POWERFUL,
    "POST /mandates/{mandate}/suspension": POWERFUL,
    "POST /mandates/{mandate}/resumption": POWERFUL,
    "POST /mandates/{mandate}/end": POWERFUL,
    "POST /mandates/{mandate}/end: by who admits": POWERFUL,
    "POST /mandates/{mandate}/withdrawal": POWERFUL,
    "GET /switches": SIGNED_IN,
    "GET /switches/{switch}": SIGNED_IN,
    "GET /grants": SIGNED_IN,
    "GET /routing": SIGNED_IN,
    **OPERATIONS,
}


@dataclass
class Things:
    """Everything that is asked about, as it must be for each endpoint to succeed."""

    ids: dict[str, object]
    mandates: dict[str, str]
    offset: int
    now: datetime


@dataclass
class Scene:
    world: World
    callers: Callers
    things: Things
    asks: dict[str, Ask]

    async def try_(self, name: str, role: str) -> None:
        ids = {**self.things.ids, "mandate": self.things.mandates.get(name, self.things.ids["mandate"])}
        answer = await self.callers.ask(name, role, self.asks[name], ids)
        self.callers.judge(name, role, named(TABLE[name])[role], answer)


async def things(world: World) -> Things:
    mandates = {name: str((await world.propose())["id"]) for name in TABLE if _on_a_proposal(name)}
    begun = [name for name in TABLE if endpoint_of(name).endswith(("/suspension", "/resumption", "/end"))]
    for grid, name in enumerate(begun, 1):
        mandates[name] = await world.activate(area=f"{NANGUAN}{grid:03}")
    resumed = mandates["POST /mandates/{mandate}/resumption"]
    await world.post(f"/mandates/{resumed}/suspension", {"reason": "x"})
    await world.carry()
    assert await world.state(resumed) == "suspended"
    powers = {RUBBISH: [PLACE, SUSPEND, END], "gov.admission": [ADMIT], REGISTERS: [REGISTER, LIST]}
    await holds(world.service, FOREIGN, ELSEWHERE, {**powers, "gov.operations": ["mandates.events.repair"]})
    ids = {
        "org": HOLDER,
        "code": RUBBISH,
        "mandate": resumed,
        "switch": (await world.get("/switches", limit=1)).json()["items"][0]["id"],
        "type_": "mandates.mandate.ended.v1",
        "letter": await letter_in(world.service),
    }
    return Things(ids, mandates, world.offset, world.clock.now())


@pytest.fixture
async def scene(databases: Databases, tmp_path: Path, clock: ManualClock, small_seed: Seed) -> AsyncIterator[Scene]:
    async def filled(url: str) -> Things:
        first = made(url, tmp_path, clock)
        await first.service.migrate()
        await bootstrap(first.service, small_seed)
        await first.carry()
        await first.beat()
        await first.join(*OTHERS)
        found = await things(first)
        await first.close()
        return found

    url, found = await databases.filled("mandates, every endpoint", filled)
    world = made(url, tmp_path, clock)
    world.offset = found.offset
    clock.advance((found.now - clock.now()).total_seconds())
    for _ in range(2):  # a copy is a replica of its own: it joins, and is named
        await world.beat()
    callers = Callers(world.service, world.http, world.key, ISSUER, world.clock)
    yield Scene(world, callers, found, asks(world))
    await world.close()


def _on_a_proposal(name: str) -> bool:
    return endpoint_of(name).endswith(("/amendments", "/admission", "/withdrawal"))


def asks(world: World) -> dict[str, Ask]:
    person = {"id": "staff-nanguan-09", "name": {"zh": "甲", "en": "A"}, "duty": {"zh": "网格员", "en": "Grid"}}
    why, refused = {"reason": "tested"}, {"decision": "refuse", "reason": "tested"}
    emergency = {"emergency": next(iter(world.parts.profile.emergency.kinds)), "area": f"{NANGUAN}009"}
    return {
        **{name: Ask(GIVER) for name in TABLE},
        "GET /routing": Ask(GIVER, params={"affair": RUBBISH, "area": NANGUAN}),
        "POST /organisations": Ask(REGISTRAR, ORG),
        "POST /organisations/{org}/staff": Ask(REGISTRAR, {"staff": [person]}),
        "POST /affairs": Ask(REGISTRAR, AFFAIR),
        "POST /mandates": Ask(GIVER, world.proposal()),
        "POST /mandates: an emergency": Ask(GIVER, world.proposal(**emergency)),
        "POST /mandates/{mandate}/amendments": Ask(GIVER, {"amount_fen": 4_000_000}),
        "POST /mandates/{mandate}/admission": Ask(ADMITTING, {"decision": "admit"}),
        "POST /mandates/{mandate}/admission: refused by who admits": Ask(ADMITTING, refused),
        "POST /mandates/{mandate}/admission: refused by the holder": Ask((HOLDER, *ADMITTING[1:]), refused),
        "POST /mandates/{mandate}/suspension": Ask(GIVER, why),
        "POST /mandates/{mandate}/end": Ask(GIVER, why),
        "POST /mandates/{mandate}/end: by who admits": Ask((STREET_ORG, *GIVER[1:]), why),
        **repair(RUNNING),
    }


@pytest.mark.parametrize("role", ROLES)
async def test_every_endpoint_tells_a_caller_what_the_table_says(scene: Scene, role: str) -> None:
    refused = [name for name, row in TABLE.items() if named(row)[role] != OK]
    for name in refused:
        await scene.try_(name, role)
    assert await published(scene.world.parts) == [], "somebody who was refused has done something"
    for name in TABLE:
        if name not in refused:
            await scene.try_(name, role)


async def test_who_holds_a_power_elsewhere_may_use_it_there(scene: Scene) -> None:
    there = Ask(("", FOREIGN, "", ""), {**ORG, "areas": [ELSEWHERE]})
    answer = await scene.callers.ask("POST /organisations", "foreign", there, {})
    assert answer.status_code == 201, answer.text


async def test_the_table_has_every_endpoint(scene: Scene) -> None:
    assert {endpoint_of(name) for name in TABLE} == endpoints(scene.world.service)
