"""What happens in population: the data of its events. Ids and coarse attributes only, never personal data.

Whoever is classified, and as what, is nobody's business on the log: facts about files and permits name the file and its
grid, never the person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRegistered:
    """An area is in use from now on. `kind` follows from the length of its code."""

    area: str
    kind: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRenamed:
    """The area has other names; its code and what belongs to it are as before."""

    area: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingRegistered:
    """A building stands in this grid."""

    building: str
    grid: str
    floors: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DwellingRegistered:
    """The building has one more dwelling. Dwellings that an import brings are told by its counts alone."""

    building: str
    dwelling: str
    grid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdRegistered:
    """A household lives in this grid. Those that an import brings are told by its counts alone."""

    household: str
    grid: str
    dwelling: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdHeadNamed:
    """The household has this head from now on; None: its head has left and nobody is named yet."""

    household: str
    person: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRegistered:
    """A person lives in this grid. `birth_from` is the first year of a band of years. Those whom an import brings are
    told by its counts alone (`people.counted`)."""

    person: str
    grid: str
    building: str | None
    dwelling: str | None
    household: str | None
    sex: str
    birth_from: int
    registration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonChanged:
    """What is held on the person was put right or completed. `fields` are names of fields, never their values."""

    person: str
    grid: str
    sex: str
    birth_from: int
    registration: str
    fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMoved:
    """The person lives elsewhere in the city from now on."""

    person: str
    from_grid: str
    grid: str
    building: str | None
    dwelling: str | None
    household: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDeparted:
    """The person lives here no longer; the lifetimes of what is held begin. `reason` is one of the profile's."""

    person: str
    grid: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLinked:
    """An account was shown to be this person's: from now on its holder reads what is held on him."""

    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRead:
    """Somebody read personal data of a person, under a power and for a purpose. None of it is here: `fields` are
    names."""

    person: str
    power: str
    purpose: str
    fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRead:
    """The person read what is held on him, or got a copy of it (`how`: read, copy)."""

    person: str
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonErased:
    """These groups of fields are gone. `why`: requested, retention. `kept` are groups that a statutory duty keeps.
    `whole`: nothing is left but the coarse row that counts are made of."""

    person: str
    why: str
    groups: list[str]
    kept: list[str]
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionAsked:
    """A person asks to have a field put right, and has to be answered by `due_at`."""

    request: str
    person: str
    grid: str
    field: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionDecided:
    """It was put right (`accepted`), or it was not, for a reason that the person reads."""

    request: str
    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionOverdue:
    """A request to put something right was not answered in time."""

    request: str
    grid: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStarted:
    """A file of people was handed in for this area."""

    import_id: str
    area: str
    format: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportCompleted:
    """Every row of the file was read: so many people are new, changed, as they were; so many rows were refused."""

    import_id: str
    area: str
    rows: int
    added: int
    updated: int
    unchanged: int
    refused: int
    buildings: int
    dwellings: int
    households: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStopped:
    """The import could not go on after `rows` rows; what was taken stays. `reason` is a code of the API's errors."""

    import_id: str
    area: str
    reason: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportErrorsRead:
    """Somebody fetched the refused rows of an import to mend them; personal data stand in them."""

    import_id: str
    power: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCounted:
    """How many people and households live in a grid, as counted when an import was over."""

    grid: str
    people: int
    households: int
    by_registration: dict[str, int]
