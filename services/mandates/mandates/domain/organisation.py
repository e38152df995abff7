"""Organisations, the areas they hold, and the staff who work for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mandates.domain.facts import OrganisationRegistered
from suizhuan.kernel.area import contains, prefixes
from suizhuan.kernel.refusal import Refusal

KINDS = ("department", "street", "community", "grid", "company", "social")
COMMUNITY_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works for an organisation. The name never leaves this service's database but to colleagues."""

    id: str
    org: str
    name_zh: str
    name_en: str
    duty_zh: str
    duty_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """An organisation; `areas` are trimmed codes."""

    id: str
    name_zh: str
    name_en: str
    kind: str
    parent: str | None
    areas: tuple[str, ...]
    version: int = 1


def register(org: Organisation, *, root_area: str) -> OrganisationRegistered:
    """The organisation is known from now on. Errors: `unknown_area` for one outside of the root area."""
    for area in org.areas:
        if not contains(root_area, area):
            raise Refusal("unknown_area", area=area)
    return OrganisationRegistered(
        org=org.id,
        name=org.name_zh,
        name_en=org.name_en,
        kind=org.kind,
        parent=org.parent,
        areas=list(org.areas),
    )


def area_is_known(area: str, held: Iterable[str], root_area: str) -> bool:
    """Whether an area exists here: an organisation holds it or its community, or it lies on the way to one.

    `held`: the areas of organisations that contain `area` or lie in it.
    """
    if not contains(root_area, area):
        return False
    if area == root_area:
        return True
    known = set(held)
    if any(other.startswith(area) for other in known):
        return True
    return any(prefix in known for prefix in prefixes(area) if len(prefix) == COMMUNITY_DIGITS)
