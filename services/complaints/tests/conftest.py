"""The real service on each database: its app over ASGI, its replica, its handlers and its deadline rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from complaints.app import build
from suizhuan.kernel.clock import ManualClock
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import Published, issuer_in
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import ISSUER, NoLog, ServiceWorld, begun, founded

AFFAIR, OTHER = "env.exposed-rubbish", "env.accumulated-waste"
HANDLE, VERIFY, SUPERVISE = "complaints.case.handle", "complaints.case.verify", "complaints.case.supervise"
ROOT_AREA, STREET, NANGUAN = "321302", "321302002", "321302002907"
GRID, XIANGLI = NANGUAN + "001", "321302002909"
SANITATION, COMMUNITY, FIRM, STREET_ORG, CENTRE = (
    "dept-sanitation",
    "community-nanguan",
    "firm-jiecheng",
    "street-xiangli",
    "center-city-operations",
)
GAP = 5.1  # s: 2ε + A of the demonstration profile
PRICE, OTHER_PRICE = 8_000, 30_000
LEAD_MANDATE, ASSIST_MANDATE = "m-nanguan", "m-jiecheng"


@dataclass(repr=False)
class World(ServiceWorld):
    """Complaints, and those around it."""

    usual = STREET_ORG

    # --- what is heard -------------------------------------------------------------------------------------------

    async def found(self) -> None:
        """The city as it begins: registers, roots, one community that leads and one firm that assists."""
        for org, kind, areas in (
            (SANITATION, "department", [ROOT_AREA]),
            (CENTRE, "department", [ROOT_AREA]),
            (STREET_ORG, "street", [STREET]),
            (COMMUNITY, "community", [NANGUAN, XIANGLI]),
            (FIRM, "company", [STREET]),
        ):
            await self.organisation(org, kind, areas)
        for affair, owner, price in ((AFFAIR, SANITATION, PRICE), (OTHER, SANITATION, OTHER_PRICE)):
            await self.hear(
                "mandates.affair.listed",
                affair,
                {"affair": affair, "name": affair, "name_en": affair, "owner": owner, "list": "own"},
            )
            await self.hear("finance.tariff.set", affair, {"affair": affair, "price_fen": price})
            await self.log.grant(f"root:{affair}", owner, affair, ROOT_AREA, [HANDLE])
        await self.log.grant("root:gov.verification", CENTRE, "gov.verification", ROOT_AREA, [VERIFY, SUPERVISE])
        await self.log.grant("m-verify", STREET_ORG, "gov.verification", STREET, [VERIFY, SUPERVISE])
        await self.log.grant(LEAD_MANDATE, COMMUNITY, AFFAIR, NANGUAN, [HANDLE])
        await self.log.grant(ASSIST_MANDATE, FIRM, AFFAIR, STREET, [HANDLE], role="assist")
        await self.events()

    async def placed(
        self, ref: str, case: str, case_term: int, amount: int, *, hold: str = "h1", purpose: str = "handover"
    ) -> None:
        await self.hear(
            "finance.hold.placed",
            case,
            {
                "hold": hold,
                "purpose": purpose,
                "ref": ref,
                "case": case,
                "case_term": case_term,
                "payer": "x",
                "mandate": None,
                "amount_fen": amount,
            },
        )

    async def short(self, ref: str, case: str, case_term: int, missing: int, *, purpose: str = "handover") -> None:
        await self.hear(
            "finance.hold.refused",
            case,
            {
                "purpose": purpose,
                "ref": ref,
                "case": case,
                "case_term": case_term,
                "payer": "x",
                "mandate": None,
                "amount_fen": missing,
                "available_fen": 0,
                "shortfall_fen": missing,
            },
        )

    # --- what is asked -------------------------------------------------------------------------------------------

    async def case(self, case: str) -> dict[str, Any]:
        return await self.get(f"/cases/{case}")

    async def report(self, area: str = GRID, category: str = "01-02", **more: Any) -> str:
        body = {"category": category, "area": area, "channel": "wechat", "description": "楼下垃圾三天没人清", **more}
        return str((await self.post("/cases", None, body, caller="resident"))["id"])

    async def request(self, case: str, to: str = FIRM, by: str = COMMUNITY, **more: Any) -> dict[str, Any]:
        return await self.post(f"/cases/{case}/handovers", by, {"to": to, **more})

    async def hand_over(self, case: str, to: str = FIRM, by: str = COMMUNITY, *, hold: str = "h1", **more: Any) -> str:
        """Requested, held, moved."""
        asked = await self.request(case, to, by, **more)
        await self.placed(asked["id"], case, asked["case_term"], asked["needed_fen"], hold=hold)
        assert (await self.case(case))["responsible"] == to
        return str(asked["id"])

    async def finish(self, case: str, by: str = COMMUNITY, *, checker: str = STREET_ORG) -> None:
        await self.post(f"/cases/{case}/start", by)
        await self.post(f"/cases/{case}/result", by)
        await self.post(f"/cases/{case}/verification", checker, {"result": "passed", "satisfied": True})

    def lead_slot(self, area: str = NANGUAN) -> dict[str, Any]:
        return {"affair": AFFAIR, "area": area, "role": "lead"}

    def old(self, mandate: str = LEAD_MANDATE, holder: str = COMMUNITY) -> dict[str, Any]:
        return {"mandate": mandate, "holder": holder, "term": 1, "powers": [HANDLE]}

    def new(self, mandate: str, holder: str, area: str = NANGUAN, **more: Any) -> dict[str, Any]:
        return self.log.holding(mandate, holder, AFFAIR, area, [HANDLE], **more)

    @staticmethod
    def clock_delta(seconds: float) -> timedelta:
        return timedelta(seconds=seconds)

    async def ends_at(self, moment: datetime, powers: Iterable[str] = (HANDLE,)) -> None:
        """The community's mandate stands anew, with a planned end."""
        slot = self.lead_slot()
        holding = self.log.holding("m-planned", COMMUNITY, AFFAIR, NANGUAN, powers, ends_at=moment)
        await self.log.opened("s-planned", [slot])
        await self.log.done("s-planned", [{**slot, "old": self.old(), "new": holding}])
        await self.log.beat()
        await self.events()


def of(events: list[Published], name: str) -> list[Published]:
    return [e for e in events if e.name == f"complaints.{name}"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(url: str, folder: Path, clock: ManualClock, topics: tuple[str, ...] = ()) -> World:
    """A service on that database, which has heard nothing of the world yet."""
    key, issuer = issuer_in(folder, ISSUER)
    settings = load_settings(
        ServiceSettings,
        "complaints",
        database_url=url,
        data_dir=folder,
        issuers=(issuer,),
        topics=topics,
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
    async for world in founded("complaints", databases, lambda url: made(url, tmp_path, clock)):
        yield world


MINUTE, HOUR = 60.0, 3600.0
DAY = timedelta(days=1)
