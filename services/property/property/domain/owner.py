"""Owners 业主: what each of them owns of an estate, as area and as a head."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from property.domain import facts_owners as facts
from property.domain.change import Change, by, unknown
from suizhuan.kernel.refusal import Refusal

PERSON, DEVELOPER = "person", "developer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One head, however many `units`; the developer's unsold units are one head, too. `size_dm2`: the exclusive area of
    all of them, in 0.01 m². Who the owner is stands elsewhere. Without units no owner any more."""

    id: str
    estate: str
    area: str
    kind: str
    units: int
    size_dm2: int
    registered_at: datetime
    version: int


def after(before: Owner | None, fact: Any, at: datetime) -> Owner:
    """The owner once `fact` has happened."""
    match before, fact:
        case None, facts.OwnerRegistered():
            return Owner(
                id=fact.owner,
                estate=fact.estate,
                area=fact.area,
                kind=fact.kind,
                units=fact.units,
                size_dm2=fact.size_dm2,
                registered_at=at,
                version=1,
            )
        case Owner(), facts.OwnerRevised():
            return replace(before, units=fact.units, size_dm2=fact.size_dm2, version=before.version + 1)
        case Owner(), facts.OwnerRead():
            return replace(before, version=before.version + 1)
    raise unknown(fact)


def register(fact: facts.OwnerRegistered, developers: int, now: datetime) -> Change[Owner]:
    """`developers`: how many developers that still own something the estate has.

    Errors: `developer_known`, `units_without_area`."""
    _whole(fact.units, fact.size_dm2)
    if fact.units == 0:
        raise Refusal("units_without_area", units=0)
    if fact.kind == DEVELOPER and developers:
        raise Refusal("developer_known", estate=fact.estate)
    return by(after, None, now, fact)


def revise(owner: Owner, units: int, size_dm2: int, now: datetime) -> Change[Owner]:
    """What the owner has bought or sold. Errors: `units_without_area`."""
    _whole(units, size_dm2)
    return by(after, owner, now, facts.OwnerRevised(owner=owner.id, units=units, size_dm2=size_dm2))


def _whole(units: int, size_dm2: int) -> None:
    if (units == 0) != (size_dm2 == 0):
        raise Refusal("units_without_area", units=units)
