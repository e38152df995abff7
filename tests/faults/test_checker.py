"""The checker is right to be silent, and names what is planted."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from . import checker, drill
from .evidence import Entry, Evidence, Row
from .findings import (
    DEAD,
    EFFECT_LOST,
    EFFECT_TWICE,
    LEFT,
    LOST,
    MONEY,
    NO_ANSWER,
    NOTHING,
    ORDER,
    REFUSED,
    STUCK,
    SURPRISE,
    TWICE,
    VIOLATION,
    WRONG,
)
from .schedule import BROKER, DATABASE, DRAIN, FREEZE, KILL, KINDS, plan

PLATFORM = ("outbox", "inbox", "consumer_offset", "dead_letter")
PRICE = 8000


class Making:
    """A small district: one case that was handed over, done and paid, one mandate that came and went, one entry."""

    def __init__(self) -> None:
        self.journal: list[Row] = []
        self.log: list[Entry] = []
        self.tables: dict[str, dict[str, list[Row]]] = {
            service: {name: [] for name in PLATFORM} for service in ("mandates", "finance", "complaints", "gateway")
        }
        self._case()
        self._mandate()
        self._entry("b1", "journal", {"org": "c", "account": "541", "amount_fen": 5, "earmark": None}, "cause-1")
        self.command("entry", "b1", own=True)
        for number, entry in enumerate(self.log):
            for group, topic in (("finance", "complaints.case"), ("gateway", "complaints.case")):
                if entry.topic == topic:
                    self.add(group, "inbox", consumer=group, event_id=entry.id)
            if entry.topic == "complaints.case":
                self.add("complaints", "case_history", event_id=entry.id)
                self.add("gateway", "case_step", event=entry.id, topic=entry.topic)
            assert entry.offset == number

    def add(self, service: str, table: str, **row: object) -> None:
        self.tables[service].setdefault(table, []).append(row)

    def command(self, kind: str, about: str, *, own: bool = False) -> None:
        line = {"what": "command", "key": f"k{len(self.journal)}", "kind": kind, "about": "" if own else about}
        self.journal.append({**line, "id": about if own else None, "status": 200, "path": "/", "tries": 1})

    def event(self, name: str, key: str, sequence: int, **data: object) -> None:
        topic, place = ".".join(name.split(".")[:2]), len(self.log)
        self.log.append(Entry(topic, 0, place, key, f"e{place}", name, sequence, data))

    def _entry(self, key: str, kind: str, line: Row, cause: str) -> None:
        other = {**line, "account": "102", "amount_fen": -line["amount_fen"]}
        self.event("finance.entry.posted", key, 1, kind=kind, cause=cause, lines=[line, other])
        self.add("finance", "entry", id=key)
        for one in (line, other):
            place = {"org": one["org"], "account": one["account"], "earmark": one["earmark"] or ""}
            self.add("finance", "line", **place, amount_fen=one["amount_fen"])
            self.add("finance", "balance", **place, fen=one["amount_fen"])
            self.add("gateway", "balance", **place, amount_fen=one["amount_fen"])

    def _case(self) -> None:
        self.event("complaints.case.reported", "c1", 1, case="c1")
        self.command("report", "c1", own=True)
        self.add("complaints", "case_private", description="k0")
        self.event("complaints.case.handover_requested", "c1", 2, case="c1", handover="h1")
        self.journal.append({**self.journal[0], "key": "k1", "kind": "handover", "id": "h1", "about": "c1"})
        hold = {"hold": "f1", "case": "c1", "ref": "h1", "purpose": "handover", "amount_fen": PRICE}
        self.event("finance.hold.placed", "c1", 1, **hold)
        self.event("complaints.case.handed_over", "c1", 3, case="c1", handover="h1")
        self.event("complaints.case.handled", "c1", 4, case="c1")
        self.command("result", "c1")
        self.event("complaints.case.verified", "c1", 5, case="c1", price_fen=PRICE)
        self.command("verify", "c1")
        pays = {"org": "firm", "account": "501", "amount_fen": PRICE, "earmark": None}
        self._entry("b0", "capture", pays, "capture:f1")
        self.event("finance.hold.captured", "c1", 2, **hold)
        self.event("finance.case.paid", "c1", 1, case="c1", amount_fen=PRICE, holds=["f1"], entry="b0")
        self.event("complaints.case.closed", "c1", 6, case="c1", outcome="verified")
        self.command("close", "c1")
        self.event("complaints.case.settled", "c1", 7, case="c1")
        self.add("complaints", "handover", id="h1", state="moved")
        self.add("finance", "case_money", case="c1", paid=True)
        self.add("finance", "hold", id="f1", state="captured")
        case = {"id": "c1", "responsible": "firm", "case_term": 2}
        self.add("complaints", "complaint_case", **case, state="closed", outcome="verified", settled_at="now")
        self.add("gateway", "case_view", **case, state="settled")

    def _mandate(self) -> None:
        for number, (kind, name) in enumerate([("propose", "proposed"), ("admit", "admitted"), ("end", "ending")], 1):
            self.event(f"mandates.mandate.{name}", "m1", number)
            self.command(kind, "m1", own=kind == "propose")
            if kind == "admit":
                self.event("finance.earmark.funded", "m1", 1, mandate="m1", amount_fen=10)
        self.event("finance.earmark.returned", "m1", 2, mandate="m1", amount_fen=10)
        self.event("finance.earmark.settled", "m1", 3, mandate="m1")
        self.event("mandates.mandate.settled", "m1", 4)
        for version in range(1, 5):
            self.add("mandates", "mandate_history", mandate="m1", version=version)
        money = {"amount_fen": 10, "captured_fen": 0, "returned_fen": 10, "held_fen": 0}
        self.add("finance", "earmark", mandate="m1", state="settled", **money)
        for service in ("mandates", "gateway"):
            self.add(service, "mandate", id="m1", state="settled")
        for sequence in (1, 2, 3):
            self.event("mandates.authority.beat", "beat", sequence)

    def evidence(self) -> Evidence:
        ends = {(entry.topic, 0): entry.offset + 1 for entry in self.log}
        audit = {"verdict": "clean", "violations": [], "read": {"events": 9, "cases": 1, "entries": 2}}
        return Evidence(self.journal, self.log, ends, self.tables, audit)


def at(made: Evidence, name: str) -> int:
    return next(i for i, entry in enumerate(made.log) if entry.name == name)


def again(made: Evidence, name: str, **changes: object) -> None:
    """The event once more, under an id of its own: it has happened twice."""
    place = at(made, name)
    made.log.append(replace(made.log[place], id="twice", **changes))  # type: ignore[arg-type]


def swap(made: Evidence, one: str, other: str) -> None:
    a, b = at(made, one), at(made, other)
    made.log[a], made.log[b] = made.log[b], made.log[a]


def drop(rows: list[Row]) -> None:
    rows.pop()


def double(rows: list[Row]) -> None:
    rows.append(dict(rows[-1]))


def without(made: Evidence, name: str) -> None:
    del made.log[at(made, name)]


def change(rows: list[Row], **values: object) -> None:
    rows[-1] = {**rows[-1], **values}


def out_of_order(made: Evidence) -> None:
    beats = [i for i, entry in enumerate(made.log) if entry.topic == "mandates.authority"]
    made.log[beats[0]], made.log[beats[1]] = made.log[beats[1]], made.log[beats[0]]


PLANTED: dict[str, tuple[Callable[[Evidence], object], str, str]] = {
    "an acknowledged report is not on the log": (lambda m: without(m, "complaints.case.reported"), LOST, "c1"),
    "an acknowledged check is not on the log": (lambda m: without(m, "complaints.case.verified"), LOST, "c1"),
    "an acknowledged entry is not on the log": (lambda m: m.log.pop(), LOST, "b1"),
    "a proposal is not on the log": (lambda m: without(m, "mandates.mandate.proposed"), LOST, "m1"),
    "a command was done twice": (lambda m: again(m, "complaints.case.handled", sequence=8), TWICE, "c1"),
    "one report has become two cases": (lambda m: double(m.tables["complaints"]["case_private"]), TWICE, "k0"),
    "two events have changed places": (
        lambda m: swap(m, "complaints.case.handled", "complaints.case.verified"),
        ORDER,
        "version 5 where 4 should be",
    ),
    "the authority log is out of order": (out_of_order, ORDER, "mandates.authority"),
    "a repeat that says something else": (lambda m: m.log.append(replace(m.log[0], data={"case": "x"})), ORDER, "e0"),
    "an event that a group has not applied": (
        lambda m: again(m, "complaints.case.handled", sequence=8),
        LOST,
        "finance has not applied complaints.case.handled twice",
    ),
    "an event left the database and not the outbox": (
        lambda m: drop(m.tables["complaints"]["case_history"]),
        TWICE,
        "complaints' history",
    ),
    "a row in the outbox": (
        lambda m: m.tables["finance"]["outbox"].append({"topic": "finance.hold", "key": "c1"}),
        LEFT,
        "finance's outbox",
    ),
    "a consumer that is not at the end": (
        lambda m: m.tables["finance"]["consumer_offset"].append(
            {"consumer": "finance", "topic": "complaints.case", "partition": 0, "next_offset": 1}
        ),
        LEFT,
        "finance is at 1",
    ),
    "a dead letter": (
        lambda m: m.tables["gateway"]["dead_letter"].append({"topic": "finance.hold", "key": "c1", "code": "x"}),
        DEAD,
        "finance.hold",
    ),
    "finance has not answered a handover": (lambda m: without(m, "finance.hold.placed"), EFFECT_LOST, "h1"),
    "finance has held twice for a handover": (
        lambda m: again(m, "finance.hold.placed", data={**m.log[at(m, "finance.hold.placed")].data, "hold": "f2"}),
        EFFECT_TWICE,
        "h1",
    ),
    "a handover that waits for ever": (
        lambda m: change(m.tables["complaints"]["handover"], state="waiting"),
        STUCK,
        "h1",
    ),
    "a verified case was not paid": (lambda m: without(m, "finance.case.paid"), EFFECT_LOST, "payment of case c1"),
    "a case was paid twice": (lambda m: again(m, "finance.case.paid", sequence=4), EFFECT_TWICE, "payment of case c1"),
    "less was paid than the price": (
        lambda m: m.log[at(m, "finance.case.paid")].data.update(amount_fen=PRICE - 1),
        MONEY,
        "paid for case c1",
    ),
    "more was captured than was held": (
        lambda m: m.log[at(m, "finance.hold.captured")].data.update(amount_fen=PRICE + 1),
        MONEY,
        "captured for case c1",
    ),
    "a line is missing in the ledger": (lambda m: drop(m.tables["finance"]["line"]), MONEY, "booked on"),
    "a balance that is not the sum of its lines": (
        lambda m: change(m.tables["finance"]["balance"], fen=1),
        MONEY,
        "finance's balance",
    ),
    "the gateway's balance is another": (
        lambda m: change(m.tables["gateway"]["balance"], amount_fen=1),
        MONEY,
        "gateway's",
    ),
    "an entry that does not balance": (
        lambda m: m.log[-1].data["lines"][0].update(amount_fen=6),
        MONEY,
        "entry b1: c is off by 1",
    ),
    "an entry is in the database twice": (lambda m: double(m.tables["finance"]["entry"]), EFFECT_TWICE, "b1"),
    "an earmark overdrawn": (lambda m: change(m.tables["finance"]["earmark"], captured_fen=1), MONEY, "overdrawn"),
    "an admitted mandate without an answer": (lambda m: without(m, "finance.earmark.funded"), EFFECT_LOST, "m1"),
    "the gateway shows another state": (
        lambda m: change(m.tables["gateway"]["case_view"], state="started"),
        WRONG,
        "c1",
    ),
    "a command without an answer": (lambda m: change(m.journal, status=0), NO_ANSWER, "entry"),
    "a command refused": (lambda m: change(m.journal, status=409, code="case_state", detail=""), REFUSED, "case_state"),
    "an answer of 500": (
        lambda m: m.journal.append({"what": "surprise", "path": "/x", "status": 500, "text": "oh"}),
        SURPRISE,
        "/x: 500",
    ),
    "a violation": (lambda m: m.audit.update(violations=["有责无费"]), VIOLATION, "有责无费"),
    "an auditor that has read nothing": (lambda m: m.audit.update(read={}), NOTHING, "auditor"),
    "nothing acknowledged": (lambda m: m.journal.clear(), NOTHING, "no command"),
}


def test_where_all_is_well_the_checker_finds_nothing() -> None:
    assert checker.check(Making().evidence()) == []


def test_an_event_that_came_again_and_was_dropped_is_no_finding() -> None:
    made = Making().evidence()
    made.log.append(replace(made.log[0], offset=99))
    assert checker.check(made) == []
    assert checker.figures(made)["repeats"] == 1


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_is_named(what: str) -> None:
    plant, kind, word = PLANTED[what]
    made = Making().evidence()
    plant(made)
    found = checker.check(made)
    assert [finding for finding in found if finding.kind == kind and word in finding.what], found


def test_the_same_seed_makes_the_same_plan_and_every_minute_has_every_fault() -> None:
    pairs = {"finance": ("finance-worker", "finance-worker-2")}
    apis = [f"{service}-api" for service in ("mandates", "finance", "complaints", "gateway")]
    programs = [*apis, *pairs["finance"]]
    for seed in random.Random(1).sample(range(10_000), 50):
        faults = plan(seed, 300, programs, pairs)
        assert faults == plan(seed, 300, programs, pairs)
        for number in range(5):
            kinds = [f.kind for f in faults if number * 60 <= f.at < number * 60 + 60]
            assert {kind: kinds.count(kind) for kind in KINDS if kind not in (KILL, DRAIN)} == {
                BROKER: 1,
                DATABASE: 1,
                FREEZE: 1,
            }
            assert kinds.count(KILL) >= 8 and kinds.count(DRAIN) >= 2
        assert max(f.at + f.lasts for f in faults) < 300
        for freeze in (f for f in faults if f.kind == FREEZE):
            killed = [
                f for f in faults if f.kind in (KILL, DRAIN) and freeze.at - 12 <= f.at <= freeze.at + freeze.lasts
            ]
            assert not [f for f in killed if f.target in pairs["finance"]]


def test_a_run_that_has_shown_nothing_says_so() -> None:
    told = {finding.what for finding in drill.shown([])}
    assert {f"no {kind}" for kind in KINDS} <= told
    fault = {"what": "fault", "begun": 10.0, "ended": 20.0, "members": ["a", "b"], "members_after": ["a", "b"]}
    faults = [{**fault, "kind": kind} for kind in KINDS]
    told = {finding.what for finding in drill.shown(faults)}
    assert {f"no command was acknowledged during: {kind}" for kind in KINDS} <= told
    assert "no frozen consumer was put out of its group" in told
    faults[KINDS.index(FREEZE)]["members_after"] = ["b"]
    assert drill.shown([*faults, {"what": "command", "status": 200, "at": 15.0}]) == []
