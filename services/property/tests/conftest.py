"""The real service on each database: its app over ASGI, its replica, its handlers and its deadline rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from property.app import build
from suizhuan.kernel.clock import ManualClock
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import Published, issuer_in
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import ISSUER, USUAL, NoLog, ServiceWorld, begun, founded

ROOT_AREA, STREET, NANGUAN, GUANKOU = "321302", "321302002", "321302002907", "321302002007"
GRID = NANGUAN + "001"
CIVIL, HOUSING, STREET_ORG, COMMUNITY, OTHER_COMMUNITY, FIRM, OTHER_FIRM = (
    "dept-civil-affairs",
    "dept-housing",
    "street-xiangli",
    "community-nanguan",
    "community-guankou",
    "firm-xingfujiayuan",
    "firm-lvjie",
)
PREMISES, ESTATES, UPKEEP = "property.premises", "property.estates", "property.upkeep"
PREMISE_POWERS = ["property.premise.register", "property.lease.conclude", "property.lessee.read"]
ESTATE_POWERS = [
    "property.estate.register",
    "property.firm.list",
    "property.contract.file",
    "property.owner.register",
    "property.owner.read",
    "property.meeting.call",
    "property.committee.file",
    "property.repair.read",
]
UPKEEP_POWERS = ["property.repair.handle"]
MINUTE, HOUR, DAY_S = 60.0, 3600.0, 86_400.0
RESIDENT = "resident-nanguan-01"
USCC, RIC = "91310115591693856A", "11010519491231002X"
"""Valid by their check characters, and nobody's here."""


@dataclass(repr=False)
class World(ServiceWorld):
    """Property, and those around it."""

    usual = STREET_ORG

    # --- what is heard -------------------------------------------------------------------------------------------

    async def found(self) -> None:
        """The city as it begins: registers, roots, two communities, the street and a firm with their mandates."""
        for org, kind, areas in (
            (CIVIL, "department", [ROOT_AREA]),
            (HOUSING, "department", [ROOT_AREA]),
            (STREET_ORG, "street", [STREET]),
            (COMMUNITY, "community", [NANGUAN]),
            (OTHER_COMMUNITY, "community", [GUANKOU]),
            (FIRM, "company", [NANGUAN]),
            (OTHER_FIRM, "company", [STREET]),
        ):
            await self.organisation(org, kind, areas)
        await self.log.grant("root:premises", CIVIL, PREMISES, ROOT_AREA, PREMISE_POWERS)
        await self.log.grant("root:estates", HOUSING, ESTATES, ROOT_AREA, ESTATE_POWERS)
        await self.log.grant("root:upkeep", HOUSING, UPKEEP, ROOT_AREA, UPKEEP_POWERS)
        await self.log.grant("m-premises-nanguan", COMMUNITY, PREMISES, NANGUAN, PREMISE_POWERS)
        await self.log.grant("m-premises-guankou", OTHER_COMMUNITY, PREMISES, GUANKOU, PREMISE_POWERS)
        await self.log.grant("m-estates-street", STREET_ORG, ESTATES, STREET, ESTATE_POWERS)
        await self.log.grant("m-estates-guankou", OTHER_COMMUNITY, ESTATES, GUANKOU, ESTATE_POWERS)
        await self.log.grant("m-upkeep", FIRM, UPKEEP, NANGUAN, UPKEEP_POWERS)
        await self.events()

    async def billed(self, bill: str, state: str, *, service: str = "property", **more: Any) -> None:
        """Finance's answer to a bill."""
        data = {"service": service, "bill": bill, "org": COMMUNITY, "amount_fen": 1, "entry": f"e-{state}", **more}
        await self.hear(f"finance.bill.{state}", f"{service}:{bill}", data)

    async def taken(self, referral: str, case: str, *, service: str = "property") -> None:
        data = {"service": service, "referral": referral, "case": case}
        await self.hear("complaints.referral.taken", f"{service}:{referral}", data)

    async def turned_away(self, referral: str, reason: str, *, service: str = "property") -> None:
        data = {"service": service, "referral": referral, "reason": reason}
        await self.hear("complaints.referral.refused", f"{service}:{referral}", data)

    async def case_closed(self, case: str, outcome: str = "verified") -> None:
        data = {"case": case, "case_term": 1, "responsible": "x", "outcome": outcome, "closed_by": "y"}
        await self.hear("complaints.case.closed", case, data)

    async def on(self, moment: str) -> None:
        """At that moment (Shanghai), a later one."""
        wanted = datetime.fromisoformat(f"{moment}+08:00")
        await self.later((wanted - self.clock.now()).total_seconds())

    # --- what is asked -------------------------------------------------------------------------------------------

    async def ask(
        self,
        method: str,
        path: str,
        who: str | None = USUAL,
        body: object = None,
        *,
        resident: str | None = None,
        **more: Any,
    ) -> httpx.Response:
        """As staff of `who`, or as that `resident`."""
        if resident is not None:
            return await super().ask(method, path, None, body, caller="resident", subject=resident, **more)
        return await super().ask(method, path, who, body, **more)

    # --- things of the trade -------------------------------------------------------------------------------------

    async def estate(self, area: str = NANGUAN, households: int = 860, *, by: str = STREET_ORG) -> str:
        body = {"area": area, "name": "南关小区", "households": households}
        return str((await self.post("/estates", by, body))["id"])

    async def premise(self, *, by: str = COMMUNITY, **more: Any) -> str:
        return str((await self.post("/premises", by, room(**more)))["id"])

    async def lease(self, premise: str, *, by: str = COMMUNITY, **more: Any) -> dict[str, Any]:
        return await self.post("/leases", by, terms(premise, **more))

    async def contract(self, estate: str, **more: Any) -> dict[str, Any]:
        """The firm is listed, and under contract from today on."""
        await self.post("/firms", STREET_ORG, {"firm": FIRM, "area": STREET, "grade": "second"})
        return await self.post("/contracts", STREET_ORG, contract_terms(estate, **more))

    async def repair(self, estate: str, *, by: str = RESIDENT, **more: Any) -> dict[str, Any]:
        return await self.post("/repairs", None, report(estate, **more), resident=by)

    async def owner(self, estate: str, size: int, account: str | None = None, **more: Any) -> str:
        person = {"name": "李业主", "phone": "13911112222", "account": account}
        body = {"estate": estate, "units": 1, "size_dm2": size, "person": person, **more}
        return str((await self.post("/owners", STREET_ORG, body))["id"])

    async def meeting(self, estate: str, callers: list[str], *items: int, days: int = 7) -> dict[str, Any]:
        return await self.post("/meetings", STREET_ORG, self.meeting_body(estate, callers, *items, days=days))

    def meeting_body(self, estate: str, callers: list[str], *items: int, days: int = 7) -> dict[str, Any]:
        opens = self.clock.now() + timedelta(days=15)
        return {
            "estate": estate,
            "callers": callers,
            "told": COMMUNITY,
            "opens_at": opens.isoformat(),
            "closes_at": (opens + timedelta(days=days)).isoformat(),
            "motions": [{"item": item, "words": f"议题{item}：请王秘密发言"} for item in items],
        }

    async def vote(self, meeting: str, account: str, *choices: str) -> dict[str, Any]:
        body = {"choices": {str(n): choice for n, choice in enumerate(choices, 1)}}
        return await self.post(f"/meetings/{meeting}/ballot", None, body, resident=account)


def room(**more: Any) -> dict[str, Any]:
    return {
        "area": NANGUAN,
        "kind": "community",
        "location": "南关小区 3 号楼一层",
        "size_dm2": 12_050,
        "structure": "brick_concrete",
        "use": "activity",
        "permanent": True,
        **more,
    }


def terms(premise: str, **more: Any) -> dict[str, Any]:
    return {
        "premise": premise,
        "lessee": {"name": "张承租", "phone": "13800001111", "credit_code": USCC},
        "use": "commerce",
        "rent_fen": 150_000,
        "every": "month",
        "starts_on": "2026-03-10",
        "ends_on": "2027-03-10",
        "due_day": 5,
        **more,
    }


def contract_terms(estate: str, **more: Any) -> dict[str, Any]:
    return {
        "estate": estate,
        "firm": FIRM,
        "basis": "lump_sum",
        "fee_fen": 80,
        "starts_on": "2026-03-01",
        "ends_on": "2028-03-01",
        **more,
    }


def report(estate: str, **more: Any) -> dict[str, Any]:
    return {
        "estate": estate,
        "kind": "lift",
        "description": "2 号楼电梯停运，住 501 的陈报修说的",
        "address": "2 号楼 501",
        "contact": {"name": "陈报修", "phone": "13700003333"},
        **more,
    }


def of(events: list[Published], name: str) -> list[Published]:
    return [e for e in events if e.name == f"property.{name}"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(url: str, folder: Path, clock: ManualClock) -> World:
    """A service on that database, which has heard nothing of the world yet."""
    key, issuer = issuer_in(folder, ISSUER)
    settings = load_settings(ServiceSettings, "property", database_url=url, data_dir=folder, issuers=(issuer,))
    return World(lambda: build(settings, broker=NoLog(), clock=clock), clock, key)  # type: ignore[arg-type]


@pytest.fixture
async def empty(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """A service that has heard nothing yet."""
    async for world in begun(made(database_url, tmp_path, clock)):
        yield world


@pytest.fixture
async def world(databases: Databases, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """The city as it begins, at 09:00 on Monday 2026-03-02."""
    async for world in founded("property", databases, lambda url: made(url, tmp_path, clock)):
        yield world
