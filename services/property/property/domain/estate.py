"""Estates 小区."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from property.domain import facts
from property.domain.change import Change, by, unknown
from suizhuan.kernel.area import LENGTHS
from suizhuan.kernel.refusal import Refusal

COMMUNITY_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """A residential compound with its households, in a community or one of its grids."""

    id: str
    area: str
    name: str
    households: int
    registered_at: datetime
    version: int


def after(before: Estate | None, fact: Any, at: datetime) -> Estate:
    """The estate once `fact` has happened."""
    match before, fact:
        case None, facts.EstateRegistered():
            return Estate(
                id=fact.estate,
                area=fact.area,
                name=fact.name,
                households=fact.households,
                registered_at=at,
                version=1,
            )
        case Estate(), facts.EstateRevised():
            return replace(before, name=fact.name, households=fact.households, version=before.version + 1)
    raise unknown(fact)


def register(estate: str, area: str, name: str, households: int, now: datetime) -> Change[Estate]:
    """Errors: `area_too_broad`."""
    in_a_community(area)
    return by(after, None, now, facts.EstateRegistered(estate=estate, area=area, name=name, households=households))


def revise(estate: Estate, name: str | None, households: int | None, now: datetime) -> Change[Estate]:
    """What is None stays as it is."""
    fact = facts.EstateRevised(
        estate=estate.id,
        name=estate.name if name is None else name,
        households=estate.households if households is None else households,
    )
    return by(after, estate, now, fact)


def in_a_community(area: str) -> None:
    """Estates and premises lie in one community: norms are counted by it. Errors: `area_too_broad`."""
    if len(area) < COMMUNITY_DIGITS:
        raise Refusal("area_too_broad", area=area, digits=[n for n in LENGTHS if n >= COMMUNITY_DIGITS])
