"""Each case as its events tell it: who was responsible from which event on."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.auditor.history import History
from gateway.auditor.records import Event

C = "complaints.case."
MOVES = {C + "routed", C + "handed_over", C + "returned", C + "repointed"}


@dataclass(frozen=True, slots=True)
class Move:
    """Responsibility passes: `event` says from whom (None: from nobody) to whom, under which grant."""

    event: Event
    giver: str | None
    receiver: str
    mandate: str
    term: int
    case_term: int


@dataclass(slots=True)
class Case:
    """One case. `events` are in the order of its partition."""

    id: str
    events: list[Event]
    affair: str = ""
    area: str = ""
    areas: dict[str, str] = field(default_factory=dict)  # by event: what its place was called then
    moves: list[Move] = field(default_factory=list)
    handled: list[Event] = field(default_factory=list)
    verified: list[Event] = field(default_factory=list)
    closed: Event | None = None
    settled: Event | None = None
    requested: dict[str, Event] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)

    @property
    def open(self) -> bool:
        return self.closed is None

    @property
    def doer(self) -> str | None:
        """Who reported the work as done last: is to be paid for it, whoever answers for the case by then."""
        return self.handled[-1].text("org") if self.handled else None

    @property
    def waiting(self) -> list[str]:
        """Handovers that were asked for and have not been answered."""
        return [h for h in self.requested if h not in self.answered]


def move(event: Event) -> Move | None:
    """What an event moves, if it is a movement."""
    kind = event.name.removeprefix(C)
    if event.name not in MOVES:
        return None
    giver, receiver = {
        "routed": (None, "responsible"),
        "handed_over": ("giver", "receiver"),
        "returned": ("from_org", "to"),
        "repointed": ("from_org", "to"),
    }[kind]
    return Move(
        event=event,
        giver=event.text(giver) if giver else None,
        receiver=event.text(receiver),
        mandate=event.text("mandate"),
        term=event.fen("term"),
        case_term=event.fen("case_term"),
    )


def rebuild(history: History) -> dict[str, Case]:
    """Every case that complaints has told of."""
    cases: dict[str, Case] = {}
    for key, events in history.by_case.items():
        case = cases[key] = Case(key, events)
        for event in events:
            _take(case, event)
    return cases


def _take(case: Case, event: Event) -> None:
    case.affair = event.maybe("affair") or case.affair
    case.area = case.areas[event.id] = event.maybe("area") or case.area
    moved = move(event)
    if moved is not None:
        case.moves.append(moved)
    kind = event.name.removeprefix(C)
    if kind == "handover_requested":
        case.requested[event.text("handover")] = event
    elif kind in ("handed_over", "handover_refused"):
        case.answered.add(event.text("handover"))
    elif kind == "handled":
        case.handled.append(event)
    elif kind == "verified":
        case.verified.append(event)
    elif kind == "closed":
        case.closed = case.closed or event
    elif kind == "settled":
        case.settled = case.settled or event
