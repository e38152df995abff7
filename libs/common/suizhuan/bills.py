"""Bills 单据: what any department asks of finance, by events in a topic `<service>.bill` of its own.

A bill is one thing to be paid or to be received, with an id of its service's own. Finance answers in `finance.bill`,
key `<service>:<bill>`. Money first, as everywhere (G4): a cost is held from the mandate's earmark before the work
begins, and captured, at most as much, when it is done.

    income  IncomeDue → booked · IncomeReceived → paid · BillWithdrawn → released
    cost    CostPlanned → held | refused · CostIncurred → paid · BillWithdrawn → released

A bill that finance does not hold in the state that an event needs is left as it is: repeats change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from suizhuan.events import EventRegistry
from suizhuan.ports.log import TopicSpec

KIND = "bill"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeDue:
    """`amount_fen` is due to `org` from `debtor`, an id that tells nothing of a person. It becomes receivable, and
    income of the time for which it is due (accrual)."""

    bill: str
    org: str
    debtor: str
    amount_fen: int
    what: Literal["rent", "fee", "other"]
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomeReceived:
    """What was due has come to the bank."""

    bill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPlanned:
    """Work under `mandate` will cost up to `amount_fen`: hold it from the mandate's earmark.

    Said under that very mandate (attribute `mandate`) by its holder (`org`); else finance refuses: nobody plans with
    another's money."""

    bill: str
    mandate: str
    amount_fen: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostIncurred:
    """The work is done and cost `amount_fen`, at most what is held, which `payee` gets; the rest is free again."""

    bill: str
    payee: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BillWithdrawn:
    """It will not be: what is held or booked for it, and not paid yet, is undone."""

    bill: str
    reason: str


def publish(events: EventRegistry) -> TopicSpec:
    """Declare the topic of a service's bills, with all that they can say."""
    topic = events.topic(f"{events.service}.{KIND}")
    events.register(topic, IncomeDue, f"{KIND}.income_due")
    events.register(topic, IncomeReceived, f"{KIND}.income_received")
    events.register(topic, CostPlanned, f"{KIND}.cost_planned")
    events.register(topic, CostIncurred, f"{KIND}.cost_incurred")
    events.register(topic, BillWithdrawn, f"{KIND}.withdrawn")
    return topic
