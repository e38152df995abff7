"""The affair catalogue with its lists, and what each list lets be placed on whom (domain.md §5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from mandates.domain.facts import AffairListed
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import LEAD

OWN, ASSIST_LIST, FORBIDDEN = "own", "assist", "forbidden"
CERTIFICATE, FORBIDDEN_CERTIFICATE = "certificate", "forbidden_certificate"
PLACEABLE = (OWN, ASSIST_LIST)
NEVER_LEAD_ON_ASSIST = ("community", "grid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Affair:
    """An affair of the catalogue. `powers` go to whom it is placed on, `owner_powers` to its owner at the root."""

    code: str
    name_zh: str
    name_en: str
    list: str
    owner: str
    powers: tuple[str, ...]
    owner_powers: tuple[str, ...]
    basis: str

    @property
    def placeable(self) -> bool:
        return self.list in PLACEABLE

    @property
    def root_powers(self) -> tuple[str, ...]:
        """What the owner holds at the root: all that it may give, and what it needs to give it."""
        return tuple(sorted({*self.powers, *self.owner_powers}))


def list_affair(affair: Affair, *, owner_holds_root: bool, banned_names: Collection[str]) -> AffairListed:
    """The affair enters the catalogue.

    Errors: `certificate_forbidden` for one of the twenty under another list, `owner_not_of_root`,
    `affair_without_power`, `affair_gives_no_power`.
    """
    if affair.list != FORBIDDEN_CERTIFICATE and {affair.name_zh, affair.name_en} & set(banned_names):
        raise Refusal("certificate_forbidden", affair=affair.code)
    if not owner_holds_root:
        raise Refusal("owner_not_of_root", org=affair.owner)
    if affair.placeable and not affair.powers:
        raise Refusal("affair_without_power", affair=affair.code)
    if not affair.placeable and (affair.powers or affair.owner_powers):
        raise Refusal("affair_gives_no_power", affair=affair.code, list=affair.list)
    return AffairListed(
        affair=affair.code,
        name=affair.name_zh,
        name_en=affair.name_en,
        list=affair.list,
        owner=affair.owner,
        powers=list(affair.powers),
        owner_powers=list(affair.owner_powers),
        basis=affair.basis,
    )


def check_placing(affair: Affair, *, role: str, holder: str, holder_kind: str, powers: Collection[str]) -> None:
    """The list lets this affair be placed so.

    Errors: `affair_forbidden`, `certificate_forbidden`, `certificate_not_placed`, `assist_only`, `power_not_of_affair`.
    """
    if affair.list == FORBIDDEN:
        raise Refusal("affair_forbidden", affair=affair.code)
    if affair.list == FORBIDDEN_CERTIFICATE:
        raise Refusal("certificate_forbidden", affair=affair.code)
    if affair.list == CERTIFICATE:
        raise Refusal("certificate_not_placed", affair=affair.code)
    if affair.list == ASSIST_LIST and role == LEAD and holder_kind in NEVER_LEAD_ON_ASSIST:
        raise Refusal("assist_only", affair=affair.code, org=holder)
    if extra := sorted(set(powers) - set(affair.powers)):
        raise Refusal("power_not_of_affair", affair=affair.code, power=", ".join(extra))
