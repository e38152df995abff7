"""People: a row of coarse attributes, and beside it what identifies them, which is read only for a purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from population.domain import facts
from population.domain.change import Change, changed
from suizhuan.kernel.refusal import Refusal

PRESENT, DEPARTED, ERASED = "present", "departed", "erased"
STATES = (PRESENT, DEPARTED, ERASED)
FEMALE, MALE = "female", "male"
LOST = "?"
"""The mask of somebody whose personal data were lost with a database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """What an ID number says (GB 11643): it was checked where it was read."""

    id_number: str
    birth_date: str
    sex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """What identifies a person. `details` are the profile's fields by code. None: erased, lost, or never given."""

    name: str | None = None
    id_number: str | None = None
    birth_date: str | None = None
    phone: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where somebody lives: always a grid; building, dwelling and household where they are known."""

    grid: str
    building: str | None = None
    dwelling: str | None = None
    household: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person, coarsely. `shown_name` and `shown_id` are masks: a list needs nothing else."""

    id: str
    grid: str
    building: str | None
    dwelling: str | None
    household: str | None
    sex: str
    birth_from: int
    registration: str
    state: str
    shown_name: str
    shown_id: str
    version: int
    changed_at: datetime
    departed_at: datetime | None = None
    lost: bool = False

    @property
    def key(self) -> str:
        return self.id

    @property
    def place(self) -> str:
        return self.grid

    @property
    def home(self) -> Home:
        return Home(grid=self.grid, building=self.building, dwelling=self.dwelling, household=self.household)

    def needs_present(self) -> None:
        """Errors: `person_departed`."""
        if self.state != PRESENT:
            raise Refusal("person_departed", person=self.id)

    def needs_data(self) -> None:
        """Errors: `personal_data_gone`, after an erasure or a restore."""
        if self.state == ERASED or self.lost:
            raise Refusal("personal_data_gone", person=self.id)


def mask_name(name: str) -> str:
    """张*, whatever its length: the surname is enough to find the line one means, the rest is not needed for that."""
    return f"{name[:1]}*"


def mask_id(id_number: str) -> str:
    """The last four characters. The usual first six would tell where a person comes from and help nobody to tell two
    neighbours apart; the birth date is never needed for it. So the least that a card in the hand can be compared by."""
    return f"{'*' * (len(id_number) - 4)}{id_number[-4:]}"


def band(birth_date: str, years: int) -> int:
    """The first year of the band in which somebody was born."""
    year = int(birth_date[:4])
    return year - year % years


def register(
    person: str, home: Home, registration: str, known: Identified, name: str, *, band_years: int, now: datetime
) -> Change[Person]:
    """A person is known from now on."""
    made = Person(
        id=person,
        grid=home.grid,
        building=home.building,
        dwelling=home.dwelling,
        household=home.household,
        sex=known.sex,
        birth_from=band(known.birth_date, band_years),
        registration=registration,
        state=PRESENT,
        shown_name=mask_name(name),
        shown_id=mask_id(known.id_number),
        version=0,
        changed_at=now,
    )
    return changed(made, registered_fact(made))


def registered_fact(person: Person) -> facts.PersonRegistered:
    """What is told of a new person."""
    return facts.PersonRegistered(
        person=person.id,
        grid=person.grid,
        building=person.building,
        dwelling=person.dwelling,
        household=person.household,
        sex=person.sex,
        birth_from=person.birth_from,
        registration=person.registration,
    )


def correct(
    person: Person, before: Personal, after: Personal, registration: str, *, band_years: int, sex: str, now: datetime
) -> Change[Person]:
    """Personal fields or the kind of registration are put right. Nothing happens where they are the same.

    Errors: `person_departed`, `personal_data_gone`."""
    person.needs_present()
    fields = differing(before, after)
    if registration != person.registration:
        fields.append("registration")
    if not fields:
        return Change(person)
    now_is = replace(
        person,
        sex=sex,
        birth_from=band(after.birth_date, band_years) if after.birth_date else person.birth_from,
        registration=registration,
        shown_name=mask_name(after.name) if after.name else person.shown_name,
        shown_id=mask_id(after.id_number) if after.id_number else person.shown_id,
        changed_at=now,
        lost=person.lost and not (after.name and after.id_number),
    )
    fact = facts.PersonChanged(
        person=person.id,
        grid=person.grid,
        sex=now_is.sex,
        birth_from=now_is.birth_from,
        registration=registration,
        fields=sorted(fields),
    )
    return changed(now_is, fact)


def differing(before: Personal, after: Personal) -> list[str]:
    """The names of fields whose values are not the same."""
    plain = [f for f in ("name", "id_number", "birth_date", "phone") if getattr(before, f) != getattr(after, f)]
    codes = sorted({*before.details, *after.details})
    return plain + [code for code in codes if before.details.get(code) != after.details.get(code)]


def move(person: Person, home: Home, now: datetime) -> Change[Person]:
    """The person lives elsewhere in the city. Errors: `person_departed`."""
    person.needs_present()
    if home == person.home:
        return Change(person)
    fact = facts.PersonMoved(
        person=person.id,
        from_grid=person.grid,
        grid=home.grid,
        building=home.building,
        dwelling=home.dwelling,
        household=home.household,
    )
    return changed(
        person,
        fact,
        grid=home.grid,
        building=home.building,
        dwelling=home.dwelling,
        household=home.household,
        changed_at=now,
    )


def depart(person: Person, reason: str, now: datetime) -> Change[Person]:
    """The person lives here no longer. Errors: `person_departed`."""
    person.needs_present()
    fact = facts.PersonDeparted(person=person.id, grid=person.grid, reason=reason)
    return changed(person, fact, state=DEPARTED, departed_at=now, changed_at=now, household=None)
