"""What the jurisdiction profile says about people, as the service asks for it; and the key of the ID hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from population.domain.erasure import Group
from population.domain.person import Identified
from population.idnumber import BadId, hashed, read_id
from suizhuan.adapters.china_calendar import ChinaCalendar
from suizhuan.kernel.clock import SHANGHAI
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.worktime import due
from suizhuan.profile import Profile
from suizhuan.profile_population import Coded, FileKind, PersonField, PopulationRules, Registration

C = TypeVar("C", bound=Coded)
NAME, ID, BIRTH, PHONE = "name", "id_number", "birth_date", "phone"


@dataclass(frozen=True, slots=True)
class Rules:
    """Codes, limits and lifetimes of one jurisdiction."""

    profile: Profile
    calendar: ChinaCalendar
    key: bytes

    @staticmethod
    def of(profile: Profile, key: bytes) -> Rules:
        return Rules(profile, ChinaCalendar(profile.working_hours), key)

    @property
    def population(self) -> PopulationRules:
        return self.profile.population

    @property
    def band_years(self) -> int:
        return self.population.birth_band_years

    @property
    def fresh_for(self) -> timedelta:
        """How long a record counts as fresh."""
        return timedelta(days=self.population.fresh_days)

    def id_hash(self, id_number: str) -> str:
        return hashed(self.key, id_number)

    def identified(self, id_number: str, now: datetime) -> Identified:
        """Errors: `id_malformed` with what is wrong."""
        try:
            return read_id(id_number, today(now))
        except BadId as error:
            raise Refusal("id_malformed", reason=error.code) from None

    def correction_due(self, now: datetime) -> datetime:
        """By when a request that is made now has to be answered."""
        return due(now, self.population.correction_limit, self.calendar)

    def registration(self, code: str) -> Registration:
        """Errors: `unknown_code`."""
        return _one(self.population.registrations, code, "registration")

    def purpose(self, code: str) -> str:
        """Errors: `unknown_code`."""
        return _one(self.population.purposes, code, "purpose").code

    def departure(self, code: str) -> str:
        """Errors: `unknown_code`."""
        return _one(self.population.departures, code, "departure").code

    def file_kind(self, code: str) -> FileKind:
        """Errors: `unknown_code`."""
        return _one(self.population.file_kinds, code, "file_kind")

    def file_ending(self, code: str) -> str:
        """Errors: `unknown_code`."""
        return _one(self.population.file_endings, code, "file_ending").code

    def visit_outcome(self, code: str) -> str:
        """Errors: `unknown_code`."""
        return _one(self.population.visit_outcomes, code, "visit_outcome").code

    def ground(self, code: str) -> str:
        """Errors: `unknown_code`."""
        return _one(self.population.permit.grounds, code, "permit_ground").code

    def field(self, code: str) -> PersonField | None:
        """The personal field of that code."""
        return next((field for field in self.population.fields if field.code == code), None)

    def details(self, given: Mapping[str, str]) -> dict[str, str]:
        """Personal fields as they are kept. Errors: `unknown_code`."""
        for code, value in given.items():
            field = self.field(code)
            if field is None:
                raise Refusal("unknown_code", kind="field", value=code[:64])
            if field.values:
                _one(field.values, value, code)
        return dict(given)

    def attributes(self, kind: FileKind, given: Mapping[str, str]) -> dict[str, str]:
        """What a file says. Errors: `unknown_code`, `attribute_missing`."""
        known = {attribute.code: attribute for attribute in kind.attributes}
        for code, value in given.items():
            if code not in known:
                raise Refusal("unknown_code", kind="attribute", value=code[:64])
            _one(known[code].values, value, code)
        missing = [a.code for a in kind.attributes if a.required and a.code not in given]
        if missing:
            raise Refusal("attribute_missing", attributes=missing)
        return dict(given)

    def groups(self) -> list[Group]:
        """The groups of personal fields, each with the fields that it is made of."""
        rules = self.population
        plain = {rules.identity_group: (NAME, ID, BIRTH), rules.contact_group: (PHONE,)}
        return [
            Group(
                group.code,
                group.basis == "statutory",
                plain.get(group.code, ()),
                tuple(field.code for field in rules.fields if field.group == group.code),
            )
            for group in rules.groups
        ]


def today(now: datetime) -> date:
    """The day that people there write."""
    return now.astimezone(SHANGHAI).date()


def _one(entries: Sequence[C], code: str, kind: str) -> C:
    for entry in entries:
        if entry.code == code:
            return entry
    raise Refusal("unknown_code", kind=kind, value=code[:64])
