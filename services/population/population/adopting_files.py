"""After a restore: classified files and permits. Whose they are was never told: they come back without their person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from population import store, store_files
from population.domain import facts_files as kept
from population.domain.file import CLOSED, OPEN, File
from population.domain.permit import APPLIED, CANCELLED, ISSUED, LAPSED, Permit
from population.rules import Rules
from population.taking import UNKNOWN, Taker, nothing, put, setter
from population.timers_kinds import ENDORSE, ISSUE, VISIT
from suizhuan.cloudevents import Event
from suizhuan.unit_of_work import Tx


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
    await put(tx, store.files, made)
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
    await put(tx, store.files, after)


async def _closed(tx: Tx, event: Event, fact: kept.FileClosed, _: Rules) -> None:
    found = await store.files.find(tx.conn, fact.file, lock=True)
    if found is not None:
        await put(tx, store.files, replace(found, version=event.sequence, state=CLOSED, ending=fact.reason))
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
    await put(tx, store.permits, made)
    await tx.deadline(ISSUE, made.id, made.due_at)


async def _holds(tx: Tx, event: Event, fact: kept.PermitIssued | kept.PermitEndorsed, rules: Rules) -> None:
    found = await store.permits.find(tx.conn, fact.permit, lock=True)
    if found is None:
        return
    after = replace(found, version=event.sequence, state=ISSUED, valid_until=fact.valid_until)
    await put(tx, store.permits, after)
    await tx.cancel_deadline(ISSUE, after.id)
    await tx.deadline(ENDORSE, after.id, fact.valid_until)


FILES: dict[type[Any], Taker] = {
    kept.FileOpened: _opened,
    kept.FileVisited: _visited,
    kept.VisitOverdue: setter(store.files, "file", lambda fact, _e, _f: {"reminded": fact.times}),
    kept.FileMoved: setter(store.files, "file", lambda fact, _e, _f: {"grid": fact.grid}),
    kept.FileClosed: _closed,
    kept.FilePrivateRead: setter(store.files, "file", nothing),
    kept.PermitApplied: _applied,
    kept.PermitOverdue: setter(store.permits, "permit", nothing),
    kept.PermitIssued: _holds,
    kept.PermitEndorsementDue: setter(store.permits, "permit", nothing),
    kept.PermitEndorsed: _holds,
    kept.PermitLapsed: setter(store.permits, "permit", lambda _fact, _e, _f: {"state": LAPSED}),
    kept.PermitMoved: setter(store.permits, "permit", lambda fact, _e, _f: {"grid": fact.grid}),
    kept.PermitCancelled: setter(store.permits, "permit", lambda _fact, _e, _f: {"state": CANCELLED}),
}
