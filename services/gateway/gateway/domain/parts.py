"""Of which events' fields each part of a composed answer is made: so that a purpose masks it as it masks the stream.

Promise: an answer shows no value that the stream would not show for the same purpose. What stands here with no field is
what an event says of itself, whatever masks its data: its type, its subject, its time. What does not stand here is
masked. `tests/test_parts.py` compares what stands here with what the handlers write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from gateway.domain.purposes import Purpose

Source = tuple[str, str]  # an event's type, a field of its data


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """`topic` is that of the thing itself; `fields` says for each field where its value may come from."""

    topic: str
    fields: Mapping[str, tuple[Source, ...]]

    def covered(self, purpose: Purpose) -> bool:
        """Whether the purpose covers any event that this is made of, be it only to count them."""
        return any(purpose.covers(type_) for sources in self.fields.values() for type_, _ in sources)

    def hidden(self, purpose: Purpose, names: Mapping[str, object]) -> list[str]:
        """Of these fields those that are masked, sorted: each whose value may come from something that is."""
        return sorted(names.keys() - _shown(self, purpose))

    def borrowed(self, purpose: Purpose) -> tuple[tuple[str, frozenset[str]], ...]:
        """The fields that are shown and come from other topics than its own, with those."""
        return _borrowed(self, purpose)


def topic_of(type_: str) -> str:
    """The topic in which events of a type are."""
    name = ".".join(type_.split(".")[:2])
    return _ELSEWHERE.get(name, name)


_ELSEWHERE = {"mandates.switch": "mandates.authority", "finance.case": "finance.hold"}


@lru_cache(maxsize=1024)
def _shown(part: Part, purpose: Purpose) -> frozenset[str]:
    """The fields that are not masked: worked out once, for a snapshot has thousands of rows."""

    def told(source: Source) -> bool:
        type_, field = source
        return not purpose.hidden(type_, {field: None})

    return frozenset(name for name, sources in part.fields.items() if all(map(told, sources)))


@lru_cache(maxsize=1024)
def _borrowed(part: Part, purpose: Purpose) -> tuple[tuple[str, frozenset[str]], ...]:
    topics = {
        n: frozenset(topic_of(type_) for type_, _ in part.fields[n]) - {part.topic} for n in _shown(part, purpose)
    }
    return tuple((name, of_field) for name, of_field in sorted(topics.items()) if of_field)


def _of(types: str, field: str) -> tuple[Source, ...]:
    """The same field of several events: `mandates.mandate proposed admitted`."""
    aggregate, *names = types.split()
    return tuple((f"{aggregate}.{name}.v1", field) for name in names)


_REGISTERED, _LISTED = "mandates.organisation registered", "mandates.affair listed"
_TERMS, _PLACED = "mandates.mandate proposed admitted activated", "mandates.mandate rekeyed"
_MOVES = "complaints.case routed handed_over returned repointed"
_TIMES = "complaints.case routed extended resumed"
_FUNDED, _POSTED = "finance.earmark funded", "finance.entry posted"
_HELD = "finance.hold placed captured released"

ORGANISATION = Part(
    "mandates.organisation",
    {"id": (), **{n: _of(_REGISTERED, n) for n in ("name", "name_en", "kind", "parent", "areas")}},
)
MANDATE = Part(
    "mandates.mandate",
    {
        "id": (),
        "state": (),
        "affair_name": _of(_LISTED, "name"),
        "affair_name_en": _of(_LISTED, "name_en"),
        "earmark_fen": _of(_FUNDED, "amount_fen"),
        "funded_by": _of(_FUNDED, "entry"),
        **{n: _of(_TERMS, n) for n in ("affair", "role", "giver", "holder", "powers", "amount_fen", "basis")},
        **{n: _of(_TERMS, n) for n in ("starts_at", "ends_at")},
        **{n: (*_of(_TERMS, n), *_of(_PLACED, n)) for n in ("area", "term")},
    },
)
_GRANT = ("mandate", "affair", "area", "role", "holder", "powers", "term", "starts_at", "ends_at")
_DONE = "mandates.switch done"
GRANT = Part(
    "mandates.authority",
    {**{n: _of(_DONE, "slots") for n in _GRANT}, "area": (*_of(_DONE, "slots"), *_of(_DONE, "rekeys"))},
)
CASE = Part(
    "complaints.case",
    {
        "id": (),
        "state": _of("complaints.case closed", "outcome"),
        "reported_at": (),
        "category": _of("complaints.case reported", "category"),
        "channel": _of("complaints.case reported", "channel"),
        "area": _of("complaints.case reported routed rekeyed", "area"),
        "affair": (*_of("complaints.case reported", "affair"), *_of(_MOVES, "affair")),
        "responsible": (
            *_of("complaints.case routed", "responsible"),
            *_of("complaints.case handed_over", "receiver"),
            *_of("complaints.case returned repointed", "to"),
        ),
        "card": _of("complaints.case card_raised", "card"),
        "movement": _of("complaints.case handover_requested", "handover"),
        **{n: _of(_MOVES, n) for n in ("case_term", "price_fen")},
        **{n: _of(f"{_MOVES} rekeyed", n) for n in ("mandate", "term")},
        **{n: _of(_TIMES, n) for n in ("due_at", "yellow_at", "red_at")},
    },
)
HOLD = Part(
    "finance.hold",
    {
        "id": (),
        "state": (),
        "captured_fen": _of("finance.hold captured", "amount_fen"),
        "released_fen": _of("finance.hold released", "amount_fen"),
        "payee": _of("finance.hold captured", "payee"),
        "entry": _of("finance.hold captured", "entry"),
        **{n: _of("finance.hold placed", n) for n in ("ref", "purpose", "payer", "mandate", "amount_fen")},
    },
)
ENTRY = Part(
    "finance.entry",
    {"id": (), "event": (), "at": (), **{n: _of(_POSTED, n) for n in ("kind", "cause", "memo", "lines")}},
)
_BALANCE, _ON_HOLD = _of(_POSTED, "lines"), _of(_HELD, "amount_fen")
MONEY = Part(
    "finance.entry",
    {"org": (), "balance_fen": _BALANCE, "held_fen": _ON_HOLD, "available_fen": (*_BALANCE, *_ON_HOLD)},
)
EARMARK = Part(
    "finance.earmark",
    {
        "mandate": (),
        "state": (),
        "returned_fen": _of("finance.earmark returned", "amount_fen"),
        "balance_fen": _BALANCE,
        "held_fen": _ON_HOLD,
        "available_fen": (*_BALANCE, *_ON_HOLD),
        **{n: _of(_FUNDED, n) for n in ("payer", "holder", "amount_fen")},
    },
)
# How many cases of the area there are in which state and with which card, and what a case was paid.
COUNTS = Part(
    "complaints.case",
    {"by_state": CASE.fields["state"], "yellow": CASE.fields["card"], "red": CASE.fields["card"]},
)
PAID = Part("finance.hold", {"paid_fen": _of("finance.case paid", "amount_fen")})
# What the auditor has found is data of its own, and in the catalogue as such: it is about everybody's.
_REPORT = ("verdict", "read", "open", "undecided", "by_guarantee", "violations")
AUDIT = Part("gateway.audit", {n: _of("gateway.audit reported", n) for n in _REPORT})
