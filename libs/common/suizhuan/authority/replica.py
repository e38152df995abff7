"""A service's replica of the grants: applies the authority log, in order, in the service's own database.

Promise: who holds a beat has applied every record before it; an acknowledgement leaves in the transaction that
applied the opening, after every act in flight under the grants concerned has ended; a record that cannot be
applied stops the replica.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Column, bindparam, delete, insert, select, update

from suizhuan import areas
from suizhuan.authority import records
from suizhuan.authority.changes import Changes
from suizhuan.authority.records import (
    BeatView,
    DoneView,
    DroppedView,
    HoldingView,
    MovedSlotView,
    OpenedView,
    SlotView,
)
from suizhuan.cloudevents import Event
from suizhuan.db.database import Database
from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.db.tables import authority_state, open_switch
from suizhuan.kernel.term import LEAD, Grant, Yielding
from suizhuan.unit_of_work import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaJoined:
    """A service's replica of the grants asks to be named by the beats."""

    replica: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaAcknowledged:
    """A replica has applied the opening of a switch: nothing moves there any more under the old grants.

    `pending_cases` is true when the service still has cases to prepare (authority §4)."""

    replica: str
    service: str
    switch: str
    opened_sequence: int
    pending_cases: bool


# Called in the transaction that applies an opening; True: this service still prepares cases for the switch.
OnOpened = Callable[[Tx, OpenedView], Awaitable[bool]]
OnDone = Callable[[Tx, DoneView], Awaitable[None]]
OnDropped = Callable[[Tx, DroppedView], Awaitable[None]]

FIRST = upsert(authority_state, "id", set_=())
_S = authority_state.c
_STATE = Query(select(_S.replica, _S.sequence, _S.joined_at).where(_S.id == 1).with_for_update())
_APPLIED = (
    update(authority_state)
    .where(_S.id == 1)
    .values({_S.sequence: bindparam("b_sequence"), _S.offset: bindparam("b_offset")})
)
_BEATEN = _APPLIED.values(
    {name: bindparam(f"b_{name}") for name in ("beat_at", "beat_replicas", "replica", "joined_at")}
)
_OPENED = insert(open_switch)
_SLOTS = Query(select(open_switch.c.slots).where(open_switch.c.switch == bindparam("b_switch")))
_LIFTED = delete(open_switch).where(open_switch.c.switch == bindparam("b_switch"))
REJOIN_AFTER = timedelta(seconds=5)
SETTLED_AFTER = 2  # A


class State(NamedTuple):
    """How far this replica is, and since when it has asked to be named as `replica`."""

    replica: str
    sequence: int
    joined_at: datetime | None


class Replica:
    """Applies records. The hooks run in the same transaction, after the grants have changed; and where areas get other
    codes, after the columns in `placed` have followed."""

    def __init__(self, service: str, database: Database) -> None:
        self.service = service
        self.database = database
        self.on_opened: OnOpened | None = None
        self.on_done: OnDone | None = None
        self.on_rekeying: OnDone | None = None  # before the columns in `placed` follow
        self.on_dropped: OnDropped | None = None
        self.placed: Sequence[Column[Any]] = ()  # of this service's tables: columns that hold codes of areas

    async def apply(self, tx: Tx, event: Event) -> None:
        """Apply one record; one whose sequence is not above the last is ignored. Errors stop the replica."""
        state = await self._state(tx)
        if event.sequence <= state.sequence:
            return  # a late duplicate of a beat must not make an old beat new
        place = {"b_sequence": event.sequence, "b_offset": event.offset}
        if event.name == records.BEAT:
            await tx.write(_BEATEN, place | await self._beat(tx, state, BeatView.model_validate(event.data)))
            return
        changes = Changes(tx, event.sequence)
        changes.beside(_APPLIED, **place)
        if event.name == records.OPENED:
            await self._opened(tx, changes, state, OpenedView.model_validate(event.data))
        elif event.name == records.DONE:
            await self._done(tx, changes, DoneView.model_validate(event.data))
        elif event.name == records.DROPPED:
            await self._dropped(tx, changes, DroppedView.model_validate(event.data))
        else:
            raise ValueError(f"an unknown record on the authority log: {event.type}")

    async def _state(self, tx: Tx) -> State:
        row = await _STATE.first(tx.conn)
        if row is None:
            # Two workers of a new service may be here at once, with the same first record: one waits for the other.
            await tx.write(FIRST, {"id": 1, "replica": "", "sequence": 0, "offset": -1, "beat_replicas": []})
            (row,) = await _STATE.all(tx.conn)
        return State(*row)

    async def _beat(self, tx: Tx, state: State, beat: BeatView) -> dict[str, Any]:
        me = f"{self.service}:{await self.database.incarnation(tx.conn)}"
        values: dict[str, Any] = {
            "b_beat_at": beat.sent_at,
            "b_beat_replicas": beat.replicas,
            "b_replica": me,
            "b_joined_at": state.joined_at,
        }
        asked_lately = state.replica == me and state.joined_at and tx.now - state.joined_at < REJOIN_AFTER
        if me not in beat.replicas and not asked_lately:
            tx.emit(ReplicaJoined(replica=me, service=self.service), key=me, sequence=0)
            values["b_joined_at"] = tx.now
        return values

    async def _opened(self, tx: Tx, changes: Changes, state: State, opened: OpenedView) -> None:
        for slot in opened.slots:
            for grant in await self._yielding_to(changes, slot):
                changes.yielding(grant, (*grant.yielding, Yielding(slot.area, switch=opened.switch)))
        slots = [slot.model_dump(exclude_none=True) for slot in opened.slots]
        changes.beside(_OPENED, switch=opened.switch, slots=slots)
        await changes.write()
        pending = await self.on_opened(tx, opened) if self.on_opened else False
        tx.emit(
            ReplicaAcknowledged(
                replica=state.replica,
                service=self.service,
                switch=opened.switch,
                opened_sequence=changes.sequence,
                pending_cases=pending,
            ),
            key=state.replica or self.service,
            sequence=changes.sequence,
        )

    async def _done(self, tx: Tx, changes: Changes, done: DoneView) -> None:
        for slot in done.slots:
            names = [holding.mandate for holding in (slot.old, slot.new) if holding is not None]
            await changes.lock(slot.affair, slot.area if slot.role == LEAD else None, *names)
        await self._lift(tx, changes, done.switch)
        for slot in done.slots:
            if slot.old is not None:
                _end(changes, slot.old.mandate)
            if slot.new is not None:
                await _begin(changes, slot, slot.new)
                await self._never_again(tx, changes, slot, slot.new)
        if done.rekeys:
            changes.give_up(done.table.retired)
        await changes.write()
        if done.rekeys:
            await self._rekey(tx, changes, done)
        if self.on_done:
            await self.on_done(tx, done)

    async def _never_again(self, tx: Tx, changes: Changes, slot: MovedSlotView, new: HoldingView) -> None:
        """A new grant knows the codes in its area that were given up: a broader lead says it, else our table does."""
        broader = _broader(changes, slot.affair, slot.area) if slot.role == LEAD else []
        if broader:
            gone = [y for y in broader[0].yielding if y.to and y.prefix.startswith(slot.area)]
        else:
            gone = [Yielding(old, to=now) for old, now in (await tx.codes()).inside(slot.area)]
        grant = changes.grant(new.mandate)
        if gone and grant is not None:
            changes.yielding(grant, (*grant.yielding, *gone))

    async def _rekey(self, tx: Tx, changes: Changes, done: DoneView) -> None:
        """The same act: grants and rows have the new codes, or neither has."""
        table = done.table
        if self.on_rekeying:
            await self.on_rekeying(tx, done)
        await areas.note(tx.conn, done.switch, table, changes.sequence)
        tx.forget_codes()
        await areas.follow(tx.conn, self.placed, table.retired)
        if self.placed and table.retired:
            # By then whatever command was under way has committed, or cannot any more; a handler may work for longer.
            await tx.deadline(areas.SETTLE, done.switch, tx.now + SETTLED_AFTER * tx.timing.max_act)
            await tx.deadline(areas.SETTLE, f"{done.switch}:again", tx.now + tx.timing.lease)

    async def _dropped(self, tx: Tx, changes: Changes, dropped: DroppedView) -> None:
        await self._lift(tx, changes, dropped.switch)
        await changes.write()
        if self.on_dropped:
            await self.on_dropped(tx, dropped)

    async def _lift(self, tx: Tx, changes: Changes, switch: str) -> None:
        """End a switch here: lift only what this switch had set yielding."""
        for (slots,) in await _SLOTS.all(tx.conn, b_switch=switch):
            for raw in slots:
                for grant in await self._yielding_to(changes, SlotView.model_validate(raw)):
                    changes.yielding(grant, [y for y in grant.yielding if y.switch != switch])
            changes.beside(_LIFTED, b_switch=switch)

    async def _yielding_to(self, changes: Changes, slot: SlotView) -> list[Grant]:
        """The grants whose holders must hold still while the slot moves, locked against acts."""
        if slot.role == LEAD:
            await changes.lock(slot.affair, slot.area)
            return changes.over(slot.affair, slot.area)
        await changes.lock(slot.affair, None, slot.mandate)
        grant = changes.grant(slot.mandate or "")
        concerned = grant is not None and grant.live and (grant.affair, grant.role) == (slot.affair, slot.role)
        return [grant] if grant is not None and concerned else []


def _end(changes: Changes, mandate: str) -> None:
    grant = changes.grant(mandate)
    if grant is None:
        return
    changes.end(grant)
    if grant.role == LEAD:
        for broader in _broader(changes, grant.affair, grant.area):
            changes.yielding(broader, [y for y in broader.yielding if y.mandate != mandate])


async def _begin(changes: Changes, slot: MovedSlotView, new: HoldingView) -> None:
    if new.starts_at is None:
        raise ValueError("a slot moved to somebody, without a beginning")
    carved: list[Yielding] = []
    if slot.role == LEAD:
        for broader in _broader(changes, slot.affair, slot.area):
            mark = Yielding(slot.area, mandate=new.mandate, until=new.ends_at)
            changes.yielding(broader, (*broader.yielding, mark))
        inside = await changes.inside(slot.affair, slot.area)
        carved = [Yielding(g.area, mandate=g.mandate, until=g.ends_at) for g in inside]
    changes.begin(
        Grant(
            new.mandate,
            slot.affair,
            slot.area,
            slot.role,
            new.holder,
            frozenset(new.powers),
            new.term,
            new.starts_at,
            new.ends_at,
            new.successor,
            tuple(carved),
        )
    )


def _broader(changes: Changes, affair: str, area: str) -> list[Grant]:
    """The live lead grants that contain the slot without being it."""
    return [grant for grant in changes.over(affair, area) if grant.area != area]
