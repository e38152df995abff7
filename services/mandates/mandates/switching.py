"""The switch in the database (authority §3): requested, opened when nothing overlaps, done when all have answered, or
dropped at its deadline and tried again. Every record is made under the lock of the head row.

Locks are taken in one order: mandates (by id), the switch, the head. Consumers take none of them: they note what
they heard and write a deadline row, and the step runs in a transaction of its own.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from mandates import store
from mandates import store_switches as switches
from mandates.domain import facts
from mandates.domain.activation import activated, may_activate, suspended
from mandates.domain.ending import EXPIRED, REPLACED, SLOT_TAKEN, end_by_plan, ended, give_up
from mandates.domain.mandate import ACTIVE, ENDING, SUSPENDED, Change, Mandate
from mandates.domain.switch import (
    ACTIVATION,
    CANCELLED,
    DONE,
    DROPPED,
    GIVING,
    OPEN,
    RESUMPTION,
    SUSPENSION,
    WAITING,
    begins_at,
    lease,
    may_go_on,
    moved,
    slots,
    span,
)
from mandates.domain.switch import ENDING as TO_END
from mandates.store_switches import Switch
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import LEAD, Timing
from suizhuan.unit_of_work import Tx

TRY, STEP, DEADLINE = "switch.try", "switch.step", "switch.deadline"
EMERGENCY_LIMIT = "mandate.emergency"
TRY_AGAIN = timedelta(seconds=2)


def origin(tx: Tx) -> dict[str, str | None]:
    """Where a chain of transactions comes from, to be kept in a row and taken up again by `adopt`."""
    c = tx.context
    return {"correlation_id": c.correlation_id, "causation_id": c.causation_id, "traceparent": c.traceparent}


def adopt(tx: Tx, kept: dict[str, Any]) -> None:
    """Go on in the name of what was kept by `origin`."""
    found = {name: kept[name] for name in ("correlation_id", "causation_id", "traceparent") if kept.get(name)}
    tx.context = replace(tx.context, **found)


def asked(tx: Tx, id_: str, *, why: str, affair: str, area: str, mandate: str, reason: str = "") -> Switch:
    """A switch that waits for its turn from now on."""
    lo, hi = span(area)
    return Switch(
        id=id_,
        why=why,
        affair=affair,
        area=area,
        lo=lo,
        hi=hi,
        mandate=mandate,
        reason=reason,
        state=WAITING,
        attempt=1,
        on_log=False,
        opened_sequence=None,
        requested_at=tx.now,
        opened_at=None,
        deadline_at=None,
        ended_at=None,
        why_dropped=None,
        **origin(tx),  # type: ignore[arg-type]
    )


class Switching:
    """The state machine. Each method is called inside a transaction and leaves the commit to it."""

    def __init__(self, timing: Timing, deadline: timedelta, emergency_limit: timedelta) -> None:
        self.timing = timing
        self.deadline = deadline
        self.emergency_limit = emergency_limit

    async def request(self, tx: Tx, mandate: Mandate, why: str, reason: str = "") -> str:
        """Have the mandate's slot switched; at once if nothing overlaps, else when its turn comes. The caller has
        locked the mandate. Errors: `switch_under_way` when one is under way for it already."""
        other = await switches.under_way(tx.conn, mandate.id)
        if other is not None:
            raise Refusal("switch_under_way", mandate=mandate.id, switch=other.id, why=other.why, retry_after=2)
        id_ = tx.context.event_id(f"switch:{mandate.id}", 0)
        row = asked(tx, id_, why=why, affair=mandate.affair, area=mandate.area, mandate=mandate.id, reason=reason)
        await switches.add_switch(tx.conn, row)
        await self.attempt(tx, row.id)
        return row.id

    async def attempt(self, tx: Tx, switch: str) -> None:
        """Open a waiting switch, unless another one overlaps or it is not wanted any more."""
        found = await self._taken_up(tx, switch, WAITING)
        if found is None:
            return
        row, subject, others = found
        if not await self._still_wanted(tx, row, subject, others):
            await switches.set_switch(tx.conn, row.id, state=CANCELLED, ended_at=tx.now)
            return
        await switches.lock_head(tx.conn)
        if await switches.overlapping_open(tx.conn, row) is not None:
            await tx.deadline(TRY, row.id, tx.now + TRY_AGAIN)  # also woken when the other one ends
            return
        await self._open(tx, row, subject, others)

    async def _open(self, tx: Tx, row: Switch, subject: Mandate, others: dict[str, Mandate]) -> None:
        replaced = others.get(subject.replaces or "") if row.why == ACTIVATION else None
        about = facts.SwitchOpened(
            switch=row.id,
            slots=slots(subject, replaced),
            why=row.why,
            mandates=[subject.id, *([replaced.id] if replaced else [])],
            awaited=[],
        )
        await self.announce(tx, row, about)

    async def announce(self, tx: Tx, row: Switch, about: facts.SwitchOpened) -> None:
        """The switch is open from now on: the awaited set is taken in the same transaction. The head is locked."""
        sequence = await switches.next_sequence(tx.conn)
        awaited = await switches.await_replicas(tx.conn, row.id, tx.now - lease(self.timing))
        due = tx.now + self.deadline
        await switches.set_switch(
            tx.conn, row.id, state=OPEN, opened_sequence=sequence, opened_at=tx.now, deadline_at=due
        )
        tx.emit(replace(about, awaited=awaited), key=f"{row.id}:opened", sequence=sequence, area=row.area)
        await tx.deadline(DEADLINE, row.id, due)
        if not awaited:
            await tx.deadline(STEP, row.id, tx.now)

    async def step(self, tx: Tx, switch: str) -> None:
        """Go on, if everybody has answered."""
        found = await self._taken_up(tx, switch, OPEN)
        if found is None:
            return
        row, subject, others = found
        if await self.all_answered(tx, row):
            await self._complete(tx, row, subject, others)

    async def all_answered(self, tx: Tx, row: Switch) -> bool:
        """Whether nothing is waited for any more; then the head is locked."""
        awaited = await switches.awaited(tx.conn, row.id)
        ready = not any(a.pending_cases for a in awaited) or await switches.cases_ready(tx.conn, row.id)
        if not may_go_on(awaited, cases_ready=ready):
            return False
        await switches.lock_head(tx.conn)
        if silent := switches.silent(awaited):  # waited out, they must join again: they are not known to follow
            await switches.unlist(tx.conn, silent)
        return True

    async def expire(self, tx: Tx, switch: str) -> None:
        """The deadline: done if it can be, else dropped; the intention stands, so it is tried again."""
        await self.step(tx, switch)
        found = await self._taken_up(tx, switch, OPEN)
        if found is None:
            return
        row, subject, _ = found
        await self.try_later(tx, row, tx.context.event_id(f"switch:{subject.id}", 0))

    async def try_later(self, tx: Tx, row: Switch, id_: str) -> None:
        """Dropped; asked for once more after a pause, as `id_`."""
        awaited = await switches.awaited(tx.conn, row.id)
        await switches.lock_head(tx.conn)
        await switches.unlist(tx.conn, [a.replica for a in awaited if not a.acknowledged and a.answered])
        await self.drop(tx, row, "deadline")
        pause = min(timedelta(seconds=2**row.attempt), timedelta(minutes=1))
        again = replace(
            row,
            id=id_,
            state=WAITING,
            attempt=row.attempt + 1,
            on_log=False,
            opened_sequence=None,
            requested_at=tx.now,
            opened_at=None,
            deadline_at=None,
        )
        await switches.add_switch(tx.conn, again)
        await tx.deadline(TRY, again.id, tx.now + pause)

    async def _complete(self, tx: Tx, row: Switch, subject: Mandate, others: dict[str, Mandate]) -> None:
        """One record moves everything (G3), and the mandates say what has become of them."""
        if not await self._still_wanted(tx, row, subject, others):
            await self.drop(tx, row, "no longer wanted")
            return
        successor = await switches.broader_holder(tx.conn, row.affair, row.area, tx.now)
        starts_at, old, new = tx.now, None, None
        changes: list[Change] = []
        if row.why in GIVING:
            old = await self._old(tx, subject, others)
            starts_at = begins_at(subject, old, tx.now, self.timing)
            if subject.over(starts_at):
                await self._give_up(tx, subject, EXPIRED)
                await self.drop(tx, row, EXPIRED)
                return
            if old is not None and old.holds_slot:
                changes.append(ended(old, at=tx.now, reason=REPLACED, switch=row.id))
            term = await switches.next_term(tx.conn, row.affair, row.area)
            changes.append(activated(subject, term=term, starts_at=starts_at, switch=row.id))
            new = changes[-1].mandate
            if subject.role == LEAD:
                await switches.put_in_slot(tx.conn, row.affair, row.area, subject.id)
        elif row.why == SUSPENSION:
            old = subject
            changes.append(suspended(subject, reason=row.reason, switch=row.id))
        else:
            old = subject
            changes.append(ended(subject, at=tx.now, reason=subject.reason or row.reason, switch=row.id))
            await switches.forget_slot(tx.conn, subject)
        shown = moved(subject, old, new, starts_at=starts_at, successor=successor)
        done = facts.SwitchDone(switch=row.id, slots=shown, why=row.why)
        tx.emit(done, key=f"{row.id}:done", sequence=await switches.next_sequence(tx.conn), area=row.area)
        for change in changes:
            await store.save(tx, change)
        if new is not None and new.emergency is not None and new.earmark is None:
            await tx.deadline(EMERGENCY_LIMIT, new.id, tx.now + self.emergency_limit)
        await self.close(tx, row, DONE)

    async def _old(self, tx: Tx, subject: Mandate, others: dict[str, Mandate]) -> Mandate | None:
        """Whose grant the new one follows: the lead that came into the slot last, or the assist it replaces."""
        if subject.role != LEAD:
            replaced = others.get(subject.replaces or "")
            return replaced if replaced is not None and replaced.has_powers else None
        before = await switches.in_slot(tx.conn, subject.affair, subject.area)
        return others.get(before) if before and before != subject.id else None

    async def _still_wanted(self, tx: Tx, row: Switch, subject: Mandate, others: dict[str, Mandate]) -> bool:
        """Whether the world still is as it was when the switch was asked for. What is over is ended here."""
        if (over := end_by_plan(subject, now=tx.now)) is not None:
            await store.save(tx, over)
            return False
        if row.why == SUSPENSION:
            return subject.state == ACTIVE
        if row.why == TO_END:
            return subject.state == ENDING and subject.ended_at is None
        if not may_activate(subject) or (subject.state == SUSPENDED) != (row.why == RESUMPTION):
            return False
        for other in others.values():
            if (over := end_by_plan(other, now=tx.now)) is not None:
                # Mandates was down when its time was over, or its row is due in this very moment.
                others[other.id] = await store.save(tx, over)
        if subject.role == LEAD and any(
            o.holds_slot and o.id != subject.replaces and (o.affair, o.area) == (subject.affair, subject.area)
            for o in others.values()
        ):
            await self._give_up(tx, subject, SLOT_TAKEN)
            return False
        return True

    async def _give_up(self, tx: Tx, subject: Mandate, why: str) -> None:
        change = give_up(subject, why=why, now=tx.now)
        if change is not None:
            await store.save(tx, change)

    async def _taken_up(self, tx: Tx, switch: str, state: str) -> tuple[Switch, Mandate, dict[str, Mandate]] | None:
        """The switch in that state, with its mandates, all locked; None when it has moved on."""
        row = await switches.switch(tx.conn, switch)
        if row is None or row.state != state:
            return None
        subject = await store.mandate(tx.conn, row.mandate)
        ids = {subject.id}
        if row.why == ACTIVATION:
            before = await switches.in_slot(tx.conn, subject.affair, subject.area) if subject.role == LEAD else None
            ids |= {i for i in (subject.replaces, before) if i}
        locked = await store.lock_mandates(tx.conn, ids)
        row = await switches.switch(tx.conn, switch, lock=True)
        if row is None or row.state != state:
            return None
        adopt(tx, asdict(row))
        return row, locked.pop(subject.id), locked

    async def drop(self, tx: Tx, row: Switch, why: str) -> None:
        """Given up: what it had set yielding is lifted."""
        await switches.lock_head(tx.conn)
        sequence = await switches.next_sequence(tx.conn)
        tx.emit(facts.SwitchDropped(switch=row.id, why=why), key=f"{row.id}:dropped", sequence=sequence, area=row.area)
        await self.close(tx, row, DROPPED, why)

    async def close(self, tx: Tx, row: Switch, state: str, why: str | None = None) -> None:
        """The place is free: those that wait for it may try."""
        await switches.set_switch(tx.conn, row.id, state=state, ended_at=tx.now, why_dropped=why)
        took = (tx.now - (row.opened_at or tx.now)).total_seconds()
        tx.measure(lambda metrics: metrics.switch_seconds.labels(outcome=state).observe(took))
        await tx.cancel_deadline(DEADLINE, row.id)
        for other in await switches.waiting(tx.conn, row.affair):
            await tx.deadline(TRY, other, tx.now)
