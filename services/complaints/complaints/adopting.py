"""After a restore: complaints takes over what its log knows further of cases (authority.md §5).

What identifies people was never on the log: of a case that the backup does not know, who reported it is kept (the event
says it), what was described is lost, and why a case was closed as invalid.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import insert, update

from complaints import desk, store, store_referrals, store_switches
from complaints import tables as t
from complaints.domain import facts
from complaints.domain import handover as saga
from complaints.domain.adopting import Known, after, reported, requested
from complaints.domain.case import Case
from complaints.events import CASE, EVENTS, REFERRAL
from complaints.handovers import EXPIRES
from complaints.rules import Rules
from suizhuan.cloudevents import Event
from suizhuan.reconcile import Adoption
from suizhuan.unit_of_work import Tx

# What was never on the log, of what the backup does not know.
UNSAID = {
    "complaints.case.reported": "诉求内容与联系方式 / words and how to reach who reported",
    "complaints.case.closed": "判为无效的理由 / why it was invalid",
}
SOON = timedelta(minutes=1)  # by then the replica has caught up, which a lock may have held up until now


def make(rules: Rules) -> Adoption:
    """Every fact of a case, one by one."""
    taker = _taker(rules)
    of_cases = {e.name: taker for e in EVENTS.types.values() if e.topic == CASE.name}
    of_referrals = {e.name: _referral for e in EVENTS.types.values() if e.topic == REFERRAL.name}
    return Adoption(facts={**of_cases, **of_referrals}, unsaid=UNSAID)


async def _referral(tx: Tx, event: Event) -> None:
    case = event.data.get("case")
    await store_referrals.answer(tx.conn, event.data["service"], event.data["referral"], case)


def _taker(rules: Rules) -> Callable[[Tx, Event], Awaitable[None]]:
    async def take(tx: Tx, event: Event) -> None:
        fact: Any = TypeAdapter(EVENTS.types[event.type].data).validate_python(event.data)
        before = await store.find_case(tx.conn, event.key, lock=True)
        if isinstance(fact, facts.CaseReported):
            category = rules.category(fact.category)
            intake = Known(
                event.time, rules.clockwork, limit=rules.limit_of(category), price_fen=rules.price(fact.affair, None)
            )
            now = reported(fact, intake)
            await tx.conn.execute(insert(t.cases).values(store.to_row(now)))
            personal = store.Personal(event.attribute("actor") or "", None, None, None, "")
            await tx.conn.execute(insert(t.private).values(case_id=now.id, **asdict(personal)))
            await tx.deadline(desk.ROUTE, now.id, tx.now + SOON)
        elif before is None:
            raise ValueError("a case of which nothing is known")
        else:
            now = await _one_more(tx, rules, before, fact, event)
        if now.version != event.sequence:
            raise ValueError(f"it is version {now.version} here, {event.sequence} on the log")
        await _remember(tx, now, fact, event)
        if (knew := event.attribute("authorityoffset")) is not None:
            await store_switches.adopted(tx, now.id, int(knew))
        await desk.watch_cards(tx, now)
        if now.mandate is not None and (before is None or now.mandate != before.mandate):
            await tx.deadline(desk.END, now.mandate, tx.now + SOON)

    return take


async def _one_more(tx: Tx, rules: Rules, case: Case, fact: Any, event: Event) -> Case:
    named = getattr(fact, "handover", None)
    asked = await store.find_handover(tx.conn, named) if named is not None else None
    now = after(case, fact, Known(event.time, rules.clockwork, handover=asked))
    await tx.conn.execute(update(t.cases).where(t.cases.c.id == case.id).values(store.to_row(now)))
    if isinstance(fact, facts.HandoverRequested):
        waits = requested(fact, event.time)
        await store.add_handover(tx, waits)
        await tx.deadline(EXPIRES, waits.id, waits.expires_at)
    elif asked is not None and isinstance(fact, facts.CaseHandedOver | facts.HandoverRefused):
        if isinstance(fact, facts.CaseHandedOver):
            held = replace(asked, hold=fact.hold, held_fen=asked.needed_fen)
            decided = held.decided(saga.MOVED, event.time)
        else:
            decided = asked.decided(saga.REFUSED, event.time, fact.reason, fact.shortfall_fen)
        await store.save_handover(tx, decided)
        await tx.cancel_deadline(EXPIRES, asked.id)
    elif isinstance(fact, facts.CaseHoldRequested):
        await store_switches.await_answers(tx.conn, fact.switch, [now])
    elif isinstance(fact, facts.CaseRouted):
        await tx.cancel_deadline(desk.ROUTE, case.id)
    return now


async def _remember(tx: Tx, case: Case, fact: Any, event: Event) -> None:
    term = event.attribute("term")
    row = {
        "case_id": case.id,
        "version": event.sequence,
        "event": event.name,
        "event_id": event.id,
        "at": event.time,
        "case_term": case.case_term,
        "state": case.state,
        "org": event.attribute("org"),
        "mandate": event.attribute("mandate"),
        "term": int(term) if term is not None else None,
        "data": store.plain(asdict(fact)),
    }
    await tx.conn.execute(insert(t.history).values(row))
