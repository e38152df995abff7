"""Cases of slots that switch (authority §4). Every method runs in the transaction that applies the record.

No act is checked here: the record itself says who holds the slot, and the grants are locked by who applies it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from complaints import desk, store, store_switches
from complaints.domain import handover as saga
from complaints.domain.case import MOVABLE, ROOT, Case, Change, Hold
from complaints.domain.intake import route_case
from complaints.domain.repointing import SWITCH, ask_hold, drop_holds, keep_hold, rekey, repoint
from complaints.handovers import Handovers
from complaints.rekeying import Keepers, lock_concerned
from complaints.rules import Rules
from complaints.store_switches import GONE, HELD, LATE, REFUSED, WAITING, Prepared, Slot
from suizhuan.authority import grants as granted
from suizhuan.authority.records import DoneView, DroppedView, MovedSlotView, OpenedView, SlotView
from suizhuan.kernel.term import LEAD, Grant
from suizhuan.unit_of_work import Authority, Tx

Changes = list[tuple[Change, Authority | None, str | None]]


@dataclass(frozen=True, slots=True)
class Switches:
    """The hooks of the replica, and finance's answers to what they asked."""

    rules: Rules
    handovers: Handovers

    async def on_opened(self, tx: Tx, opened: OpenedView) -> bool:
        """Ask for the money of every open case in the slots; True when there are any."""
        slots = [Slot(s.affair, s.area, await self._yielding(tx, s)) for s in opened.slots]
        cases = await store_switches.lock_cases_in(tx.conn, slots)
        if opened.rekeys:
            cases = await Keepers(tx, opened.table).moving(cases)
        if not cases:
            return False
        owners = {a: await store.owner_of(tx.conn, a, "") for a in {c.affair for c in cases}}
        waiting = await store.handovers_of(tx.conn, [c.id for c in cases if c.handover])
        changes: Changes = []
        for case in cases:
            change = Change(case)
            if (movement := waiting.get(case.id)) is not None:
                change = saga.refuse(case, movement, saga.SWITCH)
                await self.handovers.note_refused(tx, movement, saga.SWITCH)
            if case.switch is not None:  # a planned end had asked and not heard yet
                await desk.answered(tx, case.switch, case.id, GONE, None)
            asked = ask_hold(change.case, opened.switch, owners[case.affair] or case.responsible or "")
            changes.append((change.then(asked), desk.authority_of(case), case.responsible))
        await store.save_all(tx, changes)
        await store_switches.await_answers(tx.conn, opened.switch, cases)
        return True

    async def _yielding(self, tx: Tx, slot: SlotView) -> frozenset[str]:
        if slot.role != LEAD:
            return frozenset({slot.mandate} if slot.mandate else ())
        return await store_switches.lead_mandates(tx.conn, slot.affair, slot.area)

    async def answered(self, tx: Tx, ref: str, case_id: str, case_term: int, hold: str | None, amount_fen: int) -> None:
        """Finance's answer for one case: `hold`, or None when nobody's money could be held."""
        case = await store.find_case(tx.conn, case_id, lock=True)
        if case is None:
            return
        row = await store_switches.prepared(tx.conn, ref, case_id)
        if row is not None and row.state == LATE and row.case_term == case_term:
            await self._late(tx, ref, case, row, hold, amount_fen)
            return
        waits = row is not None and row.state == WAITING and row.case_term == case_term == case.case_term
        if not waits or case.switch != ref:
            if hold is not None and case.state in MOVABLE and hold not in {h.hold for h in case.holds}:
                await store.save(tx, drop_holds(case, ref, [hold]), desk.authority_of(case), org=case.responsible)
            return
        ended = ref.startswith("end:")
        change = keep_hold(case, Hold(hold, ref, amount_fen)) if hold is not None else Change(case)
        if ended:  # until the end has come other movements may go on, and take the hold along
            change = change.then(change.case.after(switch=None))
        await store.save(tx, change, desk.authority_of(case))
        kept = hold if amount_fen > 0 else None
        await desk.answered(tx, ref, case_id, REFUSED if hold is None else HELD, kept)

    async def _late(self, tx: Tx, ref: str, case: Case, row: Prepared, hold: str | None, amount_fen: int) -> None:
        """A planned end did not wait for this answer. The money goes where the case went, if it is still there and
        not done with; else it is free again."""
        await store_switches.forget_case(tx.conn, ref, case.id)
        if hold is None or case.state not in MOVABLE:
            return
        follows = case.case_term == row.case_term + 1
        change = keep_hold(case, Hold(hold, ref, amount_fen)) if follows else drop_holds(case, ref, [hold])
        await store.save(tx, change, desk.authority_of(case), org=case.responsible)

    async def on_done(self, tx: Tx, done: DoneView) -> None:
        """The slots have moved: their cases follow to whom routing says now."""
        rows = await store_switches.all_prepared(tx.conn, done.switch)
        slots = [Slot(s.affair, s.area, await self._left(tx, s)) for s in done.slots]
        if done.rekeys:
            cases = await lock_concerned(tx, done, slots)
        else:
            cases = await store_switches.lock_cases_in(tx.conn, slots)
        targets = _Targets(tx, done.slots)
        keepers = Keepers(tx) if done.rekeys else None
        changes: Changes = []
        for case in cases:
            if keepers is not None and (own := await keepers.keeper(case)) is not None:
                if own.term != case.term:
                    kept = rekey(case, own, switch=done.switch)
                    changes.append((kept, Authority.of(own), own.holder))
                continue
            row = rows.get(case.id)
            refused = row is not None and row.state == REFUSED
            target = await targets.owner(case) if refused else None
            taken = target is not None and targets.yields(target, case)
            target = target or await targets.of(case)
            if target is None:
                continue
            hold = row.hold if row is not None and row.state == HELD else None
            changes.append(self._follow(tx, case, target, done.switch, hold, taken))
        moved = {change.case.id for change, _, _ in changes}
        left = await store_switches.lock_cases(tx.conn, [c for c in rows if c not in moved])
        changes += [(c.after(switch=None), None, None) for c in left if c.switch == done.switch]
        await store.save_all(tx, changes)
        if rows:
            await store_switches.forget(tx, done.switch)
        for grant in targets.used:
            await desk.watch_end(tx, self.rules, grant)

    def _follow(
        self, tx: Tx, case: Case, target: Grant, switch: str, hold: str | None, taken: bool
    ) -> tuple[Change, Authority | None, str | None]:
        if (case.mandate, case.term) == (target.mandate, target.term):
            stays = case.after(switch=None if case.switch == switch else case.switch, taken=taken)
            return stays, Authority.of(target), target.holder
        change = repoint(case, target, cause=SWITCH, switch=switch, hold=hold, taken=taken, now=tx.now)
        return change, Authority.of(target), target.holder

    async def _left(self, tx: Tx, slot: MovedSlotView) -> frozenset[str]:
        """The mandates whose cases in the slot may have to follow."""
        old = {slot.old.mandate} if slot.old is not None else set()
        if slot.role != LEAD:
            return frozenset(old)
        return frozenset(old | await store_switches.lead_mandates(tx.conn, slot.affair, slot.area))

    async def on_dropped(self, tx: Tx, dropped: DroppedView) -> None:
        """Nothing moves: the cases stay, and what is held for the switch is released."""
        rows = await store_switches.all_prepared(tx.conn, dropped.switch)
        changes: Changes = []
        for case in await store_switches.lock_cases(tx.conn, rows):
            row = rows[case.id]
            if case.switch != dropped.switch or row.state == GONE:
                continue
            if row.state == REFUSED:
                change = case.after(switch=None)
            else:
                change = drop_holds(case, dropped.switch, [row.hold] if row.hold else [])
            changes.append((change, desk.authority_of(case), case.responsible))
        await store.save_all(tx, changes)
        if rows:
            await store_switches.forget(tx, dropped.switch)


@dataclass(slots=True)
class _Targets:
    """Whom routing says now, asked once for each place."""

    tx: Tx
    slots: Iterable[MovedSlotView]
    known: dict[tuple[str, str], list[Grant]] = field(default_factory=dict)
    roots: dict[str, Grant | None] = field(default_factory=dict)
    used: list[Grant] = field(default_factory=list)

    async def of(self, case: Case) -> Grant | None:
        """The lead grant that the case belongs to; for a case of an assist slot that was handed on, the new one."""
        place = (case.affair, case.area)
        if place not in self.known:
            self.known[place] = await granted.covering(self.tx.conn, *place)
        target = None
        for slot in self.slots:
            if slot.role != LEAD and slot.old is not None and slot.new is not None and slot.old.mandate == case.mandate:
                target = next((g for g in self.known[place] if g.mandate == slot.new.mandate), None)
        return self._use(target or route_case(self.known[place], case.affair, case.area, self.tx.now))

    async def owner(self, case: Case) -> Grant | None:
        """The root of the affair, whose owner takes the case itself."""
        if case.affair not in self.roots:
            root = await granted.by_mandate(self.tx.conn, ROOT + case.affair)
            self.roots[case.affair] = root if root is not None and root.live else None
        return self._use(self.roots[case.affair])

    def yields(self, grant: Grant, case: Case) -> bool:
        return grant.yields(case.area, self.tx.now, self.tx.timing.handover_gap) is not None

    def _use(self, grant: Grant | None) -> Grant | None:
        if grant is not None and grant not in self.used:
            self.used.append(grant)
        return grant
