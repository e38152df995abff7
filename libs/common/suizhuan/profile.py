"""The jurisdiction profile: every limit, price, weight, chart and calendar that differs from place to place.

Code holds none of these numbers (design §7). A profile is a YAML file; `extends` names another one, whose
mappings it refines key by key and whose lists and values it replaces.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, StringConstraints, field_validator, model_validator

from suizhuan.datamodel import AreaCode, Count, Fen, LimitText, Model, Seconds, Slug, Text, TimeOfDay, Words, twice
from suizhuan.kernel.term import Timing
from suizhuan.kernel.worktime import Hours, Limit, check_hours
from suizhuan.profile_population import PopulationRules
from suizhuan.profile_property import Property
from suizhuan.profile_volunteering import Volunteering
from suizhuan.yamlfile import DataFileError, Problem, read, validate

Dictionary = Literal["cjt214_2007", "gbt30428_2013", "gbt47678_2026"]
EmergencyKind = Literal["life", "property", "safety", "environment", "health"]
AccountKind = Literal["asset", "liability", "equity", "income", "expense"]


class ProfileError(DataFileError):
    """The profile cannot be used; nothing was loaded."""


class Authority(Model):
    """Times of the authority protocol: S, A, ε, the beat's interval, and how long a switch may stay open."""

    max_staleness_s: Annotated[float, Field(gt=0)]
    max_act_s: Annotated[float, Field(gt=0)]
    clock_error_ms: Count
    beat_interval_s: Annotated[float, Field(gt=0)]
    switch_deadline_s: Annotated[float, Field(gt=0)]

    @model_validator(mode="after")
    def _paces(self) -> Authority:
        if self.beat_interval_s > min(1.0, self.max_staleness_s / 10):
            raise ValueError("beat_interval_s must be at most 1 and at most a tenth of max_staleness_s (authority §1)")
        if 2 * self.clock_error_ms / 1000 >= self.max_staleness_s:
            raise ValueError("twice clock_error_ms must be below max_staleness_s")
        if self.switch_deadline_s <= self.timing.lease.total_seconds() + self.max_act_s:
            raise ValueError("switch_deadline_s must be above S + 2ε + A, or no lease can ever run out within it")
        return self

    @property
    def timing(self) -> Timing:
        """S, A and ε as the kernel reads them."""
        return Timing(
            timedelta(seconds=self.max_staleness_s),
            timedelta(seconds=self.max_act_s),
            timedelta(milliseconds=self.clock_error_ms),
        )


class Admission(Model):
    """准入, in working days: how long ahead to apply, within what to decide, how long ahead to say a withdrawal."""

    lead_time_workdays: Count
    decision_workdays: Count
    withdraw_notice_workdays: Count


class Handover(Model):
    """Seconds: how long a handover may wait for its money; how long before a planned end its holds are asked for."""

    deadline_s: Annotated[float, Field(gt=0)]
    end_hold_lead_s: Seconds


class CaseLimits(Model):
    """Limits of a case's life beside those of its category."""

    emergency: LimitText
    utilities: LimitText
    complex: LimitText
    extension: LimitText
    return_wrong_dispatch: LimitText


class Category(Model):
    """A kind of event. `code` is our own and stable; `codes` are those of the dictionary's versions, where known.

    Without a `limit` the profile's `default_limit` counts."""

    code: Annotated[str, StringConstraints(pattern=r"^\d{2}-\d{2}$")]
    name: Words
    affair: Slug
    limit: LimitText | None = None
    codes: dict[Dictionary, Text] = Field(default_factory=dict)


class Channel(Model):
    """A way in. `limit`: within what the intake must have been taken up, where the standard says so."""

    code: Slug
    name: Words
    limit: LimitText | None = None


class Redirect(Model):
    """A matter that is not taken in but pointed elsewhere; `phone` where there is one to call."""

    code: Slug
    name: Words
    phone: Text | None = None


_Coded = Category | Channel | Redirect


class Account(Model):
    """An account of the chart."""

    zh: Text
    en: Text
    kind: AccountKind


class AccountRoles(Model):
    """Which accounts of the chart automatic entries use, so that code knows roles and never a number.

    `earmark` is money received for a mandate and not yet earned; `subsidy` income from a budget; `work_income`
    and `work_cost` what a verified case brings to who did it and costs who gave it; `allocation` a budget given;
    `rent_income` and `other_income` what is due by a bill."""

    cash: Text
    bank: Text
    receivable: Text
    payable: Text
    earmark: Text
    subsidy: Text
    work_income: Text
    work_cost: Text
    allocation: Text
    rent_income: Text
    other_income: Text


class Evaluation(Model):
    """考评: weights in percent, the fewest respondents, and the least share of ordinary residents among them."""

    residents_weight: Count
    street_weight: Count
    peers_weight: Count
    min_respondents: Count
    min_resident_percent: Annotated[StrictInt, Field(ge=0, le=100)]

    @model_validator(mode="after")
    def _whole(self) -> Evaluation:
        if self.residents_weight + self.street_weight + self.peers_weight != 100:
            raise ValueError("the weights must add up to 100")
        return self


class Cards(Model):
    """Working days: the yellow card so many before due, the red one on the so-manieth overdue."""

    yellow_workdays_before: Annotated[StrictInt, Field(ge=1)]
    red_workdays_after: Annotated[StrictInt, Field(ge=1)]


class Emergency(Model):
    """What may start at once, its money following within `funding_limit_h` hours (authority §4)."""

    kinds: dict[EmergencyKind, Words] = Field(min_length=1)
    funding_limit_h: Annotated[float, Field(gt=0)]


class Shown(Model):
    """Of events of these types (`complaints.case.*`) these fields; without fields, all of them."""

    types: tuple[Text, ...] = Field(min_length=1)
    fields: tuple[Text, ...] | None = None


class HubPurpose(Model):
    """Why a hub reads the streams, its sharing class, and what that covers; the rest is masked."""

    code: Slug
    name: Words
    sharing: Literal["unconditional", "conditional"]
    shows: tuple[Shown, ...] = Field(min_length=1)


class Hub(Model):
    """上联: the catalogue of purposes, and for how many days receipts are kept (PIPL 56: three years at least)."""

    purposes: tuple[HubPurpose, ...] = Field(min_length=1)
    receipts_days: Annotated[StrictInt, Field(ge=1096)]


class Profile(Model):
    """One jurisdiction. `synthetic` names the fields whose values are made up, for want of a published one."""

    name: Words
    root_area: AreaCode
    synthetic: tuple[str, ...] = ()
    authority: Authority
    admission: Admission
    handover: Handover
    working_hours: tuple[tuple[TimeOfDay, TimeOfDay], ...]
    default_limit: LimitText
    limits: CaseLimits
    cards: Cards
    category_classes: dict[Annotated[str, StringConstraints(pattern=r"^\d{2}$")], Words]
    categories: tuple[Category, ...] = Field(min_length=1)
    channels: tuple[Channel, ...] = Field(min_length=1)
    out_of_scope: tuple[Redirect, ...]
    tariffs: dict[Slug, Fen]
    accounts: dict[Annotated[str, StringConstraints(pattern=r"^\d{3}$")], Account] = Field(min_length=1)
    account_roles: AccountRoles
    forbidden_certificates: tuple[Words, ...]
    evaluation: Evaluation
    emergency: Emergency
    hub: Hub
    property: Property
    volunteering: Volunteering
    population: PopulationRules

    @field_validator("synthetic")
    @classmethod
    def _fields(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(names) - set(cls.model_fields)):
            raise ValueError(f"names no field of a profile: {', '.join(unknown)}")
        return names

    @field_validator("working_hours")
    @classmethod
    def _hours(cls, hours: Hours) -> Hours:
        return check_hours(hours)

    @field_validator("categories", "channels", "out_of_scope")
    @classmethod
    def _codes(cls, entries: tuple[_Coded, ...]) -> tuple[_Coded, ...]:
        if doubled := twice(entry.code for entry in entries):
            raise ValueError(f"these codes stand twice: {', '.join(doubled)}")
        return entries

    @field_validator("categories")
    @classmethod
    def _dictionary(cls, categories: tuple[Category, ...]) -> tuple[Category, ...]:
        if doubled := twice(f"{version} {code}" for c in categories for version, code in c.codes.items()):
            raise ValueError(f"these dictionary codes stand twice: {', '.join(doubled)}")
        return categories

    @model_validator(mode="after")
    def _references(self) -> Profile:
        if missing := sorted({c.code[:2] for c in self.categories} - set(self.category_classes)):
            raise ValueError(f"category_classes lacks {', '.join(missing)}")
        if missing := sorted(set(self.account_roles.model_dump().values()) - set(self.accounts)):
            raise ValueError(f"account_roles names no account of the chart: {', '.join(missing)}")
        kinds = self.property.repairs.kinds
        if missing := sorted({kind.category for kind in kinds} - {c.code for c in self.categories}):
            raise ValueError(f"property.repairs.kinds names no category: {', '.join(missing)}")
        if doubled := twice(kind.code for kind in kinds):
            raise ValueError(f"property.repairs.kinds: these codes stand twice: {', '.join(doubled)}")
        return self

    def category(self, code: str) -> Category | None:
        """The category with our own `code`."""
        return next((category for category in self.categories if category.code == code), None)

    def limit(self, category: str) -> Limit:
        """The limit of a category; `default_limit` where it has none of its own or is unknown."""
        found = self.category(category)
        return found.limit if found is not None and found.limit is not None else self.default_limit

    def price_fen(self, affair: str) -> int:
        """The price of one case of an affair when the demonstration begins; 0 where no tariff is set."""
        return self.tariffs.get(affair, 0)


def load_profile(name_or_path: str | Path) -> Profile:
    """The profile of that name in this package (`demonstration`, `test`), or in the file at that path.

    A text with a slash or ending in `.yaml` is a path; `extends` inside a file is relative to it. Errors:
    `ProfileError`, which names the file, the field and the reason of everything that is wrong.
    """
    return _load(name_or_path) if _is_path(name_or_path) else _packaged(name_or_path)


@cache
def _packaged(name: str | Path) -> Profile:
    """Those of the package do not change while a process lives, and each of its services wants one."""
    return _load(name)


def _load(name_or_path: str | Path) -> Profile:
    chain: list[tuple[str, dict[str, Any]]] = []
    read_already: set[str] = set()
    wanted: str | Path | None = name_or_path
    folder = Path()
    while wanted is not None:
        source, name = _find(wanted, folder)
        identity = str(source.resolve()) if isinstance(source, Path) else name
        if identity in read_already:
            raise ProfileError([Problem(name, "extends", "goes round in a circle")])
        read_already.add(identity)
        document = read(source, name, ProfileError)
        if isinstance(source, Path):
            folder = source.parent
        wanted = document.pop("extends", None)
        chain.append((name, document))
        if wanted is not None and not isinstance(wanted, str):
            raise ProfileError([Problem(name, "extends", "must name a profile")])
    merged: dict[str, Any] = {}
    for _, document in reversed(chain):
        merged = _merge(merged, document)
    return validate(Profile, merged, chain, ProfileError)


def _is_path(wanted: str | Path) -> bool:
    return isinstance(wanted, Path) or "/" in wanted or wanted.endswith((".yaml", ".yml"))


def _find(wanted: str | Path, folder: Path) -> tuple[Path | Traversable, str]:
    if _is_path(wanted):
        path = folder / wanted
        return path, str(path)
    packaged = resources.files("suizhuan") / "profiles" / f"{wanted}.yaml"
    return packaged, f"profiles/{wanted}.yaml"


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
