"""Some people of an import, written by a few statements however many they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from population import columns as c
from population import residents, store, store_imports, store_people
from population import tables as t
from population.domain import building as buildings
from population.domain import household as households
from population.domain import person as persons
from population.domain.household import Household
from population.domain.job import Step
from population.domain.person import PRESENT, Home, Person, Personal
from population.domain.powers import IMPORT, POWERLESS, REGISTER
from population.incoming import Refused, Row
from population.rules import Rules
from suizhuan.context import new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx


class Batch:
    """The rows of one step. Afterwards `refused` are those that nobody may take."""

    def __init__(self, tx: Tx, rules: Rules, org: str, given: frozenset[str]) -> None:
        self.tx, self.rules, self.org, self.given = tx, rules, org, given
        self.refused: list[Refused] = []
        self._power: dict[str, Authority | None] = {}
        self._people: dict[str, tuple[Person, Personal]] = {}
        self._before: dict[str, Person] = {}
        self._touched: dict[str, None] = {}  # hashes of who is new or changed, in order
        self._heads: dict[tuple[str, str], str] = {}
        self._known_households: Mapping[tuple[str, str], Household] = {}

    async def take(self, rows: Sequence[Row]) -> Step:
        """Every row is taken or refused. In the order of the file: of two rows of one person the later counts."""
        rows = [row for row in rows if await self._may(row, row.grid, "no_power", c.GRID)]
        if not rows:
            return Step(rows=0)
        self._people = await store_imports.known_people(self.tx.conn, {row.id_hash for row in rows})
        self._before = {person.id: person for person, _ in self._people.values()}
        rows = [row for row in rows if await self._is_ours(row)]
        houses, made_buildings = await self._buildings(rows)
        flats, made_dwellings = await self._dwellings(rows, houses)
        homes, made_households = await self._households(rows, houses, flats)
        counts = {"added": 0, "updated": 0, "unchanged": 0}
        for row in rows:
            counts[self._person(row, self._home(row, houses, flats, homes))] += 1
        await self._write(homes)
        await self._follow()
        if houses:
            await store_imports.refresh_buildings(self.tx.conn, set(houses.values()), self.tx.now)
        grids = frozenset(row.grid for row in rows)
        await store_imports.put_all(
            self.tx, t.fresh, [{"grid": grid, "refreshed_at": self.tx.now} for grid in sorted(grids)]
        )
        left = {p.grid for p in self._before.values()} if self._before else set()
        return Step(
            rows=0,
            **counts,
            buildings=made_buildings,
            dwellings=made_dwellings,
            households=made_households,
            grids=grids | frozenset(left & set(self._power)),
        )

    # --- whose it is -------------------------------------------------------------------------------------------------

    async def _may(self, row: Row, grid: str, mistake: str, column: str) -> bool:
        if grid not in self._power:
            try:
                self._power[grid] = Authority.of(await self.tx.act(IMPORT, REGISTER, grid, self.org))
            except Refusal as refusal:
                if refusal.code not in POWERLESS:
                    raise
                self._power[grid] = None
        if self._power[grid] is None:
            self.refused.append(Refused(row.line, row.cells, ((column, mistake),)))
            return False
        return True

    async def _is_ours(self, row: Row) -> bool:
        """Whoever lives elsewhere as yet is moved only under the power over both places."""
        known = self._people.get(row.id_hash)
        return known is None or await self._may(row, known[0].grid, "registered_elsewhere", c.ID)

    # --- where they live ---------------------------------------------------------------------------------------------

    async def _buildings(self, rows: Iterable[Row]) -> tuple[dict[tuple[str, str], str], int]:
        wanted = {(row.grid, row.building) for row in rows if row.building}
        if not wanted:
            return {}, 0
        known = await store_imports.known_buildings(self.tx.conn, wanted)
        found = {key: one.id for key, one in known.items()}
        made = []
        for grid, name in sorted(key for key in wanted if key not in found):
            change = buildings.register(new_id(), grid, name or "", None, self.tx.now)
            made.append(change)
            found[grid, change.after.name] = change.after.id
        await store_imports.put_all(self.tx, t.building, [store.buildings.row(change.after) for change in made])
        for change in made:
            store.buildings.tell(self.tx, change, self._power[change.after.grid])
        return found, len(made)

    async def _dwellings(
        self, rows: Iterable[Row], houses: Mapping[tuple[str, str], str]
    ) -> tuple[dict[tuple[str, str, str], str], int]:
        wanted = {
            (houses[row.grid, row.building], row.unit, row.room): row.grid
            for row in rows
            if row.building and (row.unit or row.room)
        }
        if not wanted:
            return {}, 0
        found = await store_imports.known_dwellings(self.tx.conn, {building for building, _, _ in wanted})
        made = [
            {"id": new_id(), "building": building, "grid": grid, "unit": unit, "room": room}
            for (building, unit, room), grid in wanted.items()
            if (building, unit, room) not in found
        ]
        await store_imports.put_all(self.tx, t.dwelling, made)
        return found | {(one["building"], one["unit"], one["room"]): one["id"] for one in made}, len(made)

    async def _households(
        self, rows: Iterable[Row], houses: Mapping[tuple[str, str], str], flats: Mapping[tuple[str, str, str], str]
    ) -> tuple[dict[tuple[str, str], Household], int]:
        wanted = {(row.grid, row.household): row for row in rows if row.household}
        if not wanted:
            return {}, 0
        known = await store_imports.known_households(self.tx.conn, wanted)
        found, made = dict(known), 0
        for (grid, number), row in wanted.items():
            if number is not None and (grid, number) not in found:
                flat = self._flat(row, houses, flats)
                found[grid, number] = replace(households.register(new_id(), grid, number, flat).after, version=1)
                made += 1
        self._known_households = known
        return found, made

    def _flat(
        self, row: Row, houses: Mapping[tuple[str, str], str], flats: Mapping[tuple[str, str, str], str]
    ) -> str | None:
        if not row.building:
            return None
        return flats.get((houses[row.grid, row.building], row.unit, row.room))

    def _home(
        self,
        row: Row,
        houses: Mapping[tuple[str, str], str],
        flats: Mapping[tuple[str, str, str], str],
        homes: Mapping[tuple[str, str], Household],
    ) -> Home:
        """What the file does not speak of stays, as long as it stands in the same grid."""
        known = self._people.get(row.id_hash)
        stays = known[0] if known is not None and known[0].grid == row.grid else None
        building = houses.get((row.grid, row.building)) if row.building else None
        dwelling = self._flat(row, houses, flats)
        if stays is not None and c.BUILDING not in self.given:
            building, dwelling = stays.building, stays.dwelling
        household = homes[row.grid, row.household].id if row.household else None
        if stays is not None and c.HOUSEHOLD not in self.given:
            household = stays.household
        return Home(grid=row.grid, building=building, dwelling=dwelling, household=household)

    # --- who they are ------------------------------------------------------------------------------------------------

    def _person(self, row: Row, home: Home) -> str:
        """Note the person as the row says; what became of him: added, updated, unchanged."""
        known = self._people.get(row.id_hash)
        held = known[1] if known is not None else Personal()
        details = {k: v for k, v in held.details.items() if k not in self.given} | row.details
        personal = Personal(
            name=row.name,
            id_number=row.known.id_number,
            birth_date=row.known.birth_date,
            phone=row.phone if c.PHONE in self.given else held.phone,
            details=details,
        )
        fresh = persons.register(
            known[0].id if known is not None else new_id(),
            home,
            row.registration,
            row.known,
            row.name,
            band_years=self.rules.band_years,
            now=self.tx.now,
        ).after
        if row.head and row.household:
            self._heads[row.grid, row.household] = fresh.id
        if known is None:
            self._people[row.id_hash] = (replace(fresh, version=1), personal)
            self._touched[row.id_hash] = None
            return "added"
        before = known[0]
        same = (before.state, before.registration, before.home) == (PRESENT, row.registration, home)
        if same and personal == held and not before.lost:
            return "unchanged"
        # Nobody is told, but whoever has seen the version before is to look again.
        version = before.version if row.id_hash in self._touched else before.version + 1
        self._people[row.id_hash] = (replace(fresh, version=version), personal)
        self._touched[row.id_hash] = None
        return "updated"

    async def _write(self, homes: Mapping[tuple[str, str], Household]) -> None:
        people = [self._people[id_hash] for id_hash in self._touched]
        await store_imports.put_all(self.tx, t.person, [store.people.row(person) for person, _ in people])
        private = [
            store_people.private_row(person.id, personal, id_hash)
            for id_hash, (person, personal) in ((h, self._people[h]) for h in self._touched)
        ]
        await store_imports.put_all(self.tx, t.private, private)
        changed: list[dict[str, Any]] = []
        for key, household in homes.items():
            head = self._heads.get(key, household.head)
            known = self._known_households.get(key)
            if known is None:
                changed.append(store.households.row(replace(household, head=head)))
            elif head != known.head:
                changed.append(store.households.row(replace(household, head=head, version=household.version + 1)))
        await store_imports.put_all(self.tx, t.household, changed)

    async def _follow(self) -> None:
        """Files, permits and headships of who has moved come along."""
        moved = {
            person.id: person
            for person, _ in (self._people[id_hash] for id_hash in self._touched)
            if person.id in self._before and person.home != self._before[person.id].home
        }
        if not moved:
            return
        for person in sorted(await store_imports.with_something(self.tx.conn, moved)):
            before, after = self._before[person], moved[person]
            authority = self._power[after.grid]
            if authority is not None:
                await residents.follow(self.tx, before, after.home, authority)
