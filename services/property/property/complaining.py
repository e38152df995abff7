"""Repairs and complaints: what the firm does not do in time is referred, once, and followed from then on."""

from __future__ import annotations

from property import store_repairs as store
from property.domain import repair as repairs
from property.domain.repair import REFERRED, REQUESTED, Repair
from property.store_repairs import REPAIRS
from suizhuan.referrals import MatterReferred
from suizhuan.unit_of_work import Tx

ANSWER, FOLLOW = "repair.answer", "repair.follow"
FIRST = 1


async def watch(tx: Tx, repair: Repair) -> None:
    """Have the firm's time run out; refer what has just become complaints' matter."""
    if repair.state == REQUESTED:
        await tx.deadline(ANSWER, repair.id, repair.due_at)
    else:
        await tx.cancel_deadline(ANSWER, repair.id)
    if repair.state == REFERRED:
        matter = MatterReferred(
            referral=repair.id,
            category=repair.category,
            area=repair.area,
            reason=repair.referred_for or "",
            subject=repair.id,
        )
        tx.emit(matter, key=repair.id, sequence=FIRST, area=repair.area)


async def time_is_over(tx: Tx, repair: Repair) -> None:
    """The firm's time is over: unless it has answered, complaints takes the matter."""
    change = repairs.overdue(repair, tx.now)
    if change is not None:
        await watch(tx, await REPAIRS.put(tx, change, None))


async def follow(tx: Tx, referral: str) -> None:
    """Let the request know what complaints has said of it, as far as that is news."""
    repair = await REPAIRS.find(tx.conn, referral, lock=True)
    if repair is None:
        return
    change = repairs.follow(repair, await store.heard(tx.conn, referral), tx.now)
    if change is not None:
        await REPAIRS.put(tx, change, None)
