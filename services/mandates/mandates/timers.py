"""What mandates does when a time has come. Each handler finds out itself whether it still applies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mandates import store
from mandates import store_switches as switches
from mandates.beats import SOON, beat
from mandates.domain.activation import may_activate
from mandates.domain.ending import end_by_plan
from mandates.domain.mandate import ACTIVE, SUSPENDED, Mandate
from mandates.domain.switch import ACTIVATION, SUSPENSION
from mandates.rekeying import Rekeyings, is_rekeying
from mandates.switching import DEADLINE, EMERGENCY_LIMIT, STEP, TRY, Switching, adopt, origin
from suizhuan.deadlines import DeadlineHandler
from suizhuan.unit_of_work import Tx

ACTIVATE, PLANNED_END, BEAT_SOON = "mandate.activate", "mandate.planned_end", "beat.soon"


async def activate_when_it_starts(tx: Tx, mandate: Mandate) -> None:
    """Ask for the switch at the mandate's start, which may be now."""
    await tx.deadline(ACTIVATE, mandate.id, max(tx.now, mandate.starts_at), **origin(tx))


async def watch_planned_end(tx: Tx, mandate: Mandate) -> None:
    """Note the mandate's end, whose coming needs no message."""
    if mandate.ends_at is not None:
        await tx.deadline(PLANNED_END, mandate.id, mandate.ends_at)


def make(switching: Switching, rekeyings: Rekeyings) -> Mapping[str, DeadlineHandler]:
    """The handlers by kind."""

    def machine(ref: str) -> Switching | Rekeyings:
        return rekeyings if is_rekeying(ref) else switching

    async def try_switch(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        await machine(ref).attempt(tx, ref)

    async def step(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        await machine(ref).step(tx, ref)

    async def expire(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        await machine(ref).expire(tx, ref)

    async def activate(tx: Tx, ref: str, data: dict[str, Any]) -> None:
        adopt(tx, data)
        mandate = await store.find_mandate(tx.conn, ref, lock=True)
        if mandate is None or mandate.state == SUSPENDED or not may_activate(mandate):
            return
        if await switches.under_way(tx.conn, ref) is None:
            await switching.request(tx, mandate, ACTIVATION)

    async def planned_end(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        mandate = await store.find_mandate(tx.conn, ref, lock=True)
        if mandate is not None and (change := end_by_plan(mandate, now=tx.now)) is not None:
            await store.save(tx, change)

    async def emergency_limit(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        mandate = await store.find_mandate(tx.conn, ref, lock=True)
        if mandate is None or mandate.state != ACTIVE or mandate.earmark is not None:
            return
        if await switches.under_way(tx.conn, ref) is None:
            # Active only while it is funded (domain.md §5); the giver may resume it when the money is there.
            await switching.request(tx, mandate, SUSPENSION, "unfunded")

    async def beat_soon(tx: Tx, _ref: str, _data: dict[str, Any]) -> None:
        await beat(tx, SOON)

    return {
        TRY: try_switch,
        STEP: step,
        DEADLINE: expire,
        ACTIVATE: activate,
        PLANNED_END: planned_end,
        EMERGENCY_LIMIT: emergency_limit,
        BEAT_SOON: beat_soon,
    }
