"""A small true history, written by hand: what the services would have put onto the log. Tests then spoil it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.auditor import AuditRecord
from suizhuan.kernel.clock import utc_text
from suizhuan.partitioner import partition_for

RUBBISH, CHECKING = "env.exposed-rubbish", "gov.verification"
DISTRICT, STREET, NANGUAN, RENUMBERED = "321302", "321302002", "321302002907", "321302002911"
DEPT, COMMUNITY, FIRM, CHECKER = "dept-sanitation", "community-nanguan", "firm-xingfu", "district-sucheng"
HANDLE, VERIFY = "complaints.case.handle", "complaints.case.verify"
PRICE = 3000
BANK, DUE, INCOME, COST = "102", "241", "522", "551"
SINGLE = {"mandates.authority"}


@dataclass
class Written:
    """One record that can still be changed."""

    id: str
    name: str
    topic: str
    partition: int
    offset: int
    key: str
    data: dict[str, Any]
    attributes: dict[str, Any]

    def record(self) -> AuditRecord:
        pairs = {"specversion": "1.0", "id": self.id, "type": f"{self.name}.v1", **self.attributes}
        headers = tuple((f"ce_{k}", str(v).encode()) for k, v in pairs.items() if v is not None)
        return AuditRecord(
            self.topic, self.partition, self.offset, self.key.encode(), json.dumps(self.data).encode(), headers
        )


@dataclass
class Story:
    """Emits events as the services do: outbox ids, sequences, authority offsets, beats."""

    now: datetime = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
    written: list[Written] = field(default_factory=list)
    offsets: dict[tuple[str, int], int] = field(default_factory=lambda: defaultdict(int))
    outbox: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    versions: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    ids: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    terms: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def records(self) -> list[AuditRecord]:
        return [w.record() for w in self.written]

    def emit(self, name: str, data: dict[str, Any], *, key: str, **attributes: Any) -> Written:
        """One event; attributes given win over those that the service would set."""
        self.now += timedelta(milliseconds=20)
        service = name.split(".", 1)[0]
        topic = attributes.pop("topic", None) or ".".join(name.split(".")[:2])
        topic = "finance.hold" if topic == "finance.case" else topic
        partition = 0 if topic in SINGLE else partition_for(key.encode(), 3)
        offset = self.offsets[topic, partition]
        self.offsets[topic, partition] += 1
        aggregate = (topic, "" if topic in SINGLE else key)
        self.versions[aggregate] += 1
        self.outbox[service] += 1
        self.ids[name] += 1
        about = {
            "source": service,
            "subject": key,
            "time": utc_text(self.now),
            "sequence": self.versions[aggregate],
            "actor": f"service:{service}",
            "outboxid": self.outbox[service],
            "authorityoffset": self.offsets["mandates.authority", 0] - 1,
            **attributes,
        }
        made = Written(f"{name}#{self.ids[name]}", name, topic, partition, offset, key, data, about)
        self.written.append(made)
        return made

    def find(self, name: str, **data: Any) -> Written:
        """The first event of that name with these data."""
        return next(w for w in self.written if w.name == name and all(w.data.get(k) == v for k, v in data.items()))

    def drop(self, event: Written) -> None:
        self.written.remove(event)

    def act(self, org: str, mandate: str, term: int, area: str = NANGUAN) -> dict[str, Any]:
        """The attributes of an act of a person of `org`."""
        beat = utc_text(self.now - timedelta(seconds=1))
        return {"actor": f"staff-{org}", "org": org, "mandate": mandate, "term": term, "area": area, "beattime": beat}

    # mandates

    def switch(self, id_: str, slots: list[dict[str, Any]], *, pending: bool = False, **more: Any) -> None:
        """Opened and acknowledged by everybody."""
        plain = [{k: s[k] for k in ("affair", "area", "role", "mandate") if k in s} for s in slots]
        replicas = [f"{s}:sqlite:1" for s in ("mandates", "finance", "complaints", "gateway")]
        data = {"switch": id_, "slots": plain, "why": "test", "mandates": [], "awaited": replicas, **more}
        self.emit("mandates.switch.opened", data, key=f"{id_}:opened", topic="mandates.authority")
        for replica in replicas:
            service = replica.split(":", 1)[0]
            told = {"replica": replica, "service": service, "switch": id_, "opened_sequence": 1}
            told["pending_cases"] = pending and service == "complaints"
            self.emit(f"{service}.replica.acknowledged", told, key=replica)

    def done(self, id_: str, slots: list[dict[str, Any]], why: str = "test", **more: Any) -> Written:
        data = {"switch": id_, "slots": slots, "why": why, **more}
        return self.emit("mandates.switch.done", data, key=f"{id_}:done", topic="mandates.authority")

    def holding(
        self, mandate: str, holder: str, affair: str, area: str, powers: list[str], *, above: int = 0
    ) -> dict[str, Any]:
        self.terms[affair, area] = max(above, self.terms[affair, area]) + 1
        return {
            "mandate": mandate,
            "holder": holder,
            "term": self.terms[affair, area],
            "powers": powers,
            "starts_at": utc_text(self.now - timedelta(days=1)),
            "ends_at": None if mandate.startswith("root:") else utc_text(self.now + timedelta(days=300)),
        }

    def place(self, mandate: str, holder: str, *, role: str, amount: int) -> int:
        """A mandate from proposal to activation; returns its term."""
        terms = {
            "mandate": mandate,
            "affair": RUBBISH,
            "area": NANGUAN,
            "role": role,
            "giver": DEPT,
            "holder": holder,
            "powers": [HANDLE],
            "staff_count": 1,
            "starts_at": utc_text(self.now),
            "ends_at": utc_text(self.now + timedelta(days=300)),
            "basis": "per_case",
            "amount_fen": amount,
        }
        giver = self.act(DEPT, f"root:{RUBBISH}", 1)
        self.emit("mandates.mandate.proposed", terms, key=mandate, **giver)
        self.emit("mandates.mandate.admitted", terms, key=mandate, **giver)
        entry = self.entry(
            f"fund-{mandate}",
            [
                (DEPT, COST, None, amount),
                (DEPT, BANK, None, -amount),
                (holder, BANK, mandate, amount),
                (holder, DUE, mandate, -amount),
            ],
        )
        funded = {"earmark": mandate, "mandate": mandate, "payer": DEPT, "holder": holder}
        funded |= {"amount_fen": amount, "basis": "per_case", "entry": entry}
        self.emit("finance.earmark.funded", funded, key=mandate)
        self.emit(
            "mandates.mandate.funded", {"mandate": mandate, "earmark": mandate, "amount_fen": amount}, key=mandate
        )
        slot = {"affair": RUBBISH, "area": NANGUAN, "role": role, "mandate": mandate}
        self.switch(f"switch-{mandate}", [slot])
        new = self.holding(mandate, holder, RUBBISH, NANGUAN, [HANDLE])
        self.done(f"switch-{mandate}", [{**slot, "old": None, "new": new}])
        active = {**terms, "term": new["term"], "switch": f"switch-{mandate}"}
        self.emit("mandates.mandate.activated", active, key=mandate, area=NANGUAN)
        return int(new["term"])

    # finance

    def entry(self, id_: str, lines: list[tuple[str, str, str | None, int]]) -> str:
        made = [{"org": o, "account": a, "earmark": e, "amount_fen": f} for o, a, e, f in lines]
        data = {"entry": id_, "kind": "journal", "cause": "test", "memo": "", "lines": made}
        self.emit("finance.entry.posted", data, key=id_)
        return id_

    def hold(self, id_: str, case: str, ref: str, *, purpose: str = "handover", mandate: str = "m1") -> Written:
        data = {"hold": id_, "purpose": purpose, "ref": ref, "case": case, "case_term": 1, "payer": COMMUNITY}
        return self.emit("finance.hold.placed", {**data, "mandate": mandate, "amount_fen": PRICE}, key=case)

    def release(self, id_: str, case: str, reason: str = "returned") -> Written:
        data = {"hold": id_, "case": case, "payer": COMMUNITY, "mandate": "m1", "amount_fen": PRICE, "reason": reason}
        return self.emit("finance.hold.released", data, key=case)

    def pay(self, case: str, payee: str, hold: str | None, *, case_term: int) -> None:
        """Capture the hold if there is one, and pay."""
        entry = self.entry(
            f"pay-{case}",
            [
                (COMMUNITY, DUE, "m1", PRICE),
                (COMMUNITY, BANK, "m1", -PRICE),
                (payee, BANK, None, PRICE),
                (payee, INCOME, None, -PRICE),
            ],
        )
        if hold:
            data = {"hold": hold, "case": case, "payer": COMMUNITY, "payee": payee, "mandate": "m1"}
            self.emit("finance.hold.captured", {**data, "amount_fen": PRICE, "entry": entry}, key=case)
        paid = {"case": case, "case_term": case_term, "payee": payee, "mandate": "m1", "holds": [hold] if hold else []}
        self.emit("finance.case.paid", {**paid, "amount_fen": PRICE, "price_fen": PRICE, "entry": entry}, key=case)

    # bills of other departments

    def plan(self, bill: str, amount: int, *, mandate: str = "m2", org: str = FIRM, term: int = 1) -> Written:
        """A department plans a cost under a mandate."""
        data = {"bill": bill, "mandate": mandate, "amount_fen": amount, "what": "activity"}
        return self.emit("volunteers.bill.cost_planned", data, key=bill, **self.act(org, mandate, term))

    def answer(self, what: str, bill: str, *, service: str = "volunteers", **data: Any) -> Written:
        """Finance answers."""
        return self.emit(f"finance.bill.{what}", {"service": service, "bill": bill, **data}, key=f"{service}:{bill}")

    def bills(self, m2: int) -> None:
        """One that is planned, held, incurred and paid; one that is withdrawn; rent that falls due and comes."""
        self.plan("b1", 1000, term=m2)
        self.answer("held", "b1", mandate="m2", amount_fen=1000)
        self.emit("volunteers.bill.cost_incurred", {"bill": "b1", "payee": FIRM, "amount_fen": 800}, key="b1")
        lines = [(FIRM, DUE, "m2", 800), (FIRM, BANK, "m2", -800), (FIRM, BANK, None, 800), (FIRM, INCOME, None, -800)]
        entry = self.entry("bill-b1", lines)
        self.answer("paid", "b1", payee=FIRM, mandate="m2", amount_fen=800, entry=entry)
        self.plan("b2", 1000, term=m2)
        self.answer("held", "b2", mandate="m2", amount_fen=1000)
        self.emit("volunteers.bill.withdrawn", {"bill": "b2", "reason": "rain"}, key="b2")
        self.answer("released", "b2", amount_fen=1000, entry=None)
        due = {"bill": "r1", "org": COMMUNITY, "debtor": "t1", "amount_fen": 500, "what": "rent", "period": "Q1"}
        self.emit("property.bill.income_due", due, key="r1")
        booked = self.entry("bill-r1", [(COMMUNITY, "112", None, 500), (COMMUNITY, "501", None, -500)])
        self.answer("booked", "r1", service="property", org=COMMUNITY, amount_fen=500, entry=booked)
        self.emit("property.bill.income_received", {"bill": "r1"}, key="r1")
        came = self.entry("paid-r1", [(COMMUNITY, BANK, None, 500), (COMMUNITY, "112", None, -500)])
        self.answer("paid", "r1", service="property", payee=COMMUNITY, mandate=None, amount_fen=500, entry=came)

    # complaints

    def case(self, name: str, data: dict[str, Any], case: str, **attributes: Any) -> Written:
        about = {"area": NANGUAN, **attributes}
        return self.emit(f"complaints.case.{name}", {"case": case, **data}, key=case, **about)

    def routed(self, case: str, term: int) -> None:
        where = {"affair": RUBBISH, "area": NANGUAN}
        self.case("reported", {"category": "01-02", "channel": "app", **where}, case, actor="resident-1")
        times = {t: utc_text(self.now + timedelta(hours=4)) for t in ("due_at", "yellow_at", "red_at")}
        duty = {"responsible": COMMUNITY, "mandate": "m1", "term": term, "price_fen": PRICE, "case_term": 1}
        self.case("routed", {**where, **duty, **times}, case, actor="resident-1")

    def request(self, case: str, handover: str, term: int) -> None:
        data = {"case_term": 1, "handover": handover, "giver": COMMUNITY, "receiver": FIRM, "mandate": "m1"}
        data |= {"price_fen": PRICE, "carried_fen": 0, "needed_fen": PRICE, "expires_at": utc_text(self.now)}
        data |= {"affair": RUBBISH, "area": NANGUAN}
        self.case("handover_requested", data, case, **self.act(COMMUNITY, "m1", term))

    def hand_over(self, case: str, handover: str, hold: str | None, m1: int, m2: int) -> Written:
        self.request(case, handover, m1)
        if hold:
            self.hold(hold, case, handover)
        data = {"case_term": 2, "handover": handover, "giver": COMMUNITY, "receiver": FIRM, "mandate": "m2", "term": m2}
        data |= {"price_fen": PRICE, "hold": hold, "affair": RUBBISH, "area": NANGUAN}
        return self.case("handed_over", data, case)

    def work(self, case: str, org: str, mandate: str, term: int, case_term: int) -> None:
        for what in ("started", "handled"):
            self.case(what, {"case_term": case_term, "org": org}, case, **self.act(org, mandate, term))

    def verify(self, case: str, org: str, mandate: str, case_term: int) -> None:
        data = {"case_term": case_term, "affair": RUBBISH, "responsible": org, "mandate": mandate, "owner": DEPT}
        data |= {"price_fen": PRICE, "verified_by": CHECKER, "satisfied": True}
        self.case("verified", data, case, **self.act(CHECKER, f"root:{CHECKING}", 1))

    def close(self, case: str, org: str, case_term: int) -> None:
        data = {"case_term": case_term, "responsible": org, "outcome": "verified", "closed_by": CHECKER}
        self.case("closed", data, case)
        self.case("settled", {"paid_fen": PRICE, "price_fen": PRICE}, case)


def renumber(s: Story) -> None:
    """南关社区 gets another code: the firm's mandate follows under a new term, and the firm acts under it."""
    m2 = int(s.find("mandates.mandate.activated", mandate="m2").data["term"])
    rekeys = [{"old": NANGUAN, "new": RENUMBERED, "heir": True}]
    slot = {"affair": RUBBISH, "role": "assist", "mandate": "m2"}
    root = {"affair": RUBBISH, "area": NANGUAN, "role": "lead"}
    s.switch("switch-codes", [root, {**slot, "area": NANGUAN}], rekeys=rekeys)
    new = s.holding("m2", FIRM, RUBBISH, RENUMBERED, [HANDLE], above=m2)
    gone = {**slot, "area": NANGUAN, "old": {**new, "term": m2}, "new": None}
    come = {**slot, "area": RENUMBERED, "old": None, "new": new}
    follows = {"mandate": "m2", "affair": RUBBISH, "from_area": NANGUAN, "area": RENUMBERED, "holder": FIRM}
    follows |= {"term": new["term"], "since": utc_text(s.now), "switch": "switch-codes"}
    s.done("switch-codes", [gone, come], why="rekeying", rekeys=rekeys)
    s.emit("mandates.mandate.rekeyed", follows, key="m2", area=RENUMBERED)
    trimmed = {"shift": "sh1"}
    s.emit("volunteers.shift.ended", trimmed, key="sh1", **s.act(FIRM, "m2", new["term"], area=RENUMBERED))


def found(story: Story) -> None:
    """Organisations, affairs, roots, and money to begin with."""
    orgs = ((DEPT, "department", DISTRICT), (COMMUNITY, "community", NANGUAN), (FIRM, "company", NANGUAN))
    for org, kind, area in (*orgs, (CHECKER, "district", DISTRICT)):
        data = {"org": org, "name": org, "name_en": org, "kind": kind, "parent": None, "areas": [area]}
        story.emit("mandates.organisation.registered", data, key=org, area=area)
    slots = []
    for affair, owner, powers in ((RUBBISH, DEPT, [HANDLE]), (CHECKING, CHECKER, [VERIFY])):
        listed = {
            "affair": affair,
            "name": affair,
            "name_en": affair,
            "list": "own",
            "owner": owner,
            "basis": "per_case",
        }
        story.emit("mandates.affair.listed", {**listed, "powers": powers, "owner_powers": []}, key=affair)
        new = story.holding(f"root:{affair}", owner, affair, DISTRICT, powers)
        slots.append({"affair": affair, "area": DISTRICT, "role": "lead", "old": None, "new": new})
    story.done("founding", slots, why="founding")
    story.entry("opening", [(DEPT, BANK, None, 1_000_000), (DEPT, "301", None, -1_000_000)])


def true_history() -> Story:
    """Four cases and two mandates, of which one ends early. Nothing in it is wrong."""
    s = Story()
    found(s)
    m1 = s.place("m1", COMMUNITY, role="lead", amount=10 * PRICE)
    m2 = s.place("m2", FIRM, role="assist", amount=PRICE)

    s.routed("c1", m1)  # done by who was responsible
    s.work("c1", COMMUNITY, "m1", m1, 1)
    s.verify("c1", COMMUNITY, "m1", 1)
    s.pay("c1", COMMUNITY, None, case_term=1)
    s.close("c1", COMMUNITY, 1)

    s.routed("c2", m1)  # handed over, its money with it
    s.hand_over("c2", "h2", "hold-2", m1, m2)
    s.work("c2", FIRM, "m2", m2, 2)
    s.verify("c2", FIRM, "m2", 2)
    s.pay("c2", FIRM, "hold-2", case_term=2)
    s.close("c2", FIRM, 2)

    s.routed("c3", m1)  # handed over and returned
    s.hand_over("c3", "h3", "hold-3", m1, m2)
    back = {"case_term": 3, "handover": "h3", "from_org": FIRM, "to": COMMUNITY, "mandate": "m1", "term": m1}
    back |= {"affair": RUBBISH, "price_fen": PRICE, "releases": ["hold-3"]}
    s.case("returned", back, "c3", **s.act(FIRM, "m2", m2))
    s.release("hold-3", "c3")

    s.routed("c4", m1)  # refused: the giver stays responsible
    s.request("c4", "h4", m1)
    s.emit("finance.hold.refused", {"ref": "h4", "case": "c4", "purpose": "handover", "shortfall_fen": 1}, key="c4")
    no = {"case_term": 1, "handover": "h4", "giver": COMMUNITY, "receiver": FIRM, "reason": "shortfall"}
    s.case("handover_refused", {**no, "shortfall_fen": 1}, "c4")
    s.work("c4", COMMUNITY, "m1", m1, 1)
    s.verify("c4", COMMUNITY, "m1", 1)
    s.pay("c4", COMMUNITY, None, case_term=1)
    s.close("c4", COMMUNITY, 1)

    s.bills(m2)
    end_early(s, m1)
    return s


def end_early(s: Story, m1: int) -> None:
    """m1 ends; the open case c3 goes to the root's holder with its money; the rest goes back."""
    s.emit("mandates.mandate.ending", {"mandate": "m1", "reason": "early"}, key="m1")
    slot = {"affair": RUBBISH, "area": NANGUAN, "role": "lead"}
    s.switch("switch-end", [slot], pending=True)
    asked = {"case_term": 3, "switch": "switch-end", "mandate": "m1", "owner": DEPT}
    s.case("hold_requested", {**asked, "price_fen": PRICE, "needed_fen": PRICE}, "c3")
    s.hold("hold-3b", "c3", "switch-end", purpose="switch")
    s.emit("complaints.switch.cases_ready", {"switch": "switch-end", "cases": 1}, key="switch-end")
    old = {"mandate": "m1", "holder": COMMUNITY, "term": m1, "powers": [HANDLE], "starts_at": None, "ends_at": None}
    s.done("switch-end", [{**slot, "old": old, "new": None}])
    moved = {"case_term": 4, "cause": "switch", "switch": "switch-end", "from_org": COMMUNITY, "to": DEPT, "term": 1}
    moved |= {"mandate": f"root:{RUBBISH}", "affair": RUBBISH, "area": NANGUAN, "price_fen": PRICE, "hold": "hold-3b"}
    s.case("repointed", moved, "c3")
    ended = {"mandate": "m1", "affair": RUBBISH, "area": NANGUAN, "giver": DEPT, "holder": COMMUNITY, "reason": "early"}
    s.emit("mandates.mandate.ended", {**ended, "switch": "switch-end"}, key="m1")
    rest = 6 * PRICE
    lines = [(COMMUNITY, DUE, "m1", rest), (COMMUNITY, BANK, "m1", -rest)]
    entry = s.entry("return-m1", [*lines, (DEPT, BANK, None, rest), (DEPT, COST, None, -rest)])
    returned = {"earmark": "m1", "mandate": "m1", "payer": DEPT, "holder": COMMUNITY, "amount_fen": rest}
    s.emit("finance.earmark.returned", {**returned, "entry": entry}, key="m1")
    root = f"root:{RUBBISH}"
    s.work("c3", DEPT, root, 1, 4)
    s.verify("c3", DEPT, root, 4)
    s.pay("c3", DEPT, "hold-3b", case_term=4)
    s.close("c3", DEPT, 4)
    settled = {"earmark": "m1", "mandate": "m1", "captured_fen": 4 * PRICE, "returned_fen": rest}
    s.emit("finance.earmark.settled", settled, key="m1")
    s.emit("mandates.mandate.settled", {"mandate": "m1", "returned_fen": rest}, key="m1")
