"""Areas get other codes by one switch over every affair there (authority §3): announced by population, opened when
nothing overlaps, done when all have answered. What is said of the mandates' own switch holds here, too
(`mandates.switching`): locks in one order, every record under the lock of the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from mandates import store, store_rekeyings
from mandates import store_switches as switches
from mandates.domain import facts
from mandates.domain.ending import end_by_plan
from mandates.domain.mandate import Mandate
from mandates.domain.rekeying import (
    divided,
    follow,
    given,
    loses_its_place,
    organisation_follows,
    taken,
    yielding,
)
from mandates.domain.switch import DONE, EVERY_AFFAIR, OPEN, REKEYING, WAITING
from mandates.store_rekeyings import Rekeying
from mandates.store_switches import Switch
from mandates.switching import TRY, TRY_AGAIN, Switching, adopt, asked
from suizhuan.kernel.rekeying import Move, Table, common
from suizhuan.kernel.term import LEAD
from suizhuan.unit_of_work import Tx

PREFIX = "rekeying:"
"""Begins the id of such a switch, and what stands there for its mandate."""


def is_rekeying(switch: str) -> bool:
    """Whether a switch is one of these, by its id."""
    return switch.startswith(PREFIX)


class Rekeyings:
    """The state machine of such a switch. Each method is called inside a transaction and leaves the commit to it."""

    def __init__(self, switching: Switching, root_area: str) -> None:
        self.switching = switching
        self.root_area = root_area

    async def request(self, tx: Tx, id_: str, moves: Sequence[Move]) -> None:
        """Have the areas switched; at once if nothing overlaps. A repeat changes nothing."""
        if not await store_rekeyings.add(tx.conn, id_, moves):
            return
        area = common(Table(moves).touched)
        row = asked(tx, self._id(tx, id_), why=REKEYING, affair=EVERY_AFFAIR, area=area, mandate=f"{PREFIX}{id_}")
        await switches.add_switch(tx.conn, row)
        await self.attempt(tx, row.id)

    async def attempt(self, tx: Tx, switch: str) -> None:
        """Open a waiting one, unless another one overlaps."""
        await store_rekeyings.keep_out(tx.conn)
        found = await self._taken_up(tx, switch, WAITING)
        if found is None:
            return
        row, rekeying, reached = found
        await switches.lock_head(tx.conn)
        if await switches.overlapping_open(tx.conn, row) is not None:
            await tx.deadline(TRY, row.id, tx.now + TRY_AGAIN)  # also woken when the other one ends
            return
        holders = [m for m in reached.values() if m.has_powers]
        ending, following = divided(reached.values(), rekeying.table)
        about = facts.SwitchOpened(
            switch=row.id,
            slots=yielding(holders, rekeying.table),
            why=REKEYING,
            mandates=sorted(m.id for m in (*ending, *following) if m.has_powers),
            awaited=[],
            rekeys=_said(rekeying),
            rekeying=rekeying.id,
        )
        await self.switching.announce(tx, row, about)

    async def step(self, tx: Tx, switch: str) -> None:
        """Go on, if everybody has answered."""
        found = await self._taken_up(tx, switch, OPEN)
        if found is not None and await self.switching.all_answered(tx, found[0]):
            await self._complete(tx, *found)

    async def expire(self, tx: Tx, switch: str) -> None:
        """The deadline: done if it can be, else dropped and tried again, for the areas are to change."""
        await self.step(tx, switch)
        found = await self._taken_up(tx, switch, OPEN)
        if found is not None:
            await self.switching.try_later(tx, found[0], self._id(tx, found[1].id))

    async def _complete(self, tx: Tx, row: Switch, rekeying: Rekeying, reached: dict[str, Mandate]) -> None:
        """One record: grants, mandates and organisations have the new codes, and whoever loses its place has gone."""
        table = rekeying.table
        gone = [slot for m in reached.values() if (slot := await self._over(tx, m)) is not None]
        ending, following = divided((m for m in reached.values() if not m.over(tx.now)), table)
        for mandate in [*ending, *following]:
            if mandate.has_powers:
                gone.append(taken(mandate, await self._successor(tx, mandate)))
            await switches.forget_slot(tx.conn, mandate)
        for mandate in ending:
            change = loses_its_place(mandate, at=tx.now, switch=row.id)
            if change is not None:
                await store.save(tx, change)
        come = [await self._follow(tx, row, mandate, table) for mandate in following]
        for org in await store_rekeyings.organisations_in(tx.conn, table):
            if (changed := organisation_follows(org, table, root_area=self.root_area)) is not None:
                await store_rekeyings.put_organisation(tx, *changed)
        done = facts.SwitchDone(
            switch=row.id,
            slots=[*gone, *(slot for slot in come if slot is not None)],
            why=REKEYING,
            rekeys=_said(rekeying),
            rekeying=rekeying.id,
        )
        tx.emit(done, key=f"{row.id}:done", sequence=await switches.next_sequence(tx.conn), area=row.area)
        await store_rekeyings.set_done(tx.conn, rekeying.id, tx.now)
        await self.switching.close(tx, row, DONE)

    async def _over(self, tx: Tx, mandate: Mandate) -> facts.MovedSlot | None:
        """Its planned end has come, and nobody has noted it yet: it keeps the code that it had."""
        if (change := end_by_plan(mandate, now=tx.now)) is None:
            return None
        await store.save(tx, change)
        await switches.forget_slot(tx.conn, mandate)
        return taken(mandate, await self._successor(tx, mandate)) if mandate.has_powers else None

    async def _follow(self, tx: Tx, row: Switch, mandate: Mandate, table: Table) -> facts.MovedSlot | None:
        area = table.grant(mandate.area)
        assert area is not None
        term = None
        if mandate.has_powers:
            term = await switches.next_term(tx.conn, mandate.affair, area, above=mandate.term or 0)
        elif mandate.holds_slot:  # suspended: its slot is kept for it
            await switches.next_term(tx.conn, mandate.affair, area, above=mandate.term or 0)
        after = await store.save(tx, follow(mandate, area, term=term, at=tx.now, switch=row.id))
        if after.role == LEAD and after.holds_slot:
            await switches.put_in_slot(tx.conn, after.affair, after.area, after.id)
        await store_rekeyings.waiting_follows(tx.conn, after)
        if not after.has_powers:
            return None
        return given(after, await self._successor(tx, after), at=tx.now)

    async def _successor(self, tx: Tx, mandate: Mandate) -> str | None:
        return await switches.broader_holder(tx.conn, mandate.affair, mandate.area, tx.now)

    async def _taken_up(self, tx: Tx, switch: str, state: str) -> tuple[Switch, Rekeying, dict[str, Mandate]] | None:
        """The switch in that state, with every mandate that it reaches, all locked; None when it has moved on."""
        row = await switches.switch(tx.conn, switch)
        if row is None or row.state != state:
            return None
        rekeying = await store_rekeyings.find(tx.conn, row.mandate.removeprefix(PREFIX))
        assert rekeying is not None
        ids = [mandate.id for mandate in await store_rekeyings.reached(tx.conn, rekeying.table)]
        locked = await store.lock_mandates(tx.conn, ids)
        row = await switches.switch(tx.conn, switch, lock=True)
        if row is None or row.state != state:
            return None
        adopt(tx, asdict(row))
        return row, rekeying, {id_: mandate for id_, mandate in locked.items() if mandate.ended_at is None}

    @staticmethod
    def _id(tx: Tx, rekeying: str) -> str:
        return PREFIX + tx.context.event_id(f"switch:{rekeying}", 0)


def _said(rekeying: Rekeying) -> list[facts.Rekey]:
    return [facts.Rekey(old=m.old, new=m.new, heir=m.heir) for m in rekeying.moves]
