"""Leases 租约: who lets what to whom, and what falls due when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from property.domain import facts
from property.domain.change import Change, by, unknown
from property.domain.periods import Period, day_of, months_after, period
from property.domain.premise import Premise
from suizhuan.kernel.refusal import Refusal

ACTIVE, ENDED = "active", "ended"
STATES = (ACTIVE, ENDED)
ISSUED, RECEIVED, WITHDRAWN = "issued", "received", "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """`rent_fen` for each period of `every` in [`starts_on`, `ends_on`). `next_period` is the first not billed yet."""

    id: str
    premise: str
    area: str
    kind: str
    lessor: str
    lessee: str
    use: str
    rent_fen: int
    every: str
    starts_on: date
    ends_on: date
    due_day: int
    prepaid: bool
    state: str
    next_period: int
    cut_for: str | None = None
    concluded_at: datetime
    version: int

    def upcoming(self) -> Period | None:
        """The first period that is not billed yet, if there is one."""
        return period(self.next_period, self.starts_on, self.ends_on, self.every)

    def next_due(self) -> date | None:
        """When its rent falls due."""
        coming = self.upcoming()
        return coming.due_on(self.due_day) if coming is not None else None

    def overlaps(self, starts_on: date, ends_on: date) -> bool:
        return self.starts_on < ends_on and starts_on < self.ends_on

    def runs(self) -> Lease:
        """Errors: `lease_ended`."""
        if self.state != ACTIVE:
            raise Refusal("lease_ended", lease=self.id, ends_on=self.ends_on.isoformat())
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The rent of one period, and the bill by which finance knows it: issued, received, withdrawn."""

    bill: str
    lease: str
    number: int
    begins: date
    until: date
    amount_fen: int
    state: str
    issued_at: datetime
    settled_at: datetime | None = None

    def open(self) -> Due:
        """Errors: `due_settled`."""
        if self.state != ISSUED:
            raise Refusal("due_settled", due=self.number, state=self.state)
        return self


def after(before: Lease | None, fact: Any, at: datetime) -> Lease:
    """The lease once `fact` has happened."""
    if before is None:
        if not isinstance(fact, facts.LeaseConcluded):
            raise unknown(fact)
        return Lease(
            id=fact.lease,
            premise=fact.premise,
            area=fact.area,
            kind=fact.kind,
            lessor=fact.lessor,
            lessee=fact.lessee,
            use=fact.use,
            rent_fen=fact.rent_fen,
            every=fact.every,
            starts_on=fact.starts_on,
            ends_on=fact.ends_on,
            due_day=fact.due_day,
            prepaid=fact.prepaid,
            state=ACTIVE,
            next_period=1,
            concluded_at=at,
            version=1,
        )
    version = before.version + 1
    match fact:
        case facts.RentDue():
            return replace(before, next_period=fact.number + 1, version=version)
        case facts.LeaseCut():
            return replace(before, ends_on=fact.ends_on, cut_for=fact.reason, version=version)
        case facts.LeaseEnded():
            return replace(before, state=ENDED, version=version)
        case facts.RentReceived() | facts.LesseeRead():
            return replace(before, version=version)
    raise unknown(fact)


def conclude(
    fact: facts.LeaseConcluded,
    premise: Premise,
    others: Iterable[Lease],
    *,
    hazardous: bool,
    longest_years: int,
    now: datetime,
) -> Change[Lease]:
    """A premise is let; `others` are its leases that run. Errors: those of `may_be_let`, `lease_dates`,
    `lease_too_long`, `premise_let`."""
    premise.may_be_let(hazardous=hazardous)
    if fact.ends_on <= fact.starts_on:
        raise Refusal("lease_dates", starts_on=fact.starts_on.isoformat(), ends_on=fact.ends_on.isoformat())
    latest = months_after(fact.starts_on, 12 * longest_years)
    if fact.ends_on > latest:
        raise Refusal("lease_too_long", ends_on=fact.ends_on.isoformat(), latest=latest.isoformat())
    for other in others:
        if other.overlaps(fact.starts_on, fact.ends_on):
            raise Refusal("premise_let", premise=premise.id, lease=other.id, until=other.ends_on.isoformat())
    return by(after, None, now, fact)


def fall_due(lease: Lease, bill: str, now: datetime) -> tuple[Change[Lease], Due] | None:
    """The next rent falls due, if it is time; its bill gets the id `bill`."""
    coming, due_on = lease.upcoming(), lease.next_due()
    if lease.state != ACTIVE or coming is None or due_on is None or due_on > day_of(now):
        return None
    fact = facts.RentDue(
        lease=lease.id,
        number=coming.number,
        bill=bill,
        begins=coming.begins,
        until=coming.until,
        amount_fen=coming.rent(lease.rent_fen),
        prepaid=lease.prepaid,
    )
    return by(after, lease, now, fact), due_of(fact, now)


def due_of(fact: facts.RentDue, at: datetime) -> Due:
    """What is due by that fact; what was paid beforehand is received at once."""
    return Due(
        bill=fact.bill,
        lease=fact.lease,
        number=fact.number,
        begins=fact.begins,
        until=fact.until,
        amount_fen=fact.amount_fen,
        state=RECEIVED if fact.prepaid else ISSUED,
        issued_at=at,
        settled_at=at if fact.prepaid else None,
    )


def receive(lease: Lease, due: Due, now: datetime) -> tuple[Change[Lease], Due]:
    """The rent of one period has come; also after the lease's end. Errors: `due_settled`."""
    due.open()
    fact = facts.RentReceived(lease=lease.id, number=due.number, bill=due.bill)
    return by(after, lease, now, fact), replace(due, state=RECEIVED, settled_at=now)


def cut(
    lease: Lease, dues: Iterable[Due], ends_on: date, reason: str, now: datetime
) -> tuple[Change[Lease], list[Due]]:
    """It ends on `ends_on` already. What is billed for periods from then on is withdrawn; a period that has begun by
    then stays due. Errors: `lease_ended`, `lease_cut_date`."""
    lease.runs()
    today = day_of(now)
    if not today <= ends_on < lease.ends_on:
        raise Refusal("lease_cut_date", earliest=today.isoformat(), ends_on=lease.ends_on.isoformat())
    gone = [
        replace(due, state=WITHDRAWN, settled_at=now) for due in dues if due.state == ISSUED and due.begins >= ends_on
    ]
    fact = facts.LeaseCut(lease=lease.id, ends_on=ends_on, reason=reason, withdrawn=[due.bill for due in gone])
    return by(after, lease, now, fact), gone


def run_out(lease: Lease, now: datetime) -> Change[Lease] | None:
    """Its last day is over, and every period of it is billed."""
    if lease.state != ACTIVE or day_of(now) < lease.ends_on or lease.upcoming() is not None:
        return None
    return by(after, lease, now, facts.LeaseEnded(lease=lease.id))
