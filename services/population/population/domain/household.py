"""Households: each in one grid, in a dwelling where it is known; one of its people is its head."""

from __future__ import annotations

from dataclasses import dataclass

from population.domain import facts
from population.domain.change import Change, changed
from suizhuan.kernel.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """`number` 户号 is unique in its grid."""

    id: str
    grid: str
    number: str
    dwelling: str | None
    head: str | None
    version: int

    @property
    def key(self) -> str:
        return self.id

    @property
    def place(self) -> str:
        return self.grid


def register(household: str, grid: str, number: str, dwelling: str | None) -> Change[Household]:
    """A household is known from now on; its head is named when there is one."""
    made = Household(id=household, grid=grid, number=number, dwelling=dwelling, head=None, version=0)
    return changed(made, facts.HouseholdRegistered(household=household, grid=grid, dwelling=dwelling))


def name_head(household: Household, person: str, *, member_of: str | None, present: bool) -> Change[Household]:
    """One of its people becomes its head 户主. Errors: `not_a_member`, which also says so of who has left."""
    if member_of != household.id or not present:
        raise Refusal("not_a_member", person=person, household=household.id)
    if household.head == person:
        return Change(household)
    return changed(household, facts.HouseholdHeadNamed(household=household.id, person=person), head=person)


def without_head(household: Household, person: str) -> Change[Household]:
    """Its head has left it: until somebody is named it has none."""
    if household.head != person:
        return Change(household)
    return changed(household, facts.HouseholdHeadNamed(household=household.id, person=None), head=None)
