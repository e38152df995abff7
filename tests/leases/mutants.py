"""Seeded bugs: changes of the real code, small and each of a kind that somebody might make. The exploration finds each.

`found` is the rule that breaks. What stands in `world` is the smallest of the explored ones that shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import insert, select

import mandates.inbound as mandates_inbound
import mandates.switch_waits as waits
from complaints import handovers
from complaints import switches as case_switches
from complaints.domain.handover import Handover
from mandates import rekeying, switching
from mandates import store_switches as switches
from mandates import tables as t
from mandates.domain import switch as domain
from suizhuan import decision, guard
from suizhuan.authority import changes, records, replica
from suizhuan.authority import grants as granted
from suizhuan.authority.locks import share
from suizhuan.db.tables import deadline, grants
from suizhuan.kernel import term
from suizhuan.recovery import Recovery
from suizhuan.unit_of_work import UnitOfWork

from . import configs
from .rules import MONEY, NO_DUTY, NO_POWER, OVERLAP
from .world import Config

Patches = Callable[[ExitStack], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`why` says what was forgotten; `plant` changes the code for as long as the stack is open."""

    name: str
    why: str
    world: Config
    found: frozenset[str]
    plant: Patches


MUTANTS: list[Mutant] = []


def mutant(name: str, why: str, world: Config, *found: str) -> Callable[[Patches], Patches]:
    def note(plant: Patches) -> Patches:
        MUTANTS.append(Mutant(name, why, world, frozenset(found), plant))
        return plant

    return note


@mutant("no opening", "an activation needs no opening: nobody has the slot yet", configs.ACTIVATION, NO_DUTY, OVERLAP)
def _(stack: ExitStack) -> None:
    async def at_once(self: Any, tx: Any, row: Any, subject: Any, others: Any) -> None:
        await self._complete(tx, row, subject, others)

    stack.enter_context(patch.object(switching.Switching, "_open", at_once))


@mutant(
    "wait from sending",
    "the wait counts from when the switch was sent on its way, not from its record",
    configs.QUEUE,
    NO_DUTY,
    OVERLAP,
)
def _(stack: ExitStack) -> None:
    real = waits.switches.open_switches

    async def all_that_were_sent(conn: Any) -> dict[str, bool]:
        waiting = await conn.execute(select(t.switch.c.id).where(t.switch.c.state == domain.WAITING))
        return {**dict.fromkeys(waiting.scalars(), True), **dict.fromkeys(await real(conn), True)}

    stack.enter_context(patch.object(switches, "open_switches", all_that_were_sent))


@mutant(
    "awaited too early",
    "the awaited set is taken when the switch is asked for, not when it opens",
    configs.JOINS,
    NO_DUTY,
    OVERLAP,
)
def _(stack: ExitStack) -> None:
    real_add, real_await = switches.add_switch, switches.await_replicas

    async def add(conn: Any, row: Any) -> None:
        await real_add(conn, row)
        await real_await(conn, row.id, row.requested_at - timedelta(minutes=1))

    async def as_known(conn: Any, switch: str, since: Any) -> list[str]:
        rows = await conn.execute(select(t.awaited.c.replica).where(t.awaited.c.switch == switch))
        return sorted(rows.scalars())

    stack.enter_context(patch.object(switches, "add_switch", add))
    stack.enter_context(patch.object(switches, "await_replicas", as_known))


@mutant(
    "beat overtakes",
    "beats leave by a lane of their own, so one may overtake an opening",
    configs.EARLY_END,
    NO_DUTY,
    OVERLAP,
    NO_POWER,
)
def _(stack: ExitStack) -> None:
    def by_key(_topic: str, _partitions: int, key: str) -> int:
        return 0 if key == records.BEAT_KEY else 1

    stack.enter_context(patch.object(decision, "lane_of", by_key))


@mutant(
    "acts hold nothing",
    "an opening is acknowledged though an act in flight has not ended",
    configs.EARLY_END,
    NO_DUTY,
    OVERLAP,
)
def _(stack: ExitStack) -> None:
    real = granted.by_mandate

    async def unlocked(conn: Any, mandate: str, *, lock: bool = False) -> Any:
        return await real(conn, mandate)

    async def nothing(conn: Any, mandates: Any) -> None:
        return None

    stack.enter_context(patch.object(granted, "by_mandate", unlocked))
    stack.enter_context(patch.object(guard.locks, "share", nothing))


@mutant(
    "any acknowledgement counts",
    "an acknowledgement counts for whichever switch is open",
    configs.DROPPED,
    NO_DUTY,
    OVERLAP,
)
def _(stack: ExitStack) -> None:
    real = switches.acknowledge

    async def whichever(conn: Any, _switch: str, name: str, pending: bool, now: Any) -> bool:
        done = False
        for each in await switches.open_switches(conn):
            done |= await real(conn, each, name, pending, now)
            if done:
                await conn.execute(_due(each, now))
        return False

    def _due(switch: str, now: Any) -> Any:
        row = {"kind": switching.STEP, "ref": switch, "due_at": now, "data": {}}
        return insert(deadline).prefix_with("OR REPLACE").values(**row)

    stack.enter_context(patch.object(mandates_inbound.switches, "acknowledge", whichever))


@mutant(
    "a drop lifts all", "a dropped switch lifts what another one has set yielding", configs.BESIDE, NO_DUTY, OVERLAP
)
def _(stack: ExitStack) -> None:
    async def dropped(self: Any, tx: Any, changes: Any, view: Any) -> None:
        live = select(grants.c.mandate).where(grants.c.live.is_(True))
        names = (await tx.conn.execute(live)).scalars().all()
        await changes.lock("", None, *names)
        for grant in map(changes.grant, names):
            changes.yielding(grant, [y for y in grant.yielding if not y.switch])
        await self._lift(tx, changes, view.switch)
        await changes.write()

    stack.enter_context(patch.object(replica.Replica, "_dropped", dropped))


@mutant(
    "wait without A",
    "the wait leaves out how long an act may still take to commit",
    configs.EARLY_END,
    NO_DUTY,
    OVERLAP,
)
def _(stack: ExitStack) -> None:
    stack.enter_context(patch("mandates.app.lease", lambda timing: timing.lease))


@mutant("wait without ε", "the wait leaves out the error of the clocks", configs.CLOCKS_APART, NO_DUTY, OVERLAP)
def _(stack: ExitStack) -> None:
    stack.enter_context(patch("mandates.app.lease", lambda timing: timing.max_staleness + timing.max_act))


@mutant(
    "SQLite waited out",
    "a replica whose transactions nothing bounds is waited out like any other",
    configs.ON_SQLITE,
    NO_DUTY,
    OVERLAP,
)
def _(stack: ExitStack) -> None:
    stack.enter_context(patch.object(domain.Awaited, "bounded", True))


@mutant("no gap", "the successor's acts pass as soon as a planned end has come", configs.PLANNED, OVERLAP)
def _(stack: ExitStack) -> None:
    stack.enter_context(patch.object(term.Timing, "handover_gap", timedelta()))


@mutant(
    "a late hold moves",
    "money that comes for a handover that was refused already moves the case",
    configs.HANDOVER,
    MONEY,
)
def _(stack: ExitStack) -> None:
    def counts(self: Handover, case: Any) -> bool:
        return self.case == case.id and self.hold is None

    stack.enter_context(patch.object(Handover, "counts_for", counts))


@mutant(
    "receiver unchecked",
    "who receives a case is looked at when it is asked for, not when it moves",
    configs.RECEIVER_ENDS,
    NO_DUTY,
)
def _(stack: ExitStack) -> None:
    def any_grant(grants: Any, org: str, place: str, tx: Any) -> Any:
        return next((g for g in grants if g.holder == org), None)

    async def unchecked(self: Any, grant: Any, power: str, place: str, *, holder: str | None = None) -> Any:
        await share(self.conn, [grant.mandate])
        return grant

    stack.enter_context(patch.object(handovers, "own_grant", any_grant))
    stack.enter_context(patch("suizhuan.tx.Tx.act_locked", unchecked))


@mutant(
    "consumers act without limits",
    "a consumer that uses a power may take as long as it likes to commit",
    configs.RECEIVER_ENDS,
    NO_DUTY,
)
def _(stack: ExitStack) -> None:
    stack.enter_context(patch.object(UnitOfWork, "_uses_power", staticmethod(lambda decision: False)))


@mutant(
    "yielding beside the row",
    "what yields is kept beside the broader grant's row, which acts do not look at",
    configs.ACTIVATION,
    NO_DUTY,
    OVERLAP,
)
def _(stack: ExitStack) -> None:
    async def only_its_own(self: Any, changes: Any, slot: Any) -> Any:
        await changes.lock(slot.affair, slot.area, slot.mandate)
        return [grant for grant in changes.over(slot.affair, slot.area) if grant.area == slot.area]

    stack.enter_context(patch.object(replica.Replica, "_yielding_to", only_its_own))


@mutant(
    "restored counts as the old one",
    "a replica that was restored keeps the name under which it acknowledged an opening that it no longer knows",
    configs.RESTORED,
    NO_DUTY,
    OVERLAP,
)
def _(stack: ExitStack) -> None:
    async def as_before(self: Recovery) -> bool:
        return True

    stack.enter_context(patch.object(Recovery, "noted", as_before))


@mutant("nobody yields", "codes change by a record; whose would have to yield?", configs.REKEYED, NO_DUTY, OVERLAP)
def _(stack: ExitStack) -> None:
    stack.enter_context(patch.object(rekeying, "yielding", lambda holders, table: []))


@mutant("codes live on", "nobody leads under the old code any more", configs.REKEYED, NO_POWER)
def _(stack: ExitStack) -> None:
    stack.enter_context(patch.object(changes.Changes, "give_up", lambda self, retired: None))


@mutant("the old term", "who keeps its duty keeps its term", configs.CASE_REKEYED, NO_DUTY)
def _(stack: ExitStack) -> None:
    stack.enter_context(patch.object(case_switches, "rekey", lambda case, grant, *, switch: case.after(switch=None)))
