"""Planned ends (authority §3): no message comes, so a row asks for the holds ahead, and moves the cases afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from complaints import desk, store, store_switches
from complaints.domain import handover as saga
from complaints.domain.case import HANDLE, ROOT, Case
from complaints.domain.intake import route_case
from complaints.domain.repointing import PLANNED_END, ask_hold, end_ref, repoint
from complaints.handovers import STALE, Handovers
from complaints.rules import Rules
from complaints.store_switches import HELD, LATE, REFUSED, WAITING
from complaints.switches import Changes
from suizhuan.authority import grants as granted
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from suizhuan.unit_of_work import Authority, Tx

BATCH = 200
LOOK_AGAIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class PlannedEnds:
    """One row for each grant with an end that holds open cases."""

    rules: Rules
    handovers: Handovers

    async def due(self, tx: Tx, mandate: str, data: dict[str, Any]) -> None:
        """Ask, or move. A grant that a switch has taken away meanwhile needs neither."""
        grant = await granted.by_mandate(tx.conn, mandate)
        if grant is None or not grant.live or grant.ends_at is None:
            return
        ahead = grant.ends_at - self.rules.end_lead
        after = grant.ends_at + self.rules.timing.handover_gap
        if tx.now < ahead:
            await tx.deadline(desk.END, mandate, ahead)
        elif tx.now < after:
            await self._ask(tx, grant, str(data.get("after", "")))
        else:
            await self._move(tx, grant)

    async def _ask(self, tx: Tx, grant: Grant, after: str) -> None:
        """Have the prices held from the ending mandate's earmark while it still stands."""
        ref, end = end_ref(grant.mandate, grant.term), grant.ends_at or tx.now
        moves_at = end + self.rules.timing.handover_gap
        page = await store_switches.lock_cases_under(tx.conn, grant.mandate, after=after, limit=BATCH)
        asked = await store_switches.all_prepared(tx.conn, ref)
        free = [c for c in page if c.handover is None and c.switch is None and c.id not in asked]
        if free and tx.now < end:
            owner = await store.owner_of(tx.conn, grant.affair, grant.holder)
            changes: Changes = [(ask_hold(c, ref, owner), Authority.of(grant), grant.holder) for c in free]
            await store.save_all(tx, changes)
            await store_switches.await_answers(tx.conn, ref, free)
        if len(page) == BATCH:
            await tx.deadline(desk.END, grant.mandate, tx.now, after=page[-1].id)
            return
        # A case whose handover waits may yet stay: look once more before the end.
        moving = any(c.handover for c in page)
        again = tx.now + max(self.rules.end_lead / 4, LOOK_AGAIN)
        await tx.deadline(desk.END, grant.mandate, again if moving and again < end else moves_at)

    async def _move(self, tx: Tx, grant: Grant) -> None:
        """The end has come, and every act under it is over: the cases go to whom routing says now.

        A stale replica raises, so the row stays and is tried again; who is in a switch waits for it."""
        ref = end_ref(grant.mandate, grant.term)
        page = await store_switches.lock_cases_under(tx.conn, grant.mandate, after="", limit=BATCH)
        rows = await store_switches.all_prepared(tx.conn, ref)
        changes: Changes = []
        used: dict[str, Grant] = {}
        done = 0
        for listed in page:
            case, row = listed, rows.get(listed.id)
            found = await self._target(tx, case, refused=row is not None and row.state == REFUSED)
            if found is None:
                continue
            target, taken = found
            waiting = await self.handovers.call_off(tx, case, saga.GIVER)
            if waiting is not None:
                refused = saga.refuse(case, waiting, saga.GIVER)
                changes.append((refused, desk.authority_of(case), case.responsible))
                case = refused.case
            hold = row.hold if row is not None and row.state == HELD else None
            hold = hold if hold in {h.hold for h in case.holds} else None
            moved = repoint(case, target, cause=PLANNED_END, switch=None, hold=hold, taken=taken, now=tx.now)
            changes.append((moved, Authority.of(target), target.holder))
            if row is not None and row.state == WAITING and row.case_term == listed.case_term:
                await store_switches.set_state(tx.conn, ref, listed.id, LATE)
            done += 1
            used[target.mandate] = target
        await store.save_all(tx, changes)
        for target in used.values():
            await desk.watch_end(tx, self.rules, target)
        if done < len(page):
            await tx.deadline(desk.END, grant.mandate, tx.now + LOOK_AGAIN)
        elif len(page) == BATCH:
            await tx.deadline(desk.END, grant.mandate, tx.now)
        else:
            await store_switches.forget(tx, ref)

    async def _target(self, tx: Tx, case: Case, *, refused: bool) -> tuple[Grant, bool] | None:
        """(who takes the case, whether as owner of the whole), locked and checked like an act; None: not now.

        Errors: `replica_stale`, `clock_off`."""
        if case.switch is not None and not case.switch.startswith("end:"):
            return None  # its switch moves it
        covering = await granted.covering(tx.conn, case.affair, case.area)
        target = route_case(covering, case.affair, case.area, tx.now)
        root = next((g for g in covering if g.mandate == ROOT + case.affair), None)
        if refused and root is not None:
            target = root
        if target is None:
            return None
        taken = refused and target.yields(case.area, tx.now, tx.timing.handover_gap) is not None
        try:
            return await tx.act_locked(target, HANDLE, target.area if taken else case.area), taken
        except Refusal as refusal:
            if refusal.code in STALE:
                raise
            return None
