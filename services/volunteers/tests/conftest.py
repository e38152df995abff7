"""The real service on each database: its app over ASGI, its replica, its handlers and its deadline rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from stdnum.cn import ric

from suizhuan.kernel.clock import ManualClock, utc_text
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import Published, issuer_in
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import ISSUER, USUAL, NoLog, ServiceWorld, begun, founded
from volunteers.app import build
from volunteers.desk import ARRANGE, GIVE_AWARD, LEAD_TEAM, PAIRING, READ, RUN, SERVICE, TRAIN

ROOT_AREA, STREET, NANGUAN, XIANGLI = "321302", "321302002", "321302002907", "321302002909"
CIVIL, COMMUNITY, OTHER, STREET_ORG = "dept-civil-affairs", "community-nanguan", "community-xiangli", "street-xiangli"
POWERS = [RUN, LEAD_TEAM, TRAIN, GIVE_AWARD, READ]
MANDATE, PAIRING_MANDATE = "m-nanguan", "m-pairing"
TOPICS = ("finance.bill", "mandates.mandate", "mandates.organisation", "population.file")
HOUR = 3600.0
Answer = dict[str, Any]


def id_number(born: date, sequence: int = 1) -> str:
    """A well-formed ID of nobody: its district does not exist."""
    body = f"320000{born:%Y%m%d}{sequence:03d}"
    return body + ric.calc_check_digit(body + "0")


@dataclass(repr=False)
class World(ServiceWorld):
    """Volunteers, and those around it."""

    usual = COMMUNITY
    people: int = 0

    # --- what is heard ------------------------------------------------------------------------------------------------

    async def bill(self, what: str, bill: str, *, service: str = "volunteers", **more: Any) -> None:
        """An answer of finance."""
        await self.hear(f"finance.bill.{what}", f"{service}:{bill}", {"service": service, "bill": bill, **more})

    async def mandate_ended(self, mandate: str = MANDATE) -> None:
        now = utc_text(self.clock.now())
        await self.hear("mandates.mandate.ended", mandate, {"mandate": mandate, "ended_at": now})

    async def organisations(self) -> None:
        for org, kind, areas in (
            (CIVIL, "department", [ROOT_AREA]),
            (STREET_ORG, "street", [STREET]),
            (COMMUNITY, "community", [NANGUAN]),
            (OTHER, "community", [XIANGLI]),
        ):
            await self.organisation(org, kind, areas)

    async def found(self) -> None:
        """The city as it begins: two communities that run voluntary service, one of which pairs."""
        await self.organisations()
        for affair, powers in ((SERVICE, POWERS), (PAIRING, [ARRANGE])):
            await self.log.grant(f"root:{affair}", CIVIL, affair, ROOT_AREA, powers)
        await self.log.grant(MANDATE, COMMUNITY, SERVICE, NANGUAN, POWERS)
        await self.log.grant("m-xiangli", OTHER, SERVICE, XIANGLI, POWERS)
        await self.log.grant(PAIRING_MANDATE, COMMUNITY, PAIRING, NANGUAN, [ARRANGE])
        await self.events()

    async def at(self, moment: datetime) -> None:
        await self.later((moment - self.clock.now()).total_seconds())

    # --- what is asked ------------------------------------------------------------------------------------------------

    async def ask(
        self, method: str, path: str, who: str | None = USUAL, body: object = None, **more: Any
    ) -> httpx.Response:
        """As staff of `who`; where it is a resident (`r:…`), as that one."""
        if who is not None and who.startswith("r:"):
            return await super().ask(method, path, None, body, caller="resident", subject=who, **more)
        return await super().ask(method, path, who, body, **more)

    # --- what people do -----------------------------------------------------------------------------------------------

    def registration(self, **more: Any) -> Answer:
        self.people += 1
        body = {
            "name": f"志愿者{self.people}",
            "id_number": id_number(date(1990, 5, 1), self.people),
            "phone": f"1390000{self.people:04d}",
            "area": NANGUAN,
            "skills": [],
        }
        return {**body, **more}

    async def register(self, who: str, *, trained: bool = True, **more: Any) -> str:
        """A volunteer; with the training that comes before any service."""
        made = await self.post("/volunteers", who, self.registration(**more))
        if trained:
            await self.train(str(made["id"]))
        return str(made["id"])

    async def train(self, volunteer: str, training: str = "orientation") -> Answer:
        course = await self.course(training=training)
        return await self.post(f"/courses/{course['id']}/attendance", COMMUNITY, {"volunteer": volunteer})

    async def course(self, *, by: str = COMMUNITY, **more: Any) -> Answer:
        body = {
            "title": "培训",
            "training": "orientation",
            "area": NANGUAN,
            "starts_at": self.moment(-1),
            "ends_at": self.moment(1),
        }
        return await self.post("/courses", by, {**body, **more})

    def moment(self, hours: float) -> str:
        """So many hours from now."""
        return utc_text(self.clock.now() + timedelta(hours=hours))

    def activity_body(self, **more: Any) -> Answer:
        body = {
            "title": "清洁家园",
            "affair": SERVICE,
            "area": NANGUAN,
            "kind": "clean-up",
            "planned_fen": 20_000,
            "starts_at": self.moment(24),
            "ends_at": self.moment(28),
        }
        return {**body, **more}

    async def activity(self, *, by: str = COMMUNITY, held: bool = True, **more: Any) -> Answer:
        """An activity whose money is held."""
        made = await self.post("/activities", by, self.activity_body(**more))
        if held and made["bill"]:
            await self.bill("held", made["bill"], mandate=made["mandate"], amount_fen=made["planned_fen"])
            made = await self.get(f"/activities/{made['id']}")
        return made

    async def shift(self, activity: Answer, *, by: str = COMMUNITY, capacity: int = 5, **more: Any) -> Answer:
        body = {"starts_at": activity["starts_at"], "ends_at": activity["ends_at"], "capacity": capacity}
        return await self.post(f"/activities/{activity['id']}/shifts", by, {**body, **more})

    async def code(self, shift: str, *, by: str = COMMUNITY) -> str:
        return str((await self.get(f"/shifts/{shift}/code", by))["code"])

    async def serve(self, shift: Answer, who: str, volunteer: str, *, minutes: int = 120) -> Answer:
        """Signed up, checked in when the shift begins, out that many minutes later, and confirmed."""
        await self.post(f"/shifts/{shift['id']}/sign-up", who)
        code = {"code": await self.code(shift["id"])}
        await self.at(datetime.fromisoformat(shift["starts_at"]))
        await self.post(f"/shifts/{shift['id']}/check-in", who, code)
        await self.later(minutes * 60)
        await self.post(f"/shifts/{shift['id']}/check-out", who, code)
        return await self.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, {"volunteer": volunteer})


def of(events: list[Published], name: str) -> list[Published]:
    return [e for e in events if e.name == f"volunteers.{name}"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(url: str, folder: Path, clock: ManualClock, profile: str = "demonstration") -> World:
    """A service on that database, which has heard nothing of the world yet."""
    key, issuer = issuer_in(folder, ISSUER)
    settings = load_settings(
        ServiceSettings,
        "volunteers",
        database_url=url,
        data_dir=folder,
        issuers=(issuer,),
        topics=TOPICS,
        profile=profile,
    )
    return World(lambda: build(settings, broker=NoLog(), clock=clock), clock, key)  # type: ignore[arg-type]


@pytest.fixture
async def empty(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """A service that has heard nothing yet."""
    async for world in begun(made(database_url, tmp_path, clock)):
        yield world


@pytest.fixture
async def world(databases: Databases, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """The city as it begins, at 09:00 on a Monday."""
    async for world in founded("volunteers", databases, lambda url: made(url, tmp_path, clock)):
        yield world
