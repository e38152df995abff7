"""What happens in finance: the data of its events. Money is integer fen; debit is positive, credit negative."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffSet:
    """The price of one case of an affair, from now on."""

    affair: str
    price_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an entry. `earmark` is the mandate whose earmark it belongs to, if any."""

    org: str
    account: str
    earmark: str | None
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPosted:
    """A balanced entry stands in the ledger: its lines sum to 0 for each organisation.

    `kind`: opening, budget, journal, earmark, capture, return, reversal. `cause` is the event or command behind it.
    The last three say what else stands in its row; events of before they were there have none."""

    entry: str
    kind: str
    cause: str
    memo: str
    lines: list[Line]
    case: str | None = None
    mandate: str | None = None
    approved_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarmarkFunded:
    """`amount_fen` of `payer`'s money is set aside with `holder` for the mandate (费随事转: money follows the work)."""

    earmark: str
    mandate: str
    payer: str
    holder: str
    amount_fen: int
    basis: str
    entry: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EarmarkRefused:
    """The payer's available money (balance minus holds) is short; nothing was set aside."""

    mandate: str
    payer: str
    amount_fen: int
    available_fen: int
    shortfall_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EarmarkReturned:
    """What is left of an ended mandate's earmark has gone back to its payer."""

    earmark: str
    mandate: str
    payer: str
    holder: str
    amount_fen: int
    entry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EarmarkSettled:
    """The mandate has ended and its earmark has neither money nor holds any more. `returned_fen` in all."""

    earmark: str
    mandate: str
    captured_fen: int
    returned_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBooked:
    """An emergency mandate began unfunded: `payer` owes `holder` this much (domain.md §5, emergencies)."""

    mandate: str
    payer: str
    holder: str
    amount_fen: int
    entry: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPlaced:
    """Money is held for one movement of a case. `ref` is the handover or switch that asked.

    `purpose`: handover or switch. `mandate` is the earmark it is held from; without one it is `payer`'s budget."""

    hold: str
    purpose: str
    ref: str
    case: str
    case_term: int
    payer: str
    mandate: str | None
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRefused:
    """Nothing was held: `shortfall_fen` is missing. For a switch this means: the affair's owner takes the case."""

    purpose: str
    ref: str
    case: str
    case_term: int
    payer: str
    mandate: str | None
    amount_fen: int
    available_fen: int
    shortfall_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldCaptured:
    """The work was verified: the held money has become the worker's."""

    hold: str
    case: str
    payer: str
    payee: str
    mandate: str | None
    amount_fen: int
    entry: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleased:
    """The held money is free again where it came from. `reason`: returned, refused, surplus, closed_unpaid."""

    hold: str
    case: str
    payer: str
    mandate: str | None
    amount_fen: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillHeld:
    """The cost that `service` plans is held from the mandate's earmark: the work may begin."""

    service: str
    bill: str
    mandate: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRefused:
    """Nothing was held or paid. `reason`: short (by `shortfall_fen`), not_under_mandate, no_earmark, above_hold."""

    service: str
    bill: str
    reason: str
    shortfall_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BillBooked:
    """What is due to `org` is receivable, and its income."""

    service: str
    bill: str
    org: str
    amount_fen: int
    entry: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillPaid:
    """`payee` has the money: of a cost from the earmark of `mandate`, of an income from its debtor."""

    service: str
    bill: str
    payee: str
    mandate: str | None
    amount_fen: int
    entry: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BillReleased:
    """It was withdrawn: what was held is free again, what was receivable is reversed by `entry`."""

    service: str
    bill: str
    amount_fen: int
    entry: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePaid:
    """A verified case is paid, once: from its open holds, else from the earmark it was routed under."""

    case: str
    case_term: int
    payee: str
    mandate: str | None
    holds: list[str]
    amount_fen: int
    price_fen: int
    entry: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseUnpaid:
    """A verified case could not be paid in full: 有责无费. `shortfall_fen` is missing from `payer`."""

    case: str
    case_term: int
    payee: str
    payer: str
    mandate: str | None
    price_fen: int
    shortfall_fen: int
