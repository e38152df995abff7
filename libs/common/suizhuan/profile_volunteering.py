"""The section of a jurisdiction profile about voluntary service (domain.md §7)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, field_validator, model_validator

from suizhuan.datamodel import Count, Model, Slug, Words, twice


class Kind(Model):
    """A code that people read as words."""

    code: Slug
    name: Words


class Training(Kind):
    """A course of volunteers, and for how many days having attended it counts."""

    valid_days: Annotated[StrictInt, Field(ge=1)]


_Kinds = Annotated[tuple[Kind, ...], Field(min_length=1)]


class Volunteering(Model):
    """Voluntary service: ages, stars and the words for its kinds.

    Ages are full years: below `least_age` nobody serves, below `adult_age` with a guardian's consent and nowhere that
    is dangerous. `stars_h`: hours at which the first, second … star is reached. `training_first`: what everybody has
    attended before any service. `check_in_early_m`: minutes before a shift from which one may check in."""

    least_age: Annotated[StrictInt, Field(ge=1)]
    adult_age: Annotated[StrictInt, Field(ge=1)]
    senior_age: Annotated[StrictInt, Field(ge=1)]
    stars_h: Annotated[tuple[Annotated[StrictInt, Field(ge=1)], ...], Field(min_length=1)]
    check_in_early_m: Count
    training: Annotated[tuple[Training, ...], Field(min_length=1)]
    training_first: tuple[Slug, ...]
    team_kinds: _Kinds
    activity_kinds: _Kinds
    skills: _Kinds
    awards: _Kinds
    needs: _Kinds
    visits: _Kinds

    @model_validator(mode="after")
    def _in_order(self) -> Volunteering:
        if not self.least_age < self.adult_age < self.senior_age:
            raise ValueError("least_age, adult_age and senior_age must rise")
        if list(self.stars_h) != sorted(set(self.stars_h)):
            raise ValueError("stars_h must rise")
        if missing := sorted(set(self.training_first) - {one.code for one in self.training}):
            raise ValueError(f"training_first names no training: {', '.join(missing)}")
        return self

    @field_validator("training", "team_kinds", "activity_kinds", "skills", "awards", "needs", "visits")
    @classmethod
    def _codes(cls, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if doubled := twice(kind.code for kind in kinds):
            raise ValueError(f"these codes stand twice: {', '.join(doubled)}")
        return kinds
