"""A service's replica of the grants: applies the authority log, in order, in the service's own database.

Promise: who holds a beat has applied every record before it; an acknowledgement leaves in the transaction that
applied the opening, after every act in flight under the grants concerned has ended; a record that cannot be
applied stops the replica.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update

from suizhuan.authority import locks, records
from suizhuan.authority.grants import to_grant, within, yielding_to
from suizhuan.authority.records import BeatView, DoneView, DroppedView, MovedSlotView, OpenedView, SlotView
from suizhuan.cloudevents import Event
from suizhuan.db.database import Database
from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.db.tables import authority_state, grants, open_switch
from suizhuan.kernel.area import prefixes
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
REJOIN_AFTER = timedelta(seconds=5)


class State(NamedTuple):
    """How far this replica is, and since when it has asked to be named as `replica`."""

    replica: str
    sequence: int
    joined_at: datetime | None


class Replica:
    """Applies records. The hooks run in the same transaction, after the grants have changed."""

    def __init__(self, service: str, database: Database) -> None:
        self.service = service
        self.database = database
        self.on_opened: OnOpened | None = None
        self.on_done: OnDone | None = None
        self.on_dropped: OnDropped | None = None

    async def apply(self, tx: Tx, event: Event) -> None:
        """Apply one record; one whose sequence is not above the last is ignored. Errors stop the replica."""
        state = await self._state(tx)
        if event.name == records.BEAT and event.sequence <= state.sequence:
            return  # a late duplicate of a beat must not make an old beat new
        if event.sequence <= state.sequence:
            return
        if event.name == records.OPENED:
            await self._opened(tx, event, state, OpenedView.model_validate(event.data))
        elif event.name == records.DONE:
            await self._done(tx, event, DoneView.model_validate(event.data))
        elif event.name == records.DROPPED:
            await self._dropped(tx, event, DroppedView.model_validate(event.data))
        elif event.name != records.BEAT:
            raise ValueError(f"an unknown record on the authority log: {event.type}")
        place = {"b_sequence": event.sequence, "b_offset": event.offset}
        if event.name == records.BEAT:
            await tx.write(_BEATEN, place | await self._beat(tx, state, BeatView.model_validate(event.data)))
        else:
            await tx.write(_APPLIED, place)

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

    async def _opened(self, tx: Tx, event: Event, state: State, opened: OpenedView) -> None:
        for slot in opened.slots:
            for grant in await self._yielding_to(tx, slot):
                mark = Yielding(slot.area, switch=opened.switch)
                await self._save_yielding(tx, grant, (*grant.yielding, mark), event.sequence)
        await tx.conn.execute(
            insert(open_switch).values(
                switch=opened.switch, slots=[slot.model_dump(exclude_none=True) for slot in opened.slots]
            )
        )
        pending = await self.on_opened(tx, opened) if self.on_opened else False
        tx.emit(
            ReplicaAcknowledged(
                replica=state.replica,
                service=self.service,
                switch=opened.switch,
                opened_sequence=event.sequence,
                pending_cases=pending,
            ),
            key=state.replica or self.service,
            sequence=event.sequence,
        )

    async def _done(self, tx: Tx, event: Event, done: DoneView) -> None:
        await self._lift(tx, done.switch, event.sequence)
        for slot in done.slots:
            if slot.old is not None:
                await self._end(tx, slot.old.mandate, slot.role, slot.affair, event.sequence)
            if slot.new is not None:
                await self._begin(tx, event, slot)
        if self.on_done:
            await self.on_done(tx, done)

    async def _dropped(self, tx: Tx, event: Event, dropped: DroppedView) -> None:
        await self._lift(tx, dropped.switch, event.sequence)
        if self.on_dropped:
            await self.on_dropped(tx, dropped)

    async def _yielding_to(self, tx: Tx, slot: SlotView) -> list[Grant]:
        """The grants whose holders must hold still while the slot moves, locked against acts."""
        where = [grants.c.affair == slot.affair, grants.c.live.is_(True), grants.c.role == slot.role]
        if slot.role == LEAD:
            where.append(grants.c.area.in_(prefixes(slot.area)))
        else:
            where.append(grants.c.mandate == (slot.mandate or ""))
        return await self._locked(tx, *where)

    async def _locked(self, tx: Tx, *where: ColumnElement[bool]) -> list[Grant]:
        """Wait until no act is in flight under the grants that are so, keep new ones out, and read them afresh."""
        query = select(grants).where(*where).order_by(grants.c.mandate).with_for_update()
        if not self.database.is_sqlite:  # one statement: a switch asks this of every replica, several times
            query = query.where(locks.excluded(select(grants.c.mandate).where(*where)))
        return [to_grant(row) for row in await tx.conn.execute(query)]

    async def _save_yielding(self, tx: Tx, grant: Grant, items: Iterable[Yielding], sequence: int) -> None:
        await tx.conn.execute(
            update(grants)
            .where(grants.c.mandate == grant.mandate)
            .values(yielding=yielding_to(items), sequence=sequence)
        )

    async def _lift(self, tx: Tx, switch: str, sequence: int) -> None:
        """End a switch here: lift only what this switch had set yielding."""
        ended = delete(open_switch).where(open_switch.c.switch == switch).returning(open_switch.c.slots)
        slots = (await tx.conn.execute(ended)).scalar_one_or_none()
        for raw in slots or ():
            for grant in await self._yielding_to(tx, SlotView.model_validate(raw)):
                await self._save_yielding(tx, grant, [y for y in grant.yielding if y.switch != switch], sequence)

    async def _end(self, tx: Tx, mandate: str, role: str, affair: str, sequence: int) -> None:
        for grant in await self._locked(tx, grants.c.mandate == mandate):
            await tx.conn.execute(
                update(grants).where(grants.c.mandate == mandate).values(live=False, yielding=[], sequence=sequence)
            )
            if role == LEAD:
                for broader in await self._broader(tx, affair, grant.area):
                    kept = [y for y in broader.yielding if y.mandate != mandate]
                    await self._save_yielding(tx, broader, kept, sequence)

    async def _begin(self, tx: Tx, event: Event, slot: MovedSlotView) -> None:
        new = slot.new
        if new is None or new.starts_at is None:
            raise ValueError("a slot moved to nobody, or without a beginning")
        carved: list[Yielding] = []
        if slot.role == LEAD:
            for broader in await self._broader(tx, slot.affair, slot.area):
                mark = Yielding(slot.area, mandate=new.mandate, until=new.ends_at)
                await self._save_yielding(tx, broader, (*broader.yielding, mark), event.sequence)
            carved = [
                Yielding(g.area, mandate=g.mandate, until=g.ends_at)
                for g in await within(tx.conn, slot.affair, slot.area)
                if g.role == LEAD and g.area != slot.area
            ]
        await locks.exclude(tx.conn, [new.mandate])
        values = {
            "mandate": new.mandate,
            "affair": slot.affair,
            "area": slot.area,
            "role": slot.role,
            "holder": new.holder,
            "powers": sorted(new.powers),
            "term": new.term,
            "starts_at": new.starts_at,
            "ends_at": new.ends_at,
            "successor": new.successor,
            "yielding": yielding_to(carved),
            "live": True,
            "sequence": event.sequence,
        }
        known = (
            await tx.conn.execute(select(grants.c.mandate).where(grants.c.mandate == new.mandate).with_for_update())
        ).one_or_none()
        if known is None:
            await tx.conn.execute(insert(grants).values(values))
        else:  # resumed, under a new term
            await tx.conn.execute(update(grants).where(grants.c.mandate == new.mandate).values(values))

    async def _broader(self, tx: Tx, affair: str, slot_area: str) -> list[Grant]:
        """The live lead grants that contain the slot without being it."""
        return await self._locked(
            tx,
            grants.c.affair == affair,
            grants.c.role == LEAD,
            grants.c.live.is_(True),
            grants.c.area.in_(prefixes(slot_area)[1:]),
        )
