"""The founding document: the organisations, affairs, mandates and opening entries with which a district begins.

A YAML file, validated against the jurisdiction profile it names. What is made up is marked `synthetic: true`.
Nothing in it is a grant yet: each affair's owner is implied to hold the root area, and services act on the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, StrictInt, StringConstraints

from suizhuan.datamodel import AreaCode, Count, Fen, Model, Slug, Text, Words, twice
from suizhuan.kernel.area import contains
from suizhuan.kernel.fen import MAX_FEN, yuan
from suizhuan.kernel.term import ASSIST, LEAD
from suizhuan.profile import Profile, load_profile
from suizhuan.yamlfile import DataFileError, Problem, read, validate

Power = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_]+\.[a-z_]+$")]
FORBIDDEN, FORBIDDEN_CERTIFICATE, CERTIFICATE = "forbidden", "forbidden_certificate", "certificate"
NEVER_PLACED = (FORBIDDEN, FORBIDDEN_CERTIFICATE, CERTIFICATE)
Finding = tuple[str, str]  # where (`mandates.3.giver`), and what is wrong there


class SeedError(DataFileError):
    """The founding document cannot be used; nothing was loaded."""


class Entry(Model):
    """Everything in a seed says whether it is made up."""

    synthetic: bool = False


class Area(Entry):
    """An area with its division code, trimmed."""

    code: AreaCode
    name: Words
    kind: Literal["district", "street", "community", "grid"]


class Organisation(Entry):
    """An organisation; `parent` stands before it."""

    id: Slug
    name: Words
    kind: Literal["department", "street", "community", "grid", "company", "social"]
    parent: Slug | None = None
    areas: tuple[AreaCode, ...] = Field(min_length=1)


class Staff(Entry):
    """A person who works for an organisation. The name is for the demonstration's screen only."""

    id: Slug
    org: Slug
    name: Words
    duty: Words


class Resident(Entry):
    """A person who lives in an area; for the demonstration."""

    id: Slug
    area: AreaCode
    name: Words


class Affair(Entry):
    """An affair of the catalogue. `list`: in which list of a community it stands: own 履职, assist 协助,
    forbidden 负面, certificate 证明, or forbidden_certificate, a certificate it must not issue.

    `powers` go to whom it is placed on, `owner_powers` are all that its owner holds at the root."""

    code: Slug
    name: Words
    list: Literal["own", "assist", "forbidden", "certificate", "forbidden_certificate"]
    owner: Slug
    powers: tuple[Power, ...] = ()
    owner_powers: tuple[Power, ...] = ()
    basis: Literal["per_case", "lump"]


class Days(Model):
    """Days after the founding."""

    days: Count


class Mandate(Entry):
    """A mandate that is active from the start; its money is set aside from the giver's opening balance."""

    id: Slug
    affair: Slug
    area: AreaCode
    role: Literal["lead", "assist"]
    giver: Slug
    holder: Slug
    powers: tuple[Power, ...] = Field(min_length=1)
    staff: tuple[Slug, ...] = Field(min_length=1)
    starts: Days = Days(days=0)
    ends: Days
    amount_fen: Fen
    basis: Literal["per_case", "lump"]

    def window(self, founded_at: datetime) -> tuple[datetime, datetime]:
        """From when until when, for a district founded at that moment."""
        return founded_at + timedelta(days=self.starts.days), founded_at + timedelta(days=self.ends.days)


class Line(Model):
    """A line of an entry, in fen: debit positive, credit negative."""

    org: Slug
    account: Text
    amount_fen: Annotated[StrictInt, Field(ge=-MAX_FEN, le=MAX_FEN)]


class LedgerEntry(Entry):
    """A balanced entry: its lines sum to 0 for each organisation. Entries are posted in the order of the file."""

    id: Slug
    kind: Literal["opening", "budget", "journal"]
    memo: Text
    lines: tuple[Line, ...] = Field(min_length=2)


class Seed(Model):
    """The whole founding document. `facts` is the file of facts beside it that it is built on."""

    profile: Text
    facts: Text | None = None
    areas: tuple[Area, ...]
    organisations: tuple[Organisation, ...]
    staff: tuple[Staff, ...]
    residents: tuple[Resident, ...]
    affairs: tuple[Affair, ...]
    mandates: tuple[Mandate, ...]
    entries: tuple[LedgerEntry, ...]
    _source: Path | None = PrivateAttr(None)

    def beside(self, service: str) -> Path | None:
        """Where a service's own founding document lies: `xiangli.property.yaml` beside `xiangli.seed.yaml`; None where
        there is none."""
        if self._source is None:
            return None
        found = self._source.with_name(f"{self._source.name.partition('.')[0]}.{service}.yaml")
        return found if found.is_file() else None

    def balances(self) -> dict[tuple[str, str], int]:
        """(organisation, account) -> fen, after every entry; debit positive."""
        totals: dict[tuple[str, str], int] = defaultdict(int)
        for entry in self.entries:
            for line in entry.lines:
                totals[line.org, line.account] += line.amount_fen
        return dict(totals)


def load_seed(path: str | Path, profile: Profile | None = None) -> Seed:
    """The founding document in that file, for `profile`, else for the one that it names.

    Promise: every organisation, area, affair, person and account it mentions exists, each category and tariff of
    the profile has its affair, each entry balances, no bank goes negative and every mandate can be funded.
    Errors: `SeedError` (`ProfileError` for the profile), which names the file, the field and the reason of everything.
    """
    source = Path(path)
    document = read(source, str(path), SeedError)
    seed = validate(Seed, document, [(str(path), document)], SeedError)
    against = profile or load_profile(seed.profile)
    findings = [finding for check in _CHECKS for finding in check(seed, against)]
    if seed.facts is not None and not (source.parent / seed.facts).is_file():
        findings.append(("facts", f"there is no file {seed.facts} beside it"))
    if findings:
        raise SeedError([Problem(str(path), field, reason) for field, reason in findings])
    seed._source = source
    return seed


def _unknown(field: str, kind: str, wanted: Iterable[str], known: Iterable[str]) -> Iterator[Finding]:
    for name in sorted(set(wanted) - set(known)):
        yield field, f"there is no {kind} {name}"


def _names_are_unique(seed: Seed, _: Profile) -> Iterator[Finding]:
    ids = {
        "areas": [area.code for area in seed.areas],
        "organisations": [org.id for org in seed.organisations],
        "staff": [*(person.id for person in seed.staff), *(resident.id for resident in seed.residents)],
        "affairs": [affair.code for affair in seed.affairs],
        "mandates": [mandate.id for mandate in seed.mandates],
        "entries": [entry.id for entry in seed.entries],
    }
    for field, names in ids.items():
        for name in twice(names):
            yield field, f"{name} stands twice"


def _organisations_hang_together(seed: Seed, profile: Profile) -> Iterator[Finding]:
    areas = {area.code for area in seed.areas}
    yield from _unknown("areas", "root area", [profile.root_area], areas)
    for i, area in enumerate(seed.areas):
        if not contains(profile.root_area, area.code):
            yield f"areas.{i}.code", f"{area.code} lies outside the root area {profile.root_area}"
    before: set[str] = set()
    for i, org in enumerate(seed.organisations):
        yield from _unknown(f"organisations.{i}.areas", "area", org.areas, areas)
        if org.parent is not None and org.parent not in before:
            yield f"organisations.{i}.parent", f"there is no organisation {org.parent} before {org.id}"
        before.add(org.id)
    for i, person in enumerate(seed.staff):
        yield from _unknown(f"staff.{i}.org", "organisation", [person.org], before)
    for i, resident in enumerate(seed.residents):
        yield from _unknown(f"residents.{i}.area", "area", [resident.area], areas)


def _affairs_have_owners(seed: Seed, profile: Profile) -> Iterator[Finding]:
    organisations = {org.id: org for org in seed.organisations}
    for i, affair in enumerate(seed.affairs):
        yield from _unknown(f"affairs.{i}.owner", "organisation", [affair.owner], organisations)
        owner = organisations.get(affair.owner)
        if owner is not None and profile.root_area not in owner.areas:
            yield f"affairs.{i}.owner", f"{affair.owner} does not hold the root area {profile.root_area}"
        if affair.list in NEVER_PLACED and (affair.powers or affair.owner_powers):
            yield f"affairs.{i}.powers", f"{affair.code} is on the list {affair.list}: it gives no power"
        if affair.list not in NEVER_PLACED and not affair.powers:
            yield f"affairs.{i}.powers", f"{affair.code} gives no power: a duty without power"
        for power in sorted(set(affair.powers) - set(affair.owner_powers)):
            yield f"affairs.{i}.owner_powers", f"lacks {power}, which {affair.owner} could not give then"
    known = [affair.code for affair in seed.affairs if affair.list not in NEVER_PLACED]
    for category in profile.categories:
        yield from _unknown("affairs", f"affair of the category {category.code},", [category.affair], known)
    yield from _unknown("affairs", "affair of the tariff,", profile.tariffs, known)


def _mandates_stand(seed: Seed, _: Profile) -> Iterator[Finding]:
    organisations = {org.id: org for org in seed.organisations}
    affairs = {affair.code: affair for affair in seed.affairs}
    areas = {area.code for area in seed.areas}
    employer = {person.id: person.org for person in seed.staff}
    for i, mandate in enumerate(seed.mandates):
        at = f"mandates.{i}"
        yield from _unknown(f"{at}.affair", "affair", [mandate.affair], affairs)
        yield from _unknown(f"{at}.area", "area", [mandate.area], areas)
        yield from _unknown(f"{at}.holder", "organisation", [mandate.holder], organisations)
        for person in mandate.staff:
            if employer.get(person) != mandate.holder:
                yield f"{at}.staff", f"{person} does not work for {mandate.holder}"
        if mandate.ends.days <= mandate.starts.days:
            yield f"{at}.ends", "must come after starts"
        if (affair := affairs.get(mandate.affair)) is None:
            continue
        if affair.list in NEVER_PLACED:
            yield f"{at}.affair", f"{affair.code} is on the list {affair.list} and cannot be placed"
        if mandate.giver != affair.owner:
            yield f"{at}.giver", f"the root of {affair.code} belongs to {affair.owner}, not to {mandate.giver}"
        if extra := sorted(set(mandate.powers) - set(affair.powers)):
            yield f"{at}.powers", f"{affair.code} does not give {', '.join(extra)}"
        holder = organisations.get(mandate.holder)
        if affair.list == ASSIST and mandate.role == LEAD and holder is not None and holder.kind == "community":
            yield f"{at}.role", f"a community never leads an assist item: {affair.code}"
    for slot in twice(f"{m.affair} in {m.area}" for m in seed.mandates if m.role == LEAD):
        yield "mandates", f"two lead mandates for {slot}"


def _entries_balance(seed: Seed, profile: Profile) -> Iterator[Finding]:
    organisations = {org.id for org in seed.organisations}
    money = (profile.account_roles.cash, profile.account_roles.bank)
    held: dict[tuple[str, str], int] = defaultdict(int)
    for i, entry in enumerate(seed.entries):
        sums: dict[str, int] = defaultdict(int)
        for j, line in enumerate(entry.lines):
            yield from _unknown(f"entries.{i}.lines.{j}.org", "organisation", [line.org], organisations)
            yield from _unknown(f"entries.{i}.lines.{j}.account", "account", [line.account], profile.accounts)
            if line.amount_fen == 0:
                yield f"entries.{i}.lines.{j}.amount_fen", "must not be 0"
            sums[line.org] += line.amount_fen
            held[line.org, line.account] += line.amount_fen
        for org, total in sums.items():
            if total:
                yield f"entries.{i}.lines", f"{entry.id} does not balance for {org}: {yuan(total)} yuan too much"
            for account in money:
                if held[org, account] < 0:
                    yield f"entries.{i}.lines", f"{entry.id} leaves {org} with {yuan(held[org, account])} in {account}"
    for i, mandate in enumerate(seed.mandates):
        held[mandate.giver, money[1]] -= mandate.amount_fen
        if held[mandate.giver, money[1]] < 0:
            yield f"mandates.{i}.amount_fen", f"{mandate.giver} cannot fund {mandate.id}: 有责无费"


_CHECKS: tuple[Callable[[Seed, Profile], Iterator[Finding]], ...] = (
    _names_are_unique,
    _organisations_hang_together,
    _affairs_have_owners,
    _mandates_stand,
    _entries_balance,
)
