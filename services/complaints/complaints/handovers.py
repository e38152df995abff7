"""The handover saga (authority §4): requested → held → moved or refused, decided here alone, by rows that survive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from complaints import desk, store
from complaints.domain import handover as saga
from complaints.domain.case import HANDLE, ROOT, Case, Change, Hold, Movement, answers_for
from complaints.domain.handover import Handover
from complaints.domain.intake import route_case
from complaints.domain.repointing import RETURNED, repoint
from complaints.domain.returning import give_back, undoable
from complaints.rules import Rules
from complaints.tables import organisations
from suizhuan.authority import grants as granted
from suizhuan.commands import Command
from suizhuan.context import new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import LEAD, Grant, check_beat
from suizhuan.unit_of_work import Authority, Tx

EXPIRES, RETRY = "handover.expires", "handover.retry"
STALE = frozenset({"replica_stale", "clock_off"})
LONGEST_PAUSE_S = 15


def own_grant(grants: Iterable[Grant], org: str, place: str, tx: Tx) -> Grant | None:
    """The grant by which `org` could take a case at `place`: the narrowest of its own that does not yield there."""
    able = [
        g
        for g in grants
        if g.holder == org
        and HANDLE in g.powers
        and g.in_time(tx.now)
        and g.yields(place, tx.now, tx.timing.handover_gap) is None
    ]
    return max(able, key=lambda g: (len(g.area), g.role == LEAD, g.term), default=None)


@dataclass(frozen=True, slots=True)
class Handovers:
    """Requests, answers of finance, deadlines and returns."""

    rules: Rules

    async def request(
        self, tx: Tx, command: Command, case_id: str, to: str, affair: str | None, case_term: int | None
    ) -> tuple[Case, Handover]:
        """The responsible organisation asks; nothing has moved yet.

        Errors: those of acting, `unknown_organisation`, `receiver_without_power`, `movement_under_way`, …"""
        org = desk.staff(command)
        case = await desk.take(tx, command, case_id, case_term)
        grant = await desk.act_as_responsible(tx, case, org)
        if not await organisations.known(tx.conn, to):
            raise Refusal("unknown_organisation", org=to)
        receiver = await self._receiver(tx, case, to, affair or case.affair)
        price = self.rules.price(receiver.affair, await store.price_of(tx.conn, receiver.affair))
        change, made = saga.request(
            case,
            handover=new_id(),
            receiver=receiver,
            price_fen=price,
            now=tx.now,
            expires_at=tx.now + self.rules.handover_wait,
        )
        await store.add_handover(tx, made)
        await tx.deadline(EXPIRES, made.id, made.expires_at)
        return await desk.save(tx, change, grant), made

    async def _receiver(self, tx: Tx, case: Case, to: str, affair: str) -> Grant:
        """The receiver's grant, locked and checked like an act, so that a hopeless request asks finance for nothing."""
        giver, _, _ = answers_for(case)
        covering = await tx.covering(affair, case.area)
        if not covering:
            raise Refusal("unknown_affair", affair=affair)
        if to == giver:
            raise Refusal("handover_to_self", org=giver)
        found = own_grant(covering, to, case.area, tx)
        no = Refusal(
            "receiver_without_power",
            receiver=to,
            giver=giver,
            affair=affair,
            area=case.area,
            power=HANDLE,
            owner=await store.owner_of(tx.conn, affair, giver),
        )
        if found is None:
            raise no
        try:
            return await tx.act_locked(found, HANDLE, case.area)
        except Refusal as refusal:
            if refusal.code in STALE:
                raise
            raise no from None

    async def held(self, tx: Tx, handover: str, case_id: str, case_term: int, hold: str, amount_fen: int) -> None:
        """Finance holds the money. It counts only while the case waits for this very handover at this case_term;
        else it was refused already, and finance releases what it holds for a refused handover."""
        case, waiting = await self._take(tx, case_id, handover)
        if case is None or waiting is None or not waiting.counts_for(case) or case_term != case.case_term:
            return
        if amount_fen < waiting.needed_fen:
            await self._refuse(tx, case, waiting, saga.SHORTFALL, waiting.needed_fen - amount_fen)
            return
        await self._decide(tx, case, replace(waiting, hold=hold, held_fen=amount_fen), attempt=0)

    async def short(self, tx: Tx, handover: str, case_id: str, case_term: int, shortfall_fen: int) -> None:
        """Finance could not hold it: no money, no move."""
        case, waiting = await self._take(tx, case_id, handover)
        if case is not None and waiting is not None and waiting.counts_for(case) and case_term == case.case_term:
            await self._refuse(tx, case, waiting, saga.SHORTFALL, shortfall_fen)

    async def expire(self, tx: Tx, handover: str, data: dict[str, Any]) -> None:
        """The deadline row: whatever finance will say later, this handover has failed."""
        case, waiting = await self._take_by_id(tx, handover)
        if case is not None and waiting is not None and waiting.counts_for(case):
            await self._refuse(tx, case, waiting, saga.EXPIRED)

    async def retry(self, tx: Tx, handover: str, data: dict[str, Any]) -> None:
        """The money is held, but our copy of the grants was stale: look again."""
        case, waiting = await self._take_by_id(tx, handover)
        if case is not None and waiting is not None and waiting.counts_for(case) and waiting.hold is not None:
            await self._decide(tx, case, waiting, attempt=int(data.get("attempt", 0)))

    async def call_off(self, tx: Tx, case: Case, reason: str) -> Handover | None:
        """Note that the case's waiting handover is refused, by whoever emits the fact; None when none waits."""
        if case.handover is None:
            return None
        waiting = await store.find_handover(tx.conn, case.handover)
        if waiting is not None:
            await self.note_refused(tx, waiting, reason)
        return waiting

    async def note_refused(self, tx: Tx, waiting: Handover, reason: str, shortfall_fen: int = 0) -> None:
        await store.save_handover(tx, waiting.decided(saga.REFUSED, tx.now, reason, shortfall_fen))
        self._took(tx, waiting, saga.REFUSED)
        await tx.cancel_deadline(EXPIRES, waiting.id)
        await tx.cancel_deadline(RETRY, waiting.id)

    async def _take(self, tx: Tx, case_id: str, handover: str) -> tuple[Case | None, Handover | None]:
        case = await store.lock_case(tx.conn, case_id)
        found = await store.find_handover(tx.conn, handover)
        return case, found if found is not None and found.case == case_id else None

    async def _take_by_id(self, tx: Tx, handover: str) -> tuple[Case | None, Handover | None]:
        found = await store.find_handover(tx.conn, handover)
        return await self._take(tx, found.case, handover) if found is not None else (None, None)

    async def _decide(self, tx: Tx, case: Case, waiting: Handover, *, attempt: int) -> None:
        if tx.now >= waiting.expires_at:
            await self._refuse(tx, case, waiting, saga.EXPIRED)
            return
        try:
            replica, beat = await tx.newest_beat()
            check_beat(beat, replica, tx.now, tx.timing)
            giver = await granted.by_mandate(tx.conn, case.mandate or "", lock=True)
            if giver is None or giver.term != case.term or not giver.in_time(tx.now):
                await self._refuse(tx, case, waiting, saga.GIVER)
                return
            covering = await tx.covering(waiting.affair, case.area)
            found = own_grant(covering, waiting.receiver, case.area, tx)
            receiver = await tx.act_locked(found, HANDLE, case.area) if found else None
        except Refusal as refusal:
            if refusal.code in STALE:
                await self._wait(tx, waiting, attempt)
                return
            receiver = None
        if receiver is None:
            await self._refuse(tx, case, waiting, saga.RECEIVER)
        else:
            await self._move(tx, case, waiting, receiver)

    async def _wait(self, tx: Tx, waiting: Handover, attempt: int) -> None:
        """A stale replica decides nothing: the handover waits for it, at most until its deadline."""
        await store.save_handover(tx, waiting)
        pause = timedelta(seconds=min(2**attempt, LONGEST_PAUSE_S))
        await tx.deadline(RETRY, waiting.id, min(tx.now + pause, waiting.expires_at), attempt=attempt + 1)

    async def _move(self, tx: Tx, case: Case, waiting: Handover, receiver: Grant) -> None:
        hold = Hold(waiting.hold or "", waiting.id, waiting.held_fen or 0)
        change = saga.move(case, waiting, receiver, hold, tx.now)
        async with tx.at_once():
            moved = await desk.save(tx, change, receiver, org=receiver.holder)
            await store.save_handover(tx, waiting.decided(saga.MOVED, tx.now))
            await tx.cancel_deadline(EXPIRES, waiting.id)
            await tx.cancel_deadline(RETRY, waiting.id)
            await desk.watch_cards(tx, moved)
            await desk.watch_end(tx, self.rules, receiver)
        self._took(tx, waiting, saga.MOVED)

    def _took(self, tx: Tx, waiting: Handover, outcome: str) -> None:
        took = (tx.now - waiting.requested_at).total_seconds()
        tx.measure(lambda metrics: metrics.handover_seconds.labels(outcome=outcome).observe(took))

    async def _refuse(self, tx: Tx, case: Case, waiting: Handover, reason: str, shortfall_fen: int = 0) -> None:
        change = saga.refuse(case, waiting, reason, shortfall_fen)
        await store.save(tx, change, desk.authority_of(case), org=waiting.giver)
        await self.note_refused(tx, waiting, reason, shortfall_fen)

    async def give_back(self, tx: Tx, command: Command, case_id: str, case_term: int | None) -> Case:
        """The responsible organisation returns a case that was wrongly dispatched to it. Errors: those of acting,
        `nothing_to_return`, `return_too_late`, …"""
        org = desk.staff(command)
        case = await desk.take(tx, command, case_id, case_term)
        acting = await desk.act_as_responsible(tx, case, org)
        limit = self.rules.profile.limits.return_wrong_dispatch
        movement = undoable(case, limit, tx.now, self.rules.clockwork)
        if movement is None:
            returned, back = await self._to_owner(tx, case)
        else:
            returned, back = await self._to_giver(tx, case, movement)
        after = await store.save(tx, returned, Authority.of(acting), org=org)
        await desk.watch_cards(tx, after)
        await desk.watch_end(tx, self.rules, back)
        return after

    async def _to_giver(self, tx: Tx, case: Case, movement: Movement) -> tuple[Change, Grant]:
        """To the giver; where it has lost the grant to the slot's holder; where that is who returns it to the owner.
        The grant is locked and checked like an act."""
        covering = await tx.covering(movement.affair, case.area)
        giver = own_grant([g for g in covering if g.mandate == movement.mandate], movement.giver, case.area, tx)
        giver = giver or own_grant(covering, movement.giver, case.area, tx)
        slot = route_case(covering, movement.affair, case.area, tx.now)
        root = _root(covering, movement.affair)
        gave_as_owner = root is not None and root.holder == movement.giver
        if giver is None and (gave_as_owner or slot is None or slot.holder == case.responsible):
            owner = await _act_as_owner(tx, root, movement.affair)
            return give_back(case, owner, movement.price_fen, tx.now, taken=True), owner
        back = giver or slot
        assert back is not None
        back = await tx.act_locked(back, HANDLE, case.area, holder=back.holder)
        return give_back(case, back, movement.price_fen, tx.now), back

    async def _to_owner(self, tx: Tx, case: Case) -> tuple[Change, Grant]:
        """Nobody gave it: routing did. It goes to the affair's owner, who has placed the affair and can send it on."""
        root = _root(await tx.covering(case.affair, case.area), case.affair)
        owner = await _act_as_owner(tx, root, case.affair)
        return repoint(case, owner, cause=RETURNED, switch=None, hold=None, taken=True, now=tx.now), owner


def _root(covering: Iterable[Grant], affair: str) -> Grant | None:
    return next((g for g in covering if g.mandate == ROOT + affair), None)


async def _act_as_owner(tx: Tx, root: Grant | None, affair: str) -> Grant:
    """The root's grant, locked and checked. The slot is another's, so the owner acts as owner of the whole area."""
    if root is None:
        raise Refusal("unknown_affair", affair=affair)
    return await tx.act_locked(root, HANDLE, root.area, holder=root.holder)
