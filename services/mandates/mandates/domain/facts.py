"""What happens in mandates: the data of its events. Ids and coarse attributes only, never personal data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

Names = list[str]  # a field named `list` stands in the way of the plain word


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRegistered:
    """An organisation is known from now on, or its entry has changed. `areas` are trimmed codes."""

    org: str
    name: str
    name_en: str
    kind: str
    parent: str | None
    areas: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AffairListed:
    """An affair stands in the catalogue. `list` is own 履职, assist 协助, forbidden 负面 or certificate 证明
    (forbidden_certificate: one that a community must not issue).

    `basis` says how it is paid: per_case or lump. Its owner holds the root."""

    affair: str
    name: str
    name_en: str
    list: str
    owner: str
    powers: Names
    owner_powers: Names
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateProposed:
    """`giver` asks to place an affair on `holder` for an area and a time. `missing` names what it still lacks."""

    mandate: str
    affair: str
    area: str
    role: str
    giver: str
    holder: str
    powers: list[str]
    staff_count: int
    starts_at: datetime
    ends_at: datetime | None
    basis: str
    amount_fen: int
    replaces: str | None
    emergency: str | None
    missing: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateAdmitted:
    """Admitted: list entry, powers, named staff and an end date are there; finance is asked for `amount_fen`."""

    mandate: str
    affair: str
    area: str
    role: str
    giver: str
    holder: str
    powers: list[str]
    staff_count: int
    starts_at: datetime
    ends_at: datetime
    basis: str
    amount_fen: int
    admitted_by: str
    emergency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRefused:
    """Not admitted, or not funded; nothing has moved. `next_org` can act next, by `next_action`.

    `reason`: not_admitted, shortfall, withdrawn, slot_taken, expired."""

    mandate: str
    reason: str
    shortfall_fen: int
    next_org: str | None
    next_action: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateFunded:
    """Its money is set aside; now its power can move."""

    mandate: str
    earmark: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateActivated:
    """Active: the switch is done; the holder has the duty, the powers and the money under `term`."""

    mandate: str
    affair: str
    area: str
    role: str
    giver: str
    holder: str
    powers: list[str]
    term: int
    starts_at: datetime
    ends_at: datetime | None
    staff_count: int
    amount_fen: int
    basis: str
    switch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateSuspended:
    """Its powers are gone until it is resumed; the broader holder is responsible."""

    mandate: str
    reason: str
    switch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateEnding:
    """It is to end before its time; a switch is on its way."""

    mandate: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateEnded:
    """Its duty and powers are gone. Finance returns what is left to `giver`, pro rata by `ended_at` if lump sum."""

    mandate: str
    affair: str
    area: str
    giver: str
    holder: str
    reason: str
    basis: str
    amount_fen: int
    starts_at: datetime
    ends_at: datetime | None
    ended_at: datetime
    switch: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateSettled:
    """Its last case and hold are settled and the rest has gone back: nothing is left of it."""

    mandate: str
    returned_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MandateRekeyed:
    """Its area has another code: the same duty, powers and money, under `term` from `since` on where it holds a slot
    (before that `term` is null)."""

    mandate: str
    affair: str
    from_area: str
    area: str
    holder: str
    term: int | None
    since: datetime
    switch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rekey:
    """A code that becomes another one; the longest prefix wins. `heir`: of several that become one, this one's grants
    hold in the whole of it; of one that becomes several, what is not said to go elsewhere goes here."""

    old: str
    new: str
    heir: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot that is about to move; `mandate` narrows an assist slot to one grant."""

    affair: str
    area: str
    role: str
    mandate: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Who held, or now holds, a slot."""

    mandate: str
    holder: str
    term: int
    powers: list[str]
    starts_at: datetime
    ends_at: datetime | None
    successor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedSlot:
    """A slot that has moved. Without `new` the broader holder follows."""

    affair: str
    area: str
    role: str
    old: Holding | None
    new: Holding | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchOpened:
    """These slots are about to move: their holders' powers there yield. `awaited` are the replicas to hear from.

    `rekeys` says which areas are about to get other codes, `rekeying` what announced it; mostly nothing."""

    switch: str
    slots: list[Slot]
    why: str
    mandates: list[str]
    awaited: list[str]
    rekeys: list[Rekey] = field(default_factory=list)
    rekeying: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDone:
    """All these slots have moved, in one record. By `rekeys` codes of areas have become others, everywhere."""

    switch: str
    slots: list[MovedSlot]
    why: str
    rekeys: list[Rekey] = field(default_factory=list)
    rekeying: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchDropped:
    """Given up: only what this switch had set yielding is lifted."""

    switch: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Mandates is alive and knows these replicas."""

    replicas: list[str]
    sent_at: datetime
