"""The switch (authority §3): whom it waits for, and when it may go on. It never decides by wall time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mandates.domain.facts import Holding, MovedSlot, Slot
from mandates.domain.mandate import Mandate
from suizhuan.kernel.area import LENGTHS
from suizhuan.kernel.term import LEAD, Timing

WAITING, OPEN, DONE, DROPPED, CANCELLED = "waiting", "open", "done", "dropped", "cancelled"
ACTIVATION, RESUMPTION, SUSPENSION, ENDING = "activation", "resumption", "suspension", "ending"
FOUNDING, REKEYING = "founding", "rekeying"
EVERY_AFFAIR = "*"  # the affair of a switch that moves areas: it overlaps with every other there
GIVING = (ACTIVATION, RESUMPTION)  # the others take
ON_SQLITE = ":sqlite:"  # in the name of a replica


@dataclass(frozen=True, slots=True)
class Awaited:
    """A replica that this switch waits for. `lease_over`: it has been silent until nothing it holds can be in force."""

    replica: str
    acknowledged: bool
    pending_cases: bool
    lease_over: bool

    @property
    def bounded(self) -> bool:
        """Whether time alone ends the wait. SQLite knows no limit for how long an act may still take to commit
        after its check, so such a replica has to answer (authority §2)."""
        return ON_SQLITE not in self.replica

    @property
    def answered(self) -> bool:
        return self.acknowledged or (self.lease_over and self.bounded)


def may_go_on(awaited: Sequence[Awaited], *, cases_ready: bool) -> bool:
    """Every replica has answered, or can act no more; and where cases have to move along, their money is held."""
    return all(a.answered for a in awaited) and (cases_ready or not any(a.pending_cases for a in awaited))


def lease(timing: Timing) -> timedelta:
    """S + 2ε + A: from the moment the broker has the record until an act under an older beat has committed."""
    return timing.lease + timing.max_act


def span(area: str) -> tuple[int, int]:
    """An area as a range of 15-digit codes, so that prefixes overlap exactly when ranges do."""
    width = 10 ** (LENGTHS[-1] - len(area))
    return int(area) * width, (int(area) + 1) * width


def slots(mandate: Mandate, replaced: Mandate | None) -> list[Slot]:
    """The slots that yield. A lead slot is one whoever holds it; an assist grant is a slot of its own."""
    if mandate.role == LEAD:
        return [Slot(affair=mandate.affair, area=mandate.area, role=LEAD)]
    moving = [mandate] if replaced is None else [mandate, replaced]
    return [Slot(affair=m.affair, area=m.area, role=m.role, mandate=m.id) for m in moving]


def holding(mandate: Mandate, *, successor: str | None) -> Holding:
    """The mandate's grant as the records say it."""
    return Holding(
        mandate=mandate.id,
        holder=mandate.holder,
        term=mandate.term or 0,
        powers=sorted(mandate.powers),
        starts_at=mandate.held_from or mandate.starts_at,
        ends_at=mandate.ends_at,
        successor=successor,
    )


def moved(
    mandate: Mandate, old: Mandate | None, new: Mandate | None, *, starts_at: datetime, successor: str | None
) -> list[MovedSlot]:
    """What has moved: lead slots from old to new at once; assist grants each for itself."""

    def one(was: Mandate | None, becomes: Mandate | None) -> MovedSlot:
        grant = replace(holding(becomes, successor=successor), starts_at=starts_at) if becomes is not None else None
        return MovedSlot(
            affair=mandate.affair,
            area=mandate.area,
            role=mandate.role,
            old=holding(was, successor=becomes.holder if becomes else successor) if was else None,
            new=grant,
        )

    if mandate.role == LEAD or old is None or new is None:
        return [one(old, new)]
    return [one(old, None), one(None, new)]


def begins_at(mandate: Mandate, old: Mandate | None, now: datetime, timing: Timing) -> datetime:
    """When the new grant begins: after a planned end, not before the old holder's last act has committed."""
    earliest = max(now, mandate.starts_at)
    if old is not None and old.ends_at is not None and old.over(now):
        return max(earliest, old.ends_at + timing.handover_gap)
    return earliest
