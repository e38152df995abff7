"""Erasure: what goes, what a statutory duty keeps, and what then is left (PIPL 19, 47)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from population.domain import facts
from population.domain.change import Change, changed
from population.domain.person import DEPARTED, ERASED, PRESENT, Person, Personal

GONE = "*"
REQUESTED, RETENTION = "requested", "retention"


@dataclass(frozen=True, slots=True)
class Group:
    """Fields with one purpose: plain ones by name, the profile's by code."""

    code: str
    statutory: bool
    plain: tuple[str, ...] = ()
    details: tuple[str, ...] = ()

    def held(self, personal: Personal) -> bool:
        """Whether anything of it is held."""
        return any(getattr(personal, f) is not None for f in self.plain) or any(
            code in personal.details for code in self.details
        )

    def without(self, personal: Personal) -> Personal:
        """What is left when it is gone."""
        details = {code: value for code, value in personal.details.items() if code not in self.details}
        return replace(personal, details=details, **dict.fromkeys(self.plain))


def standing(
    groups: Iterable[Group], duties: Mapping[str, object], personal: Personal
) -> tuple[list[Group], list[Group]]:
    """(what may go, what is kept): while any duty stands the statutory groups are kept; consent can be withdrawn."""
    held = [group for group in groups if group.held(personal)]
    kept = [group for group in held if group.statutory and duties]
    return [group for group in held if group not in kept], kept


def erase(
    person: Person, personal: Personal, going: Iterable[Group], kept: Iterable[Group], why: str
) -> tuple[Change[Person], Personal]:
    """These groups are gone, and with the identity its masks. The coarse row stays, since counts of the past are made
    of it; where nothing else is left it is `erased` and counts among those who live here no longer."""
    gone = list(going)
    left = personal
    for group in gone:
        left = group.without(left)
    whole = left == Personal()
    state = person.state if person.state in (PRESENT, DEPARTED) and not whole else ERASED
    fact = facts.PersonErased(
        person=person.id, why=why, groups=[g.code for g in gone], kept=[g.code for g in kept], whole=whole
    )
    if not gone:
        return Change(person), personal
    return (
        changed(
            person,
            fact,
            state=state,
            shown_name=person.shown_name if left.name else GONE,
            shown_id=person.shown_id if left.id_number else GONE,
        ),
        left,
    )
