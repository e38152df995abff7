"""Contracts of firms with estates, and the notice by which they end (domain.md §6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from property.domain import facts_owners as facts
from property.domain.change import Change, by, unknown
from property.domain.firm import Firm
from property.domain.periods import day_of
from suizhuan.kernel.refusal import Refusal

RUNNING, NOTICED, CONTINUED, ENDED = "running", "noticed", "continued", "ended"
STATES = (RUNNING, NOTICED, CONTINUED, ENDED)
DISMISSAL, NON_RENEWAL = "dismissal", "non_renewal"
OWNERS = "owners"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """`ends_on` is the first day on which the firm does not serve any more; None: it goes on without an end."""

    id: str
    estate: str
    area: str
    firm: str
    basis: str
    fee_fen: int
    starts_on: date
    ends_on: date | None
    answer_limit: str | None
    meeting: str | None
    state: str
    notice: str | None = None
    filed_at: datetime
    version: int

    def serves_on(self, day: date) -> bool:
        """Until its end was seen to, it serves on: a day that has come ends nothing before its row says so."""
        return self.state != ENDED and self.starts_on <= day and (self.state != NOTICED or not self._over(day))

    def _over(self, day: date) -> bool:
        return self.ends_on is not None and self.ends_on <= day


def after(before: Contract | None, fact: Any, at: datetime) -> Contract:
    """The contract once `fact` has happened."""
    if before is None:
        if not isinstance(fact, facts.ContractFiled):
            raise unknown(fact)
        return Contract(
            id=fact.contract,
            estate=fact.estate,
            area=fact.area,
            firm=fact.firm,
            basis=fact.basis,
            fee_fen=fact.fee_fen,
            starts_on=fact.starts_on,
            ends_on=fact.ends_on,
            answer_limit=fact.answer_limit,
            meeting=fact.meeting,
            state=RUNNING,
            filed_at=at,
            version=1,
        )
    version = before.version + 1
    match fact:
        case facts.ContractNoticed():
            return replace(before, state=NOTICED, notice=fact.kind, ends_on=fact.ends_on, version=version)
        case facts.ContractContinued():
            return replace(before, state=CONTINUED, ends_on=None, version=version)
        case facts.ContractEnded():
            return replace(before, state=ENDED, version=version)
    raise unknown(fact)


def file(
    fact: facts.ContractFiled, firm: Firm, others: Iterable[Contract], *, cuts_utilities: bool, now: datetime
) -> Change[Contract]:
    """A contract is on file. `others` are those of the estate that are not over.

    Errors: `firm_struck`, `contract_dates`, `no_cutting_off`, `estate_served`."""
    firm.may_be_hired()
    if fact.ends_on <= fact.starts_on:
        raise Refusal("contract_dates", starts_on=fact.starts_on.isoformat(), ends_on=fact.ends_on.isoformat())
    if cuts_utilities:
        raise Refusal("no_cutting_off", estate=fact.estate)
    for other in others:
        # One without notice goes on beyond its term unless somebody speaks up.
        if other.state != NOTICED or other.ends_on is None or other.ends_on > fact.starts_on:
            raise Refusal("estate_served", estate=fact.estate, firm=other.firm, contract=other.id)
    return by(after, None, now, fact)


def dismiss(
    contract: Contract, ends_on: date, by_: str, meeting: str, notice_days: int, now: datetime
) -> Change[Contract]:
    """The owners dismiss their firm; `meeting` has decided it. Errors: `contract_state`, `notice_too_short`."""
    _may_be_noticed(contract)
    earliest = day_of(now) + timedelta(days=notice_days)
    if ends_on < earliest:
        raise Refusal("notice_too_short", days=notice_days, earliest=earliest.isoformat())
    fact = facts.ContractNoticed(contract=contract.id, kind=DISMISSAL, by=by_, ends_on=ends_on, meeting=meeting)
    return by(after, contract, now, fact)


def not_renew(contract: Contract, by_: str, meeting: str | None, notice_days: int, now: datetime) -> Change[Contract]:
    """It ends with its term; either side may say so. Errors: `contract_state`, `notice_too_late`."""
    _may_be_noticed(contract)
    if contract.ends_on is None:
        raise Refusal("contract_state", contract=contract.id, state=contract.state, needed=RUNNING)
    latest = contract.ends_on - timedelta(days=notice_days)
    if day_of(now) > latest:
        raise Refusal("notice_too_late", days=notice_days, latest=latest.isoformat())
    fact = facts.ContractNoticed(
        contract=contract.id, kind=NON_RENEWAL, by=by_, ends_on=contract.ends_on, meeting=meeting
    )
    return by(after, contract, now, fact)


def run_out(contract: Contract, now: datetime) -> Change[Contract] | None:
    """Its last day has come: with notice it ends, without it goes on."""
    if contract.ends_on is None or day_of(now) < contract.ends_on:
        return None
    if contract.state == NOTICED:
        return by(after, contract, now, facts.ContractEnded(contract=contract.id))
    if contract.state == RUNNING:
        return by(after, contract, now, facts.ContractContinued(contract=contract.id))
    return None


def _may_be_noticed(contract: Contract) -> None:
    if contract.state not in (RUNNING, CONTINUED):
        raise Refusal("contract_state", contract=contract.id, state=contract.state, needed=f"{RUNNING}, {CONTINUED}")
