"""Buildings and the dwellings in them. A building stands in one grid; its dwellings are part of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from population.domain import facts
from population.domain.change import Change, changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """`name` is unique in its grid. `refreshed_at`: when somebody last recorded something of it or in it."""

    id: str
    grid: str
    name: str
    floors: int | None
    version: int
    refreshed_at: datetime

    @property
    def key(self) -> str:
        return self.id

    @property
    def place(self) -> str:
        return self.grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Dwelling:
    """A flat; `unit` and `room` are unique in its building. A house of one dwelling has neither."""

    id: str
    building: str
    grid: str
    unit: str
    room: str


def register(building: str, grid: str, name: str, floors: int | None, now: datetime) -> Change[Building]:
    """A building is known from now on."""
    made = Building(id=building, grid=grid, name=name, floors=floors, version=0, refreshed_at=now)
    return changed(made, facts.BuildingRegistered(building=building, grid=grid, floors=floors))


def add_dwelling(building: Building, dwelling: Dwelling, now: datetime) -> Change[Building]:
    """One more dwelling in it."""
    fact = facts.DwellingRegistered(building=building.id, dwelling=dwelling.id, grid=building.grid)
    return changed(building, fact, refreshed_at=now)
