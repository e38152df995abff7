"""Who may do what: every caller against every endpoint. First all who are refused, and nothing has happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from finance.tables import bill
from suizhuan.testing import published
from suizhuan.testing_matrix import (
    KIND,
    NONE,
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

from .conftest import ALLOCATE, COMMUNITY, FINANCE, ISSUER, POST, SANITATION, Api
from .test_api import entry

pytestmark = pytest.mark.either_database

ELSEWHERE, XIANGLI = "321302003", "321302002909"
FOREIGN, NEIGHBOUR, NO_POWER = "district-sucheng", "community-xiangli", "firm-lvjie"
BOOKKEEPERS = (COMMUNITY, NEIGHBOUR, SANITATION, NO_POWER)
BUDGET = (FINANCE, FOREIGN, COMMUNITY, NO_POWER)
RUNNING = ("center-city-operations", FOREIGN, COMMUNITY, NO_POWER)
BOOKS = (403, "foreign_books")
REPAIR = "finance.events.repair"

TABLE: dict[str, Row] = {
    # in the books of 南关, where another community keeps its own and a department has no such power
    "POST /entries": (*POWERFUL[:6], BOOKS, *POWERFUL[7:]),
    "POST /allocations": POWERFUL,
    "GET /organisations/{org}/money": SIGNED_IN,
    "GET /accounts": SIGNED_IN,
    "GET /entries": SIGNED_IN,
    "GET /earmarks/{mandate}": SIGNED_IN,
    "GET /holds": SIGNED_IN,
    "GET /tariffs": SIGNED_IN,
    "GET /statements/{org}": SIGNED_IN,
    "GET /bills": SIGNED_IN,
    "GET /bills/{service}/{bill}": SIGNED_IN,
    **OPERATIONS,
}
ASKS: Mapping[str, Ask] = {
    **{name: Ask(BUDGET) for name in TABLE},
    "POST /entries": Ask(BOOKKEEPERS, entry()),
    "POST /allocations": Ask(BUDGET, {"to": SANITATION, "amount_fen": 1}),
    "GET /accounts": Ask(BUDGET, params={"org": COMMUNITY}),
    "GET /holds": Ask(BUDGET, params={"case": "c1"}),
    "GET /statements/{org}": Ask(BUDGET, params={"year": 2026}),
    **repair(RUNNING),
}


@dataclass
class Scene:
    api: Api
    callers: Callers
    ids: Mapping[str, object]

    async def try_(self, name: str, role: str) -> None:
        answer = await self.callers.ask(name, role, ASKS[name], self.ids)
        self.callers.judge(name, role, named(TABLE[name])[role], answer)


@pytest.fixture
async def scene(api: Api) -> Scene:
    service = api.service
    await api.log.grant("m-books-xiangli", NEIGHBOUR, "community.accounts", XIANGLI, [POST])
    await api.log.grant("root:gov.operations", RUNNING[0], "gov.operations", "321302", [REPAIR])
    await holds(service, FOREIGN, ELSEWHERE, {"gov.budget": [ALLOCATE], "gov.operations": [REPAIR]})
    admitted = {"mandate": "m1", "giver": SANITATION, "holder": COMMUNITY, "basis": "per_case", "amount_fen": 20_000}
    await api.hears("mandates.mandate.admitted", "m1", admitted)
    due = {"service": "property", "bill": "r1", "kind": "income", "org": COMMUNITY, "what": "rent", "state": "booked"}
    async with service.parts.database.write() as conn:
        await conn.execute(bill.insert().values(**due, amount_fen=1, paid_fen=0, version=1))
    ids = {
        "org": COMMUNITY,
        "mandate": "m1",
        "service": "property",
        "bill": "r1",
        "type_": "finance.entry.posted.v1",
        "letter": await letter_in(service),
    }
    await published(service.parts)
    return Scene(api, Callers(service, api.http, api.key, ISSUER, api.clock), ids)


@pytest.mark.parametrize("role", ROLES)
async def test_every_endpoint_tells_a_caller_what_the_table_says(scene: Scene, role: str) -> None:
    refused = [name for name, row in TABLE.items() if named(row)[role] != OK]
    for name in refused:
        await scene.try_(name, role)
    assert await published(scene.api.service.parts) == [], "somebody who was refused has done something"
    for name in TABLE:
        if name not in refused:
            await scene.try_(name, role)


async def test_who_keeps_other_books_may_post_there(scene: Scene) -> None:
    there = Ask(BOOKKEEPERS, entry(-1, org=NEIGHBOUR))
    answer = await scene.callers.ask("POST /entries", "foreign", there, {})
    assert answer.status_code == 201, answer.text


async def test_nobody_without_the_power_posts_in_the_own_books_either(scene: Scene) -> None:
    for role, org, expected in (
        ("nobody", COMMUNITY, NONE),
        ("resident", COMMUNITY, KIND),
        ("other", SANITATION, (403, "missing_power")),
        ("without", NO_POWER, (403, "missing_power")),
    ):
        answer = await scene.callers.ask("POST /entries", role, Ask(BOOKKEEPERS, entry(org=org)), {})
        assert (answer.status_code, answer.json()["code"]) == expected, role


async def test_the_table_has_every_endpoint(scene: Scene) -> None:
    assert {endpoint_of(name) for name in TABLE} == endpoints(scene.api.service)
