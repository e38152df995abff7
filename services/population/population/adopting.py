"""After a restore: population takes over what its log knows further (authority.md §5).

What identifies people was never on the log. So of somebody whom the backup does not know the coarse row comes back,
marked `lost` until he is recorded again; of a file its kind and times; of an import that it came. Whom an import
brought and the backup does not know is told by nothing but counts: the file is to be sent again, and the job says so
(`lost`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from population import store, store_files, store_imports, store_people
from population import tables as t
from population.domain import facts, job, person
from population.domain import facts_files as kept
from population.domain.area import Area
from population.domain.building import Building, Dwelling
from population.domain.correction import ACCEPTED, ASKED, REJECTED, Correction
from population.domain.erasure import GONE
from population.domain.file import CLOSED, OPEN, File
from population.domain.household import Household
from population.domain.job import LOST, Job
from population.domain.permit import APPLIED, CANCELLED, ISSUED, LAPSED, Permit
from population.domain.person import DEPARTED, ERASED, PRESENT, Person
from population.events import EVENTS
from population.rules import Rules
from population.timers_kinds import CORRECTION, ENDORSE, ISSUE, RETENTION, VISIT
from suizhuan.cloudevents import Event
from suizhuan.reconcile import Adoption
from suizhuan.unit_of_work import Tx

UNKNOWN = ""
OWN = ("replica.", "deadletter.", "log.")
# What is said of something comes back only if the thing itself does; of whom an import brought, nothing does.
Taker = Callable[[Tx, Event, Any, Rules], Awaitable[None]]


def make(rules: Rules) -> Adoption:
    """Every fact, one by one."""

    def taker(name: str) -> Callable[[Tx, Event], Awaitable[None]]:
        async def take(tx: Tx, event: Event) -> None:
            fact = TypeAdapter(types[name].data).validate_python(event.data)
            await _TAKERS[type(fact)](tx, event, fact, rules)

        return take

    types = {e.name: e for e in EVENTS.types.values() if not e.name.removeprefix("population.").startswith(OWN)}
    return Adoption(facts={name: taker(name) for name in types})


async def _put(tx: Tx, kind: store.Aggregates[Any], one: Any) -> None:
    await store_imports.put_all(tx, kind.table, [kind.row(one)])


def _setter(kind: store.Aggregates[Any], key: str, changes: Callable[[Any, Event, Any], dict[str, Any]]) -> Taker:
    """One that changes some fields of what is there."""

    async def take(tx: Tx, event: Event, fact: Any, _: Rules) -> None:
        found = await kind.find(tx.conn, getattr(fact, key), lock=True)
        if found is not None:
            await _put(tx, kind, replace(found, version=event.sequence, **changes(fact, event, found)))

    return take


def _nothing(_fact: Any, _event: Event, _found: Any) -> dict[str, Any]:
    return {}


async def _area(tx: Tx, event: Event, fact: facts.AreaRegistered, _: Rules) -> None:
    made = Area(code=fact.area, name_zh=fact.name, name_en=fact.name_en, kind=fact.kind, version=event.sequence)
    await _put(tx, store.areas, made)


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
    await _put(tx, store.buildings, made)


async def _dwelling(tx: Tx, event: Event, fact: facts.DwellingRegistered, _: Rules) -> None:
    found = await store.buildings.find(tx.conn, fact.building, lock=True)
    if found is None:
        return
    await _put(tx, store.buildings, replace(found, version=event.sequence, refreshed_at=event.time))
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
    await _put(tx, store.households, made)


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
    await _put(tx, store.people, made)


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
    await _put(tx, store.people, replace(after, departed_at=event.time, changed_at=event.time))
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
    await _put(tx, store.people, after)


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
    await _put(tx, store.corrections, made)
    await tx.deadline(CORRECTION, made.id, made.due_at)


async def _started(tx: Tx, event: Event, fact: facts.ImportStarted, _: Rules) -> None:
    """Its file is lost, and with it whom it would have brought."""
    begun = job.begin(fact.import_id, fact.area, event.attribute("org") or "", fact.format, fact.bytes, event.time)
    await _put(
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
    await _put(tx, store.jobs, ended)
    await store_imports.drop_file(tx.conn, ended.id)


async def _counted(tx: Tx, event: Event, fact: facts.PeopleCounted, _: Rules) -> None:
    row = {
        "grid": fact.grid,
        "people": fact.people,
        "households": fact.households,
        "by_registration": fact.by_registration,
    }
    await store_imports.put_all(tx, t.count, [{**row, "version": event.sequence, "counted_at": event.time}])


async def _opened(tx: Tx, event: Event, fact: kept.FileOpened, rules: Rules) -> None:
    """Whose file it is was never told: it comes back without its person, to be opened anew and closed."""
    made = File(
        id=fact.file,
        person=f"lost:{fact.file}",
        kind=fact.kind,
        grid=fact.grid,
        state=OPEN,
        officer=None,
        interval_days=rules.file_kind(fact.kind).visit_days,
        opened_at=event.time,
        due_at=fact.due_at,
        visited_at=None,
        reminded=0,
        version=event.sequence,
    )
    await _put(tx, store.files, made)
    await tx.deadline(VISIT, made.id, made.due_at)


async def _visited(tx: Tx, event: Event, fact: kept.FileVisited, _: Rules) -> None:
    found = await store.files.find(tx.conn, fact.file, lock=True)
    if found is None:
        return
    seen = fact.due_at != found.due_at
    after = replace(found, version=event.sequence, due_at=fact.due_at)
    if seen:
        after = replace(after, visited_at=event.time, reminded=0)
        await tx.deadline(VISIT, after.id, after.due_at)
    await _put(tx, store.files, after)


async def _closed(tx: Tx, event: Event, fact: kept.FileClosed, _: Rules) -> None:
    found = await store.files.find(tx.conn, fact.file, lock=True)
    if found is not None:
        await _put(tx, store.files, replace(found, version=event.sequence, state=CLOSED, ending=fact.reason))
        await store_files.drop_attributes(tx, found.id)
        await tx.cancel_deadline(VISIT, found.id)


async def _applied(tx: Tx, event: Event, fact: kept.PermitApplied, _: Rules) -> None:
    made = Permit(
        id=fact.permit,
        person=f"lost:{fact.permit}",
        grid=fact.grid,
        ground=fact.ground,
        lived_since=UNKNOWN,
        state=APPLIED,
        applied_at=event.time,
        due_at=fact.due_at,
        valid_until=None,
        version=event.sequence,
    )
    await _put(tx, store.permits, made)
    await tx.deadline(ISSUE, made.id, made.due_at)


async def _holds(tx: Tx, event: Event, fact: kept.PermitIssued | kept.PermitEndorsed, rules: Rules) -> None:
    found = await store.permits.find(tx.conn, fact.permit, lock=True)
    if found is None:
        return
    after = replace(found, version=event.sequence, state=ISSUED, valid_until=fact.valid_until)
    await _put(tx, store.permits, after)
    await tx.cancel_deadline(ISSUE, after.id)
    await tx.deadline(ENDORSE, after.id, fact.valid_until)


_TAKERS: dict[type[Any], Taker] = {
    facts.AreaRegistered: _area,
    facts.AreaRenamed: _setter(
        store.areas, "area", lambda fact, _e, _f: {"name_zh": fact.name, "name_en": fact.name_en}
    ),
    facts.BuildingRegistered: _building,
    facts.DwellingRegistered: _dwelling,
    facts.HouseholdRegistered: _household,
    facts.HouseholdHeadNamed: _setter(store.households, "household", lambda fact, _e, _f: {"head": fact.person}),
    facts.PersonRegistered: _person,
    facts.PersonChanged: _setter(store.people, "person", _changed),
    facts.PersonMoved: _setter(store.people, "person", _moved),
    facts.PersonDeparted: _departed,
    facts.PersonLinked: _setter(store.people, "person", _nothing),
    facts.PrivateRead: _setter(store.people, "person", _nothing),
    facts.OwnRead: _setter(store.people, "person", _nothing),
    facts.PersonErased: _erased,
    facts.CorrectionAsked: _asked,
    facts.CorrectionDecided: _setter(
        store.corrections, "request", lambda fact, _e, _f: {"state": ACCEPTED if fact.accepted else REJECTED}
    ),
    facts.CorrectionOverdue: _setter(store.corrections, "request", _nothing),
    facts.ImportStarted: _started,
    facts.ImportCompleted: _completed,
    facts.ImportStopped: _setter(
        store.jobs, "import_id", lambda fact, event, _f: {"reason": fact.reason, "ended_at": event.time}
    ),
    facts.ImportErrorsRead: _setter(store.jobs, "import_id", _nothing),
    facts.PeopleCounted: _counted,
    kept.FileOpened: _opened,
    kept.FileVisited: _visited,
    kept.VisitOverdue: _setter(store.files, "file", lambda fact, _e, _f: {"reminded": fact.times}),
    kept.FileMoved: _setter(store.files, "file", lambda fact, _e, _f: {"grid": fact.grid}),
    kept.FileClosed: _closed,
    kept.FilePrivateRead: _setter(store.files, "file", _nothing),
    kept.PermitApplied: _applied,
    kept.PermitOverdue: _setter(store.permits, "permit", _nothing),
    kept.PermitIssued: _holds,
    kept.PermitEndorsementDue: _setter(store.permits, "permit", _nothing),
    kept.PermitEndorsed: _holds,
    kept.PermitLapsed: _setter(store.permits, "permit", lambda _fact, _e, _f: {"state": LAPSED}),
    kept.PermitMoved: _setter(store.permits, "permit", lambda fact, _e, _f: {"grid": fact.grid}),
    kept.PermitCancelled: _setter(store.permits, "permit", lambda _fact, _e, _f: {"state": CANCELLED}),
}
