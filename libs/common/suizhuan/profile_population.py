"""The part of a jurisdiction profile that population goes by: who is registered as what, for how long, and for what."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field, StrictInt, field_validator, model_validator

from suizhuan.datamodel import LimitText, Model, Slug, Words, twice

Days = Annotated[StrictInt, Field(ge=1, le=36_500)]


class Coded(Model):
    """A code of this jurisdiction, with its name."""

    code: Slug
    name: Words


_C = TypeVar("_C", bound=Coded)


class Registration(Coded):
    """How a person is registered. `permit`: may apply for a residence permit. `duty`: the statutory duty by which the
    community keeps who is registered so, as long as he lives there; without it he is kept with his consent."""

    permit: bool = False
    duty: Words | None = None


class FieldGroup(Coded):
    """Personal fields with one purpose and one lifetime (PIPL 6, 19). `basis` is the lawful basis (13); a statutory
    group is kept as long as a duty stands, a consented one until it is withdrawn. `keep_days`: after the person has
    left. `sensitive` as in PIPL 28."""

    purpose: Words
    basis: Literal["statutory", "consent"]
    keep_days: Days
    sensitive: bool = False


class PersonField(Coded):
    """A personal field beside name, ID, birth date and phone. With `values` it is one of these, else a line of text."""

    group: Slug
    values: tuple[Coded, ...] = ()


class FileAttribute(Coded):
    """What a classified file says, always one of `values`: no free text about a person's need."""

    values: tuple[Coded, ...] = Field(min_length=1)
    required: bool = True


class FileKind(Coded):
    """A kind of classified file 分类档案: how often its person is visited, and by what duty it is kept. `officer`: a
    named officer is mandatory."""

    visit_days: Days
    duty: Words
    officer: bool = False
    attributes: tuple[FileAttribute, ...] = ()


class PermitRules(Model):
    """居住证: months lived here, within how many days it is issued, for how many days an endorsement holds, and how
    many days before its end somebody is reminded."""

    lived_months: Annotated[StrictInt, Field(ge=1, le=120)]
    issue_days: Days
    valid_days: Days
    remind_days: Days
    grounds: tuple[Coded, ...] = Field(min_length=1)
    duty: Words

    @model_validator(mode="after")
    def _reminded_in_time(self) -> PermitRules:
        if self.remind_days >= self.valid_days:
            raise ValueError("remind_days must be below valid_days")
        return self


class ImportRules(Model):
    """Of one file: most rows; how many days the rows that were refused are kept for whoever mends them."""

    max_rows: Annotated[StrictInt, Field(ge=1, le=10_000_000)]
    errors_keep_days: Days


class PopulationRules(Model):
    """人口. `birth_band_years`: how coarse a year of birth is told. `fresh_days`: a grid or building without a newer
    record counts as not looked after. `correction_limit`: within what a correction is decided."""

    birth_band_years: Annotated[StrictInt, Field(ge=2, le=20)]
    fresh_days: Days
    remind_again_days: Days
    correction_limit: LimitText
    registrations: tuple[Registration, ...] = Field(min_length=1)
    purposes: tuple[Coded, ...] = Field(min_length=1)
    groups: tuple[FieldGroup, ...] = Field(min_length=1)
    fields: tuple[PersonField, ...] = ()
    departures: tuple[Coded, ...] = Field(min_length=1)
    file_kinds: tuple[FileKind, ...] = Field(min_length=1)
    file_endings: tuple[Coded, ...] = Field(min_length=1)
    visit_outcomes: tuple[Coded, ...] = Field(min_length=1)
    permit: PermitRules
    imports: ImportRules
    identity_group: Slug
    contact_group: Slug

    @field_validator("registrations", "purposes", "groups", "fields", "departures", "file_kinds", "visit_outcomes")
    @classmethod
    def _codes(cls, entries: tuple[_C, ...]) -> tuple[_C, ...]:
        if doubled := twice(entry.code for entry in entries):
            raise ValueError(f"these codes stand twice: {', '.join(doubled)}")
        return entries

    @model_validator(mode="after")
    def _groups_are_known(self) -> PopulationRules:
        wanted = {self.identity_group, self.contact_group, *(f.group for f in self.fields)}
        if missing := sorted(wanted - {g.code for g in self.groups}):
            raise ValueError(f"groups lacks {', '.join(missing)}")
        return self
