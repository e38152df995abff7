"""The real service on each database: its app over ASGI, its replica, its handlers and its deadline rows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from stdnum.iso7064 import mod_11_2

from population.app import build
from population.domain import powers
from suizhuan.kernel.clock import ManualClock
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import Published, issuer_in
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import ISSUER, NoLog, ServiceWorld, begun, founded

ROOT, STREET, NANGUAN, XIANGLI = "321302", "321302002", "321302002907", "321302002909"
GRID, GRID_2, FOREIGN = NANGUAN + "001", NANGUAN + "002", XIANGLI + "001"
OWNER, COMMUNITY, OTHER = "dept-civil-affairs", "community-nanguan", "community-xiangli"
AREAS = (ROOT, STREET, NANGUAN, XIANGLI, GRID, GRID_2, FOREIGN)
ALL_POWERS = {
    powers.DIVISIONS: [powers.REGISTER_AREA, powers.REKEY_AREA],
    powers.REGISTER: [
        powers.REGISTER_BUILDING,
        powers.REGISTER_HOUSEHOLD,
        powers.REGISTER_PERSON,
        powers.READ_PERSON,
        powers.IMPORT,
        powers.DECIDE_REQUEST,
    ],
    powers.FILES: [powers.KEEP_FILE, powers.VISIT_FILE],
    powers.PERMITS: [powers.ISSUE_PERMIT],
}
DAY = 86_400.0


def id_number(serial: int, born: str = "20000101", place: str = "321302") -> str:
    """A number that is right, and nobody's: its sequence is `serial`."""
    head = f"{place}{born}{serial:03d}"
    return head + mod_11_2.calc_check_digit(head)


@dataclass(repr=False)
class World(ServiceWorld):
    """Population, and those around it."""

    usual = COMMUNITY
    people: int = 0

    # --- what is heard -------------------------------------------------------------------------------------------

    async def found(self) -> None:
        """The city as it begins: the owner at the root, two communities with all affairs, two grids and one."""
        for affair, held in ALL_POWERS.items():
            await self.log.grant(f"root:{affair}", OWNER, affair, ROOT, held)
        await self._first_areas()
        for affair, held in ALL_POWERS.items():
            for community, area in ((COMMUNITY, NANGUAN), (OTHER, XIANGLI)):
                await self.log.grant(f"m-{affair}-{area}", community, affair, area, held)
        await self.events()

    async def _first_areas(self) -> None:
        for area in AREAS:
            await self.post("/areas", OWNER, {"area": area, "name": f"区域{area}", "name_en": f"Area {area}"})

    # --- what there is -------------------------------------------------------------------------------------------

    def someone(self, **more: Any) -> dict[str, Any]:
        """Somebody new, to be registered."""
        self.people += 1
        return {
            "grid": GRID,
            "registration": "registered",
            "name": f"张三{self.people}",
            "id_number": id_number(self.people),
            "phone": f"1380000{self.people:04d}",
            "details": {"employment": "retired"},
            **more,
        }

    async def person(self, org: str = COMMUNITY, **more: Any) -> dict[str, Any]:
        return await self.post("/people", org, self.someone(**more))

    async def building(self, name: str = "3号楼", grid: str = GRID) -> dict[str, Any]:
        return await self.post("/buildings", COMMUNITY, {"grid": grid, "name": name, "floors": 6})

    async def household(self, number: str = "H1", grid: str = GRID, **more: Any) -> dict[str, Any]:
        return await self.post("/households", COMMUNITY, {"grid": grid, "number": number, **more})


def of(events: list[Published], name: str) -> list[Published]:
    return [e for e in events if e.name == f"population.{name}"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(url: str, folder: Path, clock: ManualClock, **more: Any) -> World:
    """A service on that database, which has heard nothing of the world yet."""
    key, issuer = issuer_in(folder, ISSUER)
    settings = load_settings(
        ServiceSettings, "population", database_url=url, data_dir=folder, issuers=(issuer,), **more
    )
    return World(lambda: build(settings, broker=NoLog(), clock=clock), clock, key)  # type: ignore[arg-type]


@pytest.fixture
async def empty(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """A service that has heard nothing yet."""
    async for world in begun(made(database_url, tmp_path, clock)):
        yield world


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests share one founded database: so they share the key of its ID hash."""
    monkeypatch.setenv("SUIZHUAN_POPULATION_ID_SECRET", "a key that only tests know")


@pytest.fixture
async def world(databases: Databases, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """The city as it begins, at 09:00 on a Monday."""
    async for world in founded("population", databases, lambda url: made(url, tmp_path, clock)):
        yield world
