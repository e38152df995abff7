"""Who may do what: every caller against every endpoint. First all who are refused, and nothing has happened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from gateway import store_hub, tables_hub
from gateway.domain.subscription import ACTIVE, Subscription
from gateway.routes_hub import READ_RECEIPTS, SHARING
from suizhuan.kernel.clock import SystemClock
from suizhuan.service import Service
from suizhuan.testing import AuthorityLog, published
from suizhuan.testing_databases import Databases
from suizhuan.testing_matrix import (
    KIND,
    NONE,
    OK,
    OPERATIONS,
    POWER,
    PURPOSE,
    ROLES,
    Ask,
    Callers,
    Cell,
    Row,
    endpoint_of,
    endpoints,
    holds,
    letter_in,
    named,
    repair,
)

from .conftest import ISSUER, SseClient, World, at_work, caught_up, client, until
from .story import CHECKER, COMMUNITY, DEPT, DISTRICT, NANGUAN, Story
from .test_composed import all_well

pytestmark = pytest.mark.either_database

ELSEWHERE, FOREIGN, NO_POWER = "321302003", "community-elsewhere", "firm-lvjie"
HERE = (COMMUNITY, FOREIGN, DEPT, NO_POWER)
SHARERS = (CHECKER, FOREIGN, DEPT, NO_POWER)
OUTSIDE: Cell = (403, "outside_area")
UNKNOWN: Cell = (404, "not_found")

ANYBODY: Row = (NONE,) + (OK,) * 8
READER: Row = (NONE, KIND, OK, PURPOSE, OK, OK, OK, OK, OK)
"""Each sees what lies in its areas or concerns it."""
IN_AREA: Row = (NONE, KIND, OK, PURPOSE, OK, OK, OUTSIDE, OK, OUTSIDE)
HUB: Row = (NONE, KIND, OK, PURPOSE, KIND, KIND, KIND, KIND, KIND)
OF_ANOTHER_HUB: Row = (NONE, KIND, UNKNOWN, *HUB[3:])
# A hub sees its own, whatever its token says of a purpose.
SHARED: Row = (NONE, KIND, OK, OK, KIND, OK, POWER, POWER, POWER)

TABLE: dict[str, Row] = {
    "GET /communities/{area}": IN_AREA,
    "GET /figures": IN_AREA,
    "GET /cases/{case_id}/chain": IN_AREA,
    "GET /events": READER,
    "GET /events/snapshot": READER,
    "GET /audit": READER,
    "GET /audit/cases/{case_id}": IN_AREA,
    "GET /purposes": ANYBODY,
    "POST /subscriptions": HUB,
    "GET /subscriptions": SHARED,
    "POST /subscriptions/{id_}/resume": HUB,
    "POST /subscriptions/{id_}/resume: of another hub": OF_ANOTHER_HUB,
    "POST /subscriptions/{id_}/secret": HUB,
    "POST /subscriptions/{id_}/secret: of another hub": OF_ANOTHER_HUB,
    "POST /subscriptions/{id_}/end": HUB,
    "POST /subscriptions/{id_}/end: of another hub": OF_ANOTHER_HUB,
    "GET /receipts": SHARED,
    **OPERATIONS,
}
ASKS: Mapping[str, Ask] = {
    **{name: Ask(HERE) for name in TABLE},
    "GET /figures": Ask(HERE, params={"area": NANGUAN}),
    "POST /subscriptions": Ask(SHARERS, {"url": "http://127.0.0.1:9/hub", "types": ["complaints.case.*"]}),
    "GET /subscriptions": Ask(SHARERS),
    "GET /receipts": Ask(SHARERS),
    **repair(SHARERS),
}


@dataclass
class Scene:
    service: Service
    callers: Callers
    ids: Mapping[str, object]

    async def try_(self, name: str, role: str) -> None:
        cell, ask = named(TABLE[name])[role], ASKS[name]
        if name == "GET /events" and cell == OK:
            await self.listen(self.callers.headers(role, ask.staff))
            return
        whose = "another hub" if name.endswith("of another hub") else "hub"
        ids = {**self.ids, "id_": f"{endpoint_of(name).rpartition('/')[2]} of {whose}"}
        self.callers.judge(name, role, cell, await self.callers.ask(name, role, ask, ids))

    async def listen(self, headers: Mapping[str, str]) -> None:
        stream = SseClient(self.service).open("/events", headers=headers)
        assert await until(lambda: stream.status) == 200
        await stream.leave()

    async def subscribed(self) -> list[object]:
        async with self.service.parts.database.read() as conn:
            return [tuple(row) for row in await conn.execute(select(tables_hub.subscription).order_by("id"))]


async def fill(service: Service) -> None:
    """What is asked about, and who holds which power."""
    now = service.parts.clock.now()
    async with service.parts.database.write() as conn:
        for what in ("resume", "secret", "end"):
            for hub in ("hub", "another hub"):
                await store_hub.add(
                    conn,
                    Subscription(
                        id=f"{what} of {hub}",
                        hub=hub,
                        purpose="city-operations",
                        url="http://127.0.0.1:9/hub",
                        types=(),
                        area=None,
                        since=None,
                        state=ACTIVE,
                        cursor="",
                        generation=1,
                        created_at=now,
                    ),
                )
    powers = {SHARING: [READ_RECEIPTS], "gov.operations": ["gateway.events.repair"]}
    await holds(service, CHECKER, DISTRICT, powers)
    await holds(service, FOREIGN, ELSEWHERE, powers)


@pytest.fixture
async def scene(world: World, story: Story, databases: Databases) -> AsyncIterator[Scene]:
    registered = {"org": FOREIGN, "name": FOREIGN, "name_en": FOREIGN, "kind": "community", "parent": None}
    areas = {"areas": [ELSEWHERE]}
    story.emit("mandates.organisation.registered", {**registered, **areas}, key=FOREIGN, area=ELSEWHERE)
    await world.tell(story)

    async def filled(url: str) -> int:
        first = world.gateway(all_well(), database_url=url)
        async with at_work(first):
            await caught_up(first)
        await fill(first)
        letter = await letter_in(first)
        world.services.remove(first)
        await first.app.state.upstreams.close()
        await first.close()
        return letter

    url, letter = await databases.filled("gateway, every endpoint", filled)
    service = world.gateway(all_well(), database_url=url, webhook_inside=("127.0.0.1",))
    await AuthorityLog(service.parts, 1_000_000).beat()
    await published(service.parts)
    ids = {"area": NANGUAN, "case_id": "c2", "letter": letter, "type_": "gateway.deadletter.resolved.v1"}
    async with client(service) as http:
        yield Scene(service, Callers(service, http, world.key, ISSUER, SystemClock()), ids)


@pytest.mark.parametrize("role", ROLES)
async def test_every_endpoint_tells_a_caller_what_the_table_says(scene: Scene, role: str) -> None:
    before = await scene.subscribed()
    refused = [name for name, row in TABLE.items() if named(row)[role] != OK]
    for name in refused:
        await scene.try_(name, role)
    assert await published(scene.service.parts) == [], "somebody who was refused has done something"
    assert await scene.subscribed() == before
    for name in TABLE:
        if name not in refused:
            await scene.try_(name, role)


async def test_the_table_has_every_endpoint(scene: Scene) -> None:
    assert {endpoint_of(name) for name in TABLE} == endpoints(scene.service)
