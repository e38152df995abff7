"""After a restore: population takes over what its log knows further (authority.md §5).

What identifies people was never on the log. So of somebody whom the backup does not know the coarse row comes back,
marked `lost` until he is recorded again; of a file its kind and times; of an import that it came. Whom an import
brought and the backup does not know is told by nothing but counts: the file is to be sent again, and the job says so
(`lost`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from population import rekeying, store, store_imports, store_people
from population import tables as t
from population.adopting_files import FILES
from population.domain import facts, job, person
from population.domain import rekeying as rekeyed
from population.domain.area import Area
from population.domain.building import Building, Dwelling
from population.domain.correction import ACCEPTED, ASKED, REJECTED, Correction
from population.domain.erasure import GONE
from population.domain.facts_rekeying import AreaGivenUp, RekeyingAnnounced, RekeyingDone
from population.domain.household import Household
from population.domain.job import LOST, Job
from population.domain.person import DEPARTED, ERASED, PRESENT, Person
from population.events import EVENTS
from population.rules import Rules
from population.taking import UNKNOWN, Taker, nothing, put, setter
from population.timers_kinds import CORRECTION, RETENTION
from suizhuan.cloudevents import Event
from suizhuan.reconcile import Adoption
from suizhuan.unit_of_work import Tx

OWN = ("replica.", "deadletter.", "log.")
# What was never on the log, of what the backup does not know.
UNSAID = {
    "population.person.registered": "姓名、证件等，须重新登记 / who it is: to be recorded again",
    "population.person.changed": "变更的内容 / what was changed",
    "population.file.opened": "档案内容 / what the file says",
    "population.file.visited": "走访内容 / what the visit found",
    "population.correction.asked": "申请内容 / what was asked",
    "population.import.completed": "导入的人员，须重新导入 / whom it brought: the file is to be sent again",
}


def make(rules: Rules) -> Adoption:
    """Every fact, one by one."""

    def taker(name: str) -> Callable[[Tx, Event], Awaitable[None]]:
        async def take(tx: Tx, event: Event) -> None:
            fact = TypeAdapter(types[name].data).validate_python(event.data)
            await _TAKERS[type(fact)](tx, event, fact, rules)

        return take

    types = {e.name: e for e in EVENTS.types.values() if not e.name.removeprefix("population.").startswith(OWN)}
    return Adoption(facts={name: taker(name) for name in types}, unsaid=UNSAID)


async def _area(tx: Tx, event: Event, fact: facts.AreaRegistered, _: Rules) -> None:
    made = Area(code=fact.area, name_zh=fact.name, name_en=fact.name_en, kind=fact.kind, version=event.sequence)
    await put(tx, store.areas, made)


async def _building(tx: Tx, event: Event, fact: facts.BuildingRegistered, _: Rules) -> None:
    """Its name was never told: until it is given again it goes by its id."""
    made = Building(
        id=fact.building,
        grid=fact.grid,
        name=fact.building,
        floors=fact.floors,
        version=event.sequence,
        refreshed_at=event.time,
    )
    await put(tx, store.buildings, made)


async def _dwelling(tx: Tx, event: Event, fact: facts.DwellingRegistered, _: Rules) -> None:
    found = await store.buildings.find(tx.conn, fact.building, lock=True)
    if found is None:
        return
    await put(tx, store.buildings, replace(found, version=event.sequence, refreshed_at=event.time))
    await store.add_dwelling(
        tx, Dwelling(id=fact.dwelling, building=fact.building, grid=fact.grid, unit=UNKNOWN, room=fact.dwelling)
    )


async def _household(tx: Tx, event: Event, fact: facts.HouseholdRegistered, _: Rules) -> None:
    made = Household(
        id=fact.household,
        grid=fact.grid,
        number=fact.household,
        dwelling=fact.dwelling,
        head=None,
        version=event.sequence,
    )
    await put(tx, store.households, made)


async def _person(tx: Tx, event: Event, fact: facts.PersonRegistered, _: Rules) -> None:
    made = Person(
        id=fact.person,
        grid=fact.grid,
        building=fact.building,
        dwelling=fact.dwelling,
        household=fact.household,
        sex=fact.sex,
        birth_from=fact.birth_from,
        registration=fact.registration,
        state=PRESENT,
        shown_name=person.LOST,
        shown_id=person.LOST,
        version=event.sequence,
        changed_at=event.time,
        lost=True,
    )
    await put(tx, store.people, made)


def _changed(fact: facts.PersonChanged, event: Event, _: Person) -> dict[str, Any]:
    """What it was changed to is lost: what is held is what stood there before, and is to be recorded again."""
    return {
        "sex": fact.sex,
        "birth_from": fact.birth_from,
        "registration": fact.registration,
        "changed_at": event.time,
        "lost": True,
    }


def _moved(fact: facts.PersonMoved, event: Event, _: Person) -> dict[str, Any]:
    names = ("grid", "building", "dwelling", "household")
    return {**{name: getattr(fact, name) for name in names}, "changed_at": event.time}


async def _departed(tx: Tx, event: Event, fact: facts.PersonDeparted, rules: Rules) -> None:
    found = await store.people.find(tx.conn, fact.person, lock=True)
    if found is None:
        return
    after = replace(found, version=event.sequence, state=DEPARTED, household=None)
    await put(tx, store.people, replace(after, departed_at=event.time, changed_at=event.time))
    for group in rules.population.groups:
        await tx.deadline(RETENTION, f"{found.id}:{group.code}", event.time + timedelta(days=group.keep_days))


async def _erased(tx: Tx, event: Event, fact: facts.PersonErased, rules: Rules) -> None:
    """What was erased is erased again: a backup must not bring it back."""
    found = await store.people.find(tx.conn, fact.person, lock=True)
    if found is None:
        return
    personal = await store_people.personal(tx.conn, fact.person)
    for group in rules.groups():
        if group.code in fact.groups:
            personal = group.without(personal)
    id_hash = rules.id_hash(personal.id_number) if personal.id_number else None
    await store_people.put_personal(tx, found.id, personal, id_hash)
    after = replace(
        found,
        version=event.sequence,
        state=ERASED if fact.whole else found.state,
        shown_name=found.shown_name if personal.name else GONE,
        shown_id=found.shown_id if personal.id_number else GONE,
    )
    await put(tx, store.people, after)


async def _asked(tx: Tx, event: Event, fact: facts.CorrectionAsked, _: Rules) -> None:
    made = Correction(
        id=fact.request,
        person=fact.person,
        grid=fact.grid,
        field=fact.field,
        state=ASKED,
        asked_at=event.time,
        due_at=fact.due_at,
        version=event.sequence,
    )
    await put(tx, store.corrections, made)
    await tx.deadline(CORRECTION, made.id, made.due_at)


async def _started(tx: Tx, event: Event, fact: facts.ImportStarted, _: Rules) -> None:
    """Its file is lost, and with it whom it would have brought."""
    begun = job.begin(fact.import_id, fact.area, event.attribute("org") or "", fact.format, fact.bytes, event.time)
    await put(
        tx, store.jobs, replace(begun.after, version=event.sequence, state=LOST, ended_at=event.time, reason=LOST)
    )


async def _completed(tx: Tx, event: Event, fact: facts.ImportCompleted, _: Rules) -> None:
    found = await store.jobs.find(tx.conn, fact.import_id, lock=True)
    if found is None:
        return
    counts = ("added", "updated", "unchanged", "refused", "buildings", "dwellings", "households")
    rows = fact.rows + 1
    ended: Job = replace(
        found,
        **{name: getattr(fact, name) for name in counts},
        version=event.sequence,
        state=LOST,
        reason=LOST,
        read=rows,
        total=rows,
        ended_at=event.time,
    )
    await put(tx, store.jobs, ended)
    await store_imports.drop_file(tx.conn, ended.id)


async def _counted(tx: Tx, event: Event, fact: facts.PeopleCounted, _: Rules) -> None:
    row = {
        "grid": fact.grid,
        "people": fact.people,
        "households": fact.households,
        "by_registration": fact.by_registration,
    }
    await store_imports.put_all(tx, t.count, [{**row, "version": event.sequence, "counted_at": event.time}])


async def _announced(tx: Tx, event: Event, fact: RekeyingAnnounced, _: Rules) -> None:
    made = rekeyed.Rekeying(
        id=fact.rekeying,
        within=fact.within,
        moves=tuple(asdict(move) for move in fact.moves),
        areas=tuple(asdict(area) for area in fact.areas),
        state=rekeyed.ANNOUNCED,
        version=event.sequence,
        announced_at=event.time,
    )
    await put(tx, store.rekeyings, made)


async def _rekeyed(tx: Tx, event: Event, fact: RekeyingDone, _: Rules) -> None:
    """Codes have followed by the authority log; what no code says follows here."""
    found = await store.rekeyings.find(tx.conn, fact.rekeying, lock=True)
    if found is not None:
        await rekeying.give_buildings(tx, found)
        await put(tx, store.rekeyings, replace(found, version=event.sequence, state=rekeyed.DONE, done_at=event.time))


_TAKERS: dict[type[Any], Taker] = {
    facts.AreaRegistered: _area,
    facts.AreaRenamed: setter(
        store.areas, "area", lambda fact, _e, _f: {"name_zh": fact.name, "name_en": fact.name_en}
    ),
    AreaGivenUp: setter(store.areas, "area", lambda fact, _e, _f: {"now": fact.now}),
    RekeyingAnnounced: _announced,
    RekeyingDone: _rekeyed,
    facts.BuildingRegistered: _building,
    facts.DwellingRegistered: _dwelling,
    facts.HouseholdRegistered: _household,
    facts.HouseholdHeadNamed: setter(store.households, "household", lambda fact, _e, _f: {"head": fact.person}),
    facts.PersonRegistered: _person,
    facts.PersonChanged: setter(store.people, "person", _changed),
    facts.PersonMoved: setter(store.people, "person", _moved),
    facts.PersonDeparted: _departed,
    facts.PersonLinked: setter(store.people, "person", nothing),
    facts.PrivateRead: setter(store.people, "person", nothing),
    facts.OwnRead: setter(store.people, "person", nothing),
    facts.PersonErased: _erased,
    facts.CorrectionAsked: _asked,
    facts.CorrectionDecided: setter(
        store.corrections, "request", lambda fact, _e, _f: {"state": ACCEPTED if fact.accepted else REJECTED}
    ),
    facts.CorrectionOverdue: setter(store.corrections, "request", nothing),
    facts.ImportStarted: _started,
    facts.ImportCompleted: _completed,
    facts.ImportStopped: setter(
        store.jobs, "import_id", lambda fact, event, _f: {"reason": fact.reason, "ended_at": event.time}
    ),
    facts.ImportErrorsRead: setter(store.jobs, "import_id", nothing),
    facts.PeopleCounted: _counted,
    **FILES,
}
