"""After a restore: mandates takes over what its log knows further (authority.md §5).

The authority log at once, when the service starts, for it has one writer and beats must go on: its sequence, the
replicas that its beats named (a switch must await them), terms, and which switches are open. The registers and mandates
stay locked until somebody reconciles; then each is what its facts say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, get_args

from pydantic import TypeAdapter
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from mandates import store, store_rekeyings
from mandates import store_switches as switches
from mandates import tables as t
from mandates.domain import facts
from mandates.domain.activation import may_activate
from mandates.domain.adopting import MandateFact, after, begun
from mandates.domain.mandate import SUSPENDED, Mandate
from mandates.domain.switch import DONE, DROPPED, EVERY_AFFAIR, OPEN, WAITING, span
from mandates.events import EVENTS
from mandates.rekeying import PREFIX as REKEYING
from mandates.switching import DEADLINE
from mandates.timers import activate_when_it_starts, watch_planned_end
from suizhuan.authority import records
from suizhuan.authority.records import BeatView, DoneView, DroppedView, OpenedView
from suizhuan.cloudevents import Event
from suizhuan.kernel.rekeying import common
from suizhuan.kernel.term import LEAD
from suizhuan.reconcile import Adoption
from suizhuan.unit_of_work import Tx

RESTORED = "restored"
AGAIN = timedelta(minutes=1)  # for its acknowledgements to be heard once more, before the switch is given up


async def authority_ahead(tx: Tx, events: Sequence[Event]) -> None:
    """Records of the authority log that this database has not made, in their order."""
    told = sorted((e for e in events if e.topic == records.TOPIC), key=lambda event: event.sequence)
    if not told:
        return
    highest = func.greatest if tx.conn.dialect.name != "sqlite" else func.max
    await tx.conn.execute(update(t.head).values(sequence=highest(t.head.c.sequence, told[-1].sequence)))
    beats = [BeatView.model_validate(e.data) for e in told if e.name == records.BEAT]
    if beats:
        await _named(tx.conn, beats)
    for event in told:
        if event.name == records.OPENED:
            await _opened(tx, event)
        elif event.name == records.DONE:
            done = DoneView.model_validate(event.data)
            await _terms(tx.conn, done)
            if done.rekeying is not None:
                await store_rekeyings.add(tx.conn, done.rekeying, done.table.moves)
                await store_rekeyings.set_done(tx.conn, done.rekeying, event.time)
            await _ended(tx, done.switch, DONE, event)
        elif event.name == records.DROPPED:
            await _ended(tx, DroppedView.model_validate(event.data).switch, DROPPED, event)


async def _named(conn: AsyncConnection, beats: Sequence[BeatView]) -> None:
    """The newest beat says who is listed; whoever any of them named is awaited for as long as that one is relied on."""
    await conn.execute(update(t.head).values(beat_at=beats[-1].sent_at))
    await conn.execute(update(t.replica).values(listed=False))
    newest = {replica: beat.sent_at for beat in beats for replica in beat.replicas}
    for replica, at in sorted(newest.items()):
        values = {"listed": replica in beats[-1].replicas, "named_at": at}
        row = {"id": replica, "service": replica.split(":", 1)[0], "joined_at": at, **values}
        query = _insert(conn)(t.replica).values(row)
        await conn.execute(query.on_conflict_do_update(index_elements=["id"], set_=values))


async def _opened(tx: Tx, event: Event) -> None:
    """The switch stands open as the log says; what stood in its way here had ended by then."""
    fact = TypeAdapter(facts.SwitchOpened).validate_python(event.data)
    affair, area, subject = await _about(tx.conn, fact, event)
    lo, hi = span(area)
    s = t.switch.c
    under_way = s.state.in_([WAITING, OPEN]) & (s.mandate == subject)
    overlaps = (s.state == OPEN) & (s.lo < hi) & (s.hi > lo)
    if affair != EVERY_AFFAIR:
        overlaps &= s.affair.in_([affair, EVERY_AFFAIR])
    gone = {"state": DROPPED, "ended_at": event.time, "why_dropped": RESTORED}
    await tx.conn.execute(update(t.switch).where(s.id != fact.switch, under_way | overlaps).values(gone))
    opened = {"state": OPEN, "opened_sequence": event.sequence, "opened_at": event.time, "deadline_at": tx.now + AGAIN}
    row = {
        "id": fact.switch,
        "why": fact.why,
        "affair": affair,
        "area": area,
        "lo": lo,
        "hi": hi,
        "mandate": subject,
        "reason": "",
        "attempt": 1,
        "on_log": False,
        "requested_at": event.time,
        "correlation_id": event.attribute("correlationid") or event.id,
        **opened,
    }
    query = _insert(tx.conn)(t.switch).values(row)
    await tx.conn.execute(query.on_conflict_do_update(index_elements=["id"], set_=opened))
    blank = {"switch": fact.switch, "acknowledged_at": None, "pending_cases": False, "lease_over": False}
    awaited = [{**blank, "replica": replica} for replica in fact.awaited]
    if awaited:
        await tx.conn.execute(_insert(tx.conn)(t.awaited).on_conflict_do_nothing(), awaited)
    await tx.deadline(DEADLINE, fact.switch, tx.now + AGAIN)


async def _about(conn: AsyncConnection, fact: facts.SwitchOpened, event: Event) -> tuple[str, str, str]:
    """(affair, area, mandate) of a switch, as its row says them."""
    if fact.rekeying is None:
        return fact.slots[0].affair, fact.slots[0].area, fact.mandates[0]
    table = OpenedView.model_validate(event.data).table
    await store_rekeyings.add(conn, fact.rekeying, table.moves)
    return EVERY_AFFAIR, common(table.touched), f"{REKEYING}{fact.rekeying}"


async def _ended(tx: Tx, switch: str, state: str, event: Event) -> None:
    await switches.set_switch(tx.conn, switch, state=state, ended_at=event.time)
    await tx.cancel_deadline(DEADLINE, switch)


async def _terms(conn: AsyncConnection, done: DoneView) -> None:
    """A term that was given out is never given out again."""
    for slot in done.slots:
        if slot.new is None:
            where = [t.slot.c.affair == slot.affair, t.slot.c.area == slot.area]
            held = slot.old.mandate if slot.old else None
            await conn.execute(update(t.slot).where(*where, t.slot.c.mandate == held).values(mandate=None))
            continue
        lead = {"mandate": slot.new.mandate} if slot.role == LEAD else {}
        query = _insert(conn)(t.slot).values(
            affair=slot.affair, area=slot.area, term=slot.new.term, mandate=lead.get("mandate")
        )
        changed = {"term": query.excluded.term, **lead}
        newer = t.slot.c.term < query.excluded.term
        await conn.execute(query.on_conflict_do_update(index_elements=["affair", "area"], set_=changed, where=newer))


async def mandate_fact(tx: Tx, event: Event) -> None:
    """One more fact of a mandate: its row, its history, and what is to happen in time."""
    kind = EVENTS.types[event.type].data
    fact: Any = TypeAdapter(kind).validate_python(event.data)
    before = await store.find_mandate(tx.conn, event.key, lock=True)
    now = after(before or begun(fact, event.time), fact, event.sequence)
    await _put_mandate(tx.conn, now, new=before is None)
    if isinstance(fact, facts.MandateRekeyed) and now.role == LEAD and now.holds_slot:
        await switches.forget_slot(tx.conn, replace(now, area=fact.from_area))
        await _put_in_slot(tx.conn, now)
    row = {"mandate": now.id, "version": event.sequence, "event": event.name.rsplit(".", 1)[1], "state": now.state}
    about = {"at": event.time, "actor_org": event.attribute("org"), "reason": getattr(fact, "reason", None)}
    await tx.conn.execute(_insert(tx.conn)(t.history).values({**row, **about}).on_conflict_do_nothing())
    await watch_planned_end(tx, now)
    if may_activate(now) and now.state != SUSPENDED:
        await activate_when_it_starts(tx, now)


async def _put_in_slot(conn: AsyncConnection, mandate: Mandate) -> None:
    """Its slot has another code."""
    row = {"affair": mandate.affair, "area": mandate.area, "term": mandate.term or 0, "mandate": mandate.id}
    query = _insert(conn)(t.slot).values(row)
    holds = {"mandate": mandate.id}
    await conn.execute(query.on_conflict_do_update(index_elements=["affair", "area"], set_=holds))


async def _put_mandate(conn: AsyncConnection, mandate: Mandate, *, new: bool) -> None:
    row = {**asdict(mandate), "powers": list(mandate.powers), "staff": list(mandate.staff)}
    query = insert(t.mandate) if new else update(t.mandate).where(t.mandate.c.id == mandate.id)
    await conn.execute(query.values(**row))


async def organisation_registered(tx: Tx, event: Event) -> None:
    """An organisation and its areas."""
    fact = TypeAdapter(facts.OrganisationRegistered).validate_python(event.data)
    names = {"name_zh": fact.name, "name_en": fact.name_en, "kind": fact.kind, "parent": fact.parent}
    row = {"id": fact.org, **names, "version": event.sequence, "registered_at": event.time}
    await _put(tx.conn, t.organisation, "id", row)
    await tx.conn.execute(delete(t.organisation_area).where(t.organisation_area.c.org == fact.org))
    places = [{"org": fact.org, "area": area, "place": i} for i, area in enumerate(fact.areas)]
    if places:
        await tx.conn.execute(insert(t.organisation_area), places)


async def affair_listed(tx: Tx, event: Event) -> None:
    """An entry of the catalogue."""
    fact = TypeAdapter(facts.AffairListed).validate_python(event.data)
    names = {"code": fact.affair, "name_zh": fact.name, "name_en": fact.name_en, "list": fact.list}
    powers = {"owner": fact.owner, "powers": fact.powers, "owner_powers": fact.owner_powers, "basis": fact.basis}
    await _put(tx.conn, t.affair, "code", {**names, **powers, "version": event.sequence, "listed_at": event.time})


async def _put(conn: AsyncConnection, table: Any, key: str, row: dict[str, Any]) -> None:
    known = (await conn.execute(select(table.c[key]).where(table.c[key] == row[key]))).one_or_none()
    query = insert(table) if known is None else update(table).where(table.c[key] == row[key])
    await conn.execute(query.values(**row))


def _insert(conn: AsyncConnection) -> Any:
    return sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert


_MANDATES = [e.name for e in EVENTS.types.values() if e.data in get_args(MandateFact)]
# What was never on the log, of what the backup does not know.
UNSAID = {
    "mandates.mandate.proposed": "办理人员名单 / who its staff are",
}
ADOPTION = Adoption(
    facts={
        **dict.fromkeys(_MANDATES, mandate_fact),
        "mandates.organisation.registered": organisation_registered,
        "mandates.affair.listed": affair_listed,
    },
    unsaid=UNSAID,
)
