"""Firms 物业企业 that may be hired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from property.domain import facts_owners as facts
from property.domain.change import Change, by, unknown
from suizhuan.kernel.refusal import Refusal

COMPANY = "company"


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """`id` is its organisation's; `area` is where it was listed."""

    id: str
    area: str
    grade: str
    listed_at: datetime
    struck_for: str | None = None
    version: int

    def may_be_hired(self) -> None:
        """Errors: `firm_struck`."""
        if self.struck_for is not None:
            raise Refusal("firm_struck", firm=self.id, reason=self.struck_for)


def after(before: Firm | None, fact: Any, at: datetime) -> Firm:
    """The firm once `fact` has happened."""
    match before, fact:
        case None, facts.FirmListed():
            return Firm(id=fact.firm, area=fact.area, grade=fact.grade, listed_at=at, version=1)
        case Firm(), facts.FirmListed():
            return replace(before, grade=fact.grade, struck_for=None, version=before.version + 1)
        case Firm(), facts.FirmStruck():
            return replace(before, struck_for=fact.reason, version=before.version + 1)
    raise unknown(fact)


def enlist(before: Firm | None, firm: str, kind: str | None, area: str, grade: str, now: datetime) -> Change[Firm]:
    """List an organisation of that `kind`, or grade it anew. Errors: `unknown_organisation`, `not_a_company`."""
    if kind is None:
        raise Refusal("unknown_organisation", org=firm)
    if kind != COMPANY:
        raise Refusal("not_a_company", org=firm)
    return by(after, before, now, facts.FirmListed(firm=firm, area=before.area if before else area, grade=grade))


def strike(firm: Firm, reason: str, now: datetime) -> Change[Firm]:
    """Errors: `firm_struck`."""
    firm.may_be_hired()
    return by(after, firm, now, facts.FirmStruck(firm=firm.id, reason=reason))
