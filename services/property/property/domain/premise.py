"""Premises: community premises 社区用房, air-defence space 人防, shops 门面房."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from property.domain import facts
from property.domain.change import Change, by, unknown
from property.domain.estate import in_a_community
from suizhuan.kernel.area import contains
from suizhuan.kernel.refusal import Refusal

COMMUNITY, AIR_DEFENCE, SHOP = "community", "air_defence", "shop"
ACTIVITY = "activity"
TITLE, DELEGATION = "title", "delegation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Premise:
    """A room or a building of the register. `size_dm2` is its area in 0.01 m²; `title` and `delegation` refer to
    papers on file; what is not `permanent` carries no lasting value (domain.md §2)."""

    id: str
    estate: str | None
    area: str
    kind: str
    location: str
    size_dm2: int
    structure: str
    use: str
    permanent: bool
    title: str | None
    delegation: str | None
    registered_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_for: str | None = None
    version: int

    def stands(self) -> Premise:
        """Errors: `premise_withdrawn`."""
        if self.withdrawn_at is not None:
            raise Refusal("premise_withdrawn", premise=self.id, reason=self.withdrawn_for)
        return self

    def may_be_let(self, *, hazardous: bool) -> None:
        """Whether rent for it can be the community's. Errors: `premise_withdrawn`, `papers_missing`, `hazardous_goods`.

        Air-defence space: only with title and delegation on file, and nothing dangerous in it (domain.md §6)."""
        self.stands()
        if self.kind != AIR_DEFENCE:
            return
        papers = {TITLE: self.title, DELEGATION: self.delegation}
        if missing := [paper for paper, reference in papers.items() if reference is None]:
            raise Refusal("papers_missing", premise=self.id, missing=missing)
        if hazardous:
            raise Refusal("hazardous_goods", premise=self.id)


def after(before: Premise | None, fact: Any, at: datetime) -> Premise:
    """The premise once `fact` has happened."""
    if before is None:
        if not isinstance(fact, facts.PremiseRegistered):
            raise unknown(fact)
        return Premise(
            id=fact.premise,
            estate=fact.estate,
            area=fact.area,
            kind=fact.kind,
            location=fact.location,
            size_dm2=fact.size_dm2,
            structure=fact.structure,
            use=fact.use,
            permanent=fact.permanent,
            title=fact.title,
            delegation=fact.delegation,
            registered_at=at,
            version=1,
        )
    version = before.version + 1
    match fact:
        case facts.PremisePaperFiled() if fact.paper == TITLE:
            return replace(before, title=fact.reference, version=version)
        case facts.PremisePaperFiled() if fact.paper == DELEGATION:
            return replace(before, delegation=fact.reference, version=version)
        case facts.PremiseUseChanged():
            return replace(before, use=fact.use, version=version)
        case facts.PremiseWithdrawn():
            return replace(before, withdrawn_at=at, withdrawn_for=fact.reason, version=version)
    raise unknown(fact)


def register(fact: facts.PremiseRegistered, estate_area: str | None, now: datetime) -> Change[Premise]:
    """`estate_area` is that of its estate, if it stands in one. Errors: `area_too_broad`, `outside_estate`."""
    in_a_community(fact.area)
    if estate_area is not None and not contains(estate_area, fact.area):
        raise Refusal("outside_estate", estate=fact.estate, area=fact.area)
    return by(after, None, now, fact)


def file_paper(premise: Premise, paper: str, reference: str, now: datetime) -> Change[Premise]:
    """Errors: `premise_withdrawn`."""
    premise.stands()
    return by(after, premise, now, facts.PremisePaperFiled(premise=premise.id, paper=paper, reference=reference))


def change_use(premise: Premise, use: str, now: datetime) -> Change[Premise]:
    """Errors: `premise_withdrawn`."""
    premise.stands()
    return by(after, premise, now, facts.PremiseUseChanged(premise=premise.id, use=use))


def withdraw(premise: Premise, reason: str, now: datetime) -> Change[Premise]:
    """Errors: `premise_withdrawn`."""
    premise.stands()
    return by(after, premise, now, facts.PremiseWithdrawn(premise=premise.id, reason=reason))
