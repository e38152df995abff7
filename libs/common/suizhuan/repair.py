"""Dead letters are put right by people: tried again, skipped, or given up; each time an event says who and why.

A dead letter stands at the head of its key: later events of the key are parked behind it, in order. Whatever is done is
done to the head, and then those behind it are handled in their order until one of them fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete

from suizhuan import deadletter
from suizhuan.db.tables import dead_letter
from suizhuan.handling import Handling
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

Action = Literal["redrive", "skip", "discard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterResolved:
    """Somebody has put a dead letter right: `redrive` tried it again, `skip` left it out, `discard` gave it and all
    that waited behind it up. `handled` events took effect, `left` of the key still wait, `dropped` never will."""

    consumer: str
    topic: str
    partition: int
    offset: int
    action: str
    reason: str
    handled: int
    dropped: int
    left: int


class Repairs:
    """Puts right the dead letters of one service's consumer groups."""

    def __init__(self, handlings: Iterable[Handling]) -> None:
        self.handlings = {h.group: h for h in handlings}

    async def resolve(self, tx: Tx, letter: int, action: Action, reason: str) -> DeadLetterResolved:
        """Do `action` to the head of the key to which `letter` belongs, inside `tx`, which must lock.

        Errors: `not_found`; a letter that dies again stays, with its new reason."""
        named = await deadletter.find(tx.conn, letter)
        handling = self.handlings.get(named.consumer) if named else None
        if named is None or handling is None:
            raise Refusal("not_found", what="dead_letter", id=letter)
        await deadletter.exclude(tx.conn, named.consumer)
        rows = await deadletter.of_key(tx.conn, named.consumer, named.topic, named.key)
        if not rows:
            raise Refusal("not_found", what="dead_letter", id=letter)
        head = rows[0]
        dropped = {"redrive": 0, "skip": 1, "discard": len(rows)}[action]
        handled = 0
        for row in rows[:dropped]:
            await self._forget(tx, row.id)
        for row in rows[dropped:]:
            await self._forget(tx, row.id)
            if await handling.attempt(tx, deadletter.to_record(row)) is not None:
                break
            handled += 1
        fact = DeadLetterResolved(
            consumer=head.consumer,
            topic=head.topic,
            partition=head.partition,
            offset=head.offset,
            action=action,
            reason=reason,
            handled=handled,
            dropped=dropped,
            left=len(rows) - dropped - handled,
        )
        tx.emit(fact, key=f"{head.consumer}:{letter}", sequence=1)
        return fact

    async def _forget(self, tx: Tx, letter: int) -> None:
        await tx.conn.execute(delete(dead_letter).where(dead_letter.c.id == letter))
