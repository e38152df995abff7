"""A true history has no violations, in whatever order its topics are read; reading nothing is no audit."""

from __future__ import annotations

import random

from gateway.auditor import AuditRecord, History, Horizon, Report, Rules, audit, judge
from suizhuan.kernel.clock import utc_text

from .story import BANK, COMMUNITY, DEPT, NANGUAN, PRICE, RUBBISH, Story, found, renumber, true_history


def told(report: Report) -> list[tuple[str, str]]:
    return [(v.code, v.event) for v in report.violations]


def test_a_true_history_has_no_violations() -> None:
    report = audit(true_history().records(), Rules())
    assert told(report) == []
    assert report.exit_code == 0
    assert report.verdict == "clean"


def test_areas_that_get_other_codes_are_no_violation() -> None:
    story = true_history()
    renumber(story)
    assert told(audit(story.records(), Rules())) == []


def test_the_report_says_what_was_read() -> None:
    story = true_history()
    report = audit(story.records(), Rules())
    assert report.events == len(story.written)
    assert report.cases == 4
    assert report.entries == 11
    assert report.fen > 0
    assert sum(report.per_topic.values()) == report.events
    assert report.offsets["mandates.authority"]["0"] == story.offsets["mandates.authority", 0]
    assert report.as_dict()["read"]["cases"] == 4


def test_an_auditor_that_read_nothing_fails() -> None:
    report = audit([], Rules())
    assert report.exit_code == 2
    assert report.verdict == "nothing_read"


def test_the_order_in_which_partitions_are_read_changes_nothing() -> None:
    records = true_history().records()
    by_partition: dict[tuple[str, int], list[AuditRecord]] = {}
    for record in records:
        by_partition.setdefault((record.topic, record.partition), []).append(record)
    for seed in range(20):
        queues = [list(q) for q in by_partition.values()]
        rng = random.Random(seed)
        mixed = []
        while queues:
            queue = rng.choice(queues)
            mixed.append(queue.pop(0))
            queues = [q for q in queues if q]
        assert told(audit(mixed, Rules())) == []


def test_a_history_cut_anywhere_has_only_things_on_their_way() -> None:
    """At every moment of a true history nothing is wrong: what is not answered yet is counted, not accused."""
    records = true_history().records()
    for end in range(1, len(records) + 1):
        report = audit(records[:end], Rules())
        assert told(report) == [], records[end - 1]


def test_what_is_under_way_is_counted() -> None:
    story = Story()
    found(story)
    term = story.place("m1", COMMUNITY, role="lead", amount=10 * PRICE)
    story.routed("c1", term)
    story.request("c1", "h1", term)
    story.hold("hold-1", "c1", "h1")
    report = audit(story.records(), Rules())
    assert told(report) == []
    assert {k: v for k, v in report.open.items() if v} == {"cases": 1, "handovers": 1, "holds": 1}


def test_repeated_records_are_counted_and_forgiven() -> None:
    records = true_history().records()
    doubled = [r for record in records for r in (record, record)]
    report = audit(doubled, Rules())
    assert told(report) == []
    assert report.duplicates == len(records)


def test_malformed_and_unknown_events_are_counted() -> None:
    story = true_history()
    bad = AuditRecord("complaints.case", 0, 9000, b"x", b"{", story.written[0].record().headers)
    story.emit("complaints.case.invented", {"case": "c9"}, key="c9")
    report = audit([*story.records(), bad], Rules())
    assert told(report) == []
    assert report.malformed == 1
    assert report.malformed_at[0]["offset"] == 9000
    assert report.unknown == {"complaints.case.invented": 1}


def test_an_event_of_an_unknown_type_is_no_gap_in_its_aggregate() -> None:
    story = Story()
    found(story)
    term = story.place("m1", COMMUNITY, role="lead", amount=10 * PRICE)
    story.routed("c1", term)
    story.case("photographed", {}, "c1")
    story.work("c1", COMMUNITY, "m1", term, 1)
    assert told(audit(story.records(), Rules())) == []


def test_what_is_newer_than_the_horizon_is_read_but_not_judged() -> None:
    story = true_history()
    late = story.entry("late", [(COMMUNITY, BANK, None, 5)])
    history = History()
    history.add_all(story.records())
    event = story.find("finance.entry.posted", entry=late)
    ends = dict(history.next_offsets)
    ends[event.topic, event.partition] = event.offset
    report = judge(history, Rules(), Horizon(ends))
    assert told(report) == []
    assert report.undecided == 1
    ends[event.topic, event.partition] += 1
    assert told(judge(history, Rules(), Horizon(ends))) == [("entry_unbalanced", event.id)]


def test_an_audit_goes_on_where_it_was() -> None:
    records = true_history().records()
    history = History()
    history.add_all(records[:40])
    assert told(judge(history, Rules())) == []
    history.add_all(records[40:])
    assert judge(history, Rules()) == audit(records, Rules())


def test_a_silent_replica_may_be_waited_out() -> None:
    """S + 2ε + A by mandates' own times; one on SQLite has to answer whatever passes."""
    rules = Rules()
    for replica, wrong in (("finance:postgres:7", []), ("finance:sqlite:7", ["switch_too_early"])):
        story = true_history()
        opened = story.find("mandates.switch.opened", switch="switch-end")
        opened.data["awaited"].append(replica)
        done = story.find("mandates.switch.done", switch="switch-end")
        done.attributes["time"] = utc_text(story.now + rules.wait)
        assert [v.code for v in audit(story.records(), rules).violations] == wrong


def test_a_verified_case_may_stay_where_its_mandate_has_ended() -> None:
    """Its work is done: there is no duty left that could be left behind."""
    story = true_history()
    for name in ("complaints.case.closed", "complaints.case.settled"):
        story.drop(story.find(name, case="c1"))
    # Complaints acts on, having applied a later record than the one that ended the mandate.
    later = story.emit("mandates.switch.dropped", {"switch": "x"}, key="x", topic="mandates.authority")
    story.case("reported", {"category": "1", "channel": "app", "affair": RUBBISH, "area": NANGUAN}, "c8")
    story.drop(later)
    assert "case_left_behind" not in {v.code for v in audit(story.records(), Rules()).violations}


def taken_by_its_owner() -> Story:
    """A mandate takes the slot over, and nobody has the money for an open case: the owner keeps it and does it."""
    s = Story()
    found(s)
    root = f"root:{RUBBISH}"
    s.routed("c5", 1)
    s.find("complaints.case.routed", case="c5").data.update({"responsible": DEPT, "mandate": root})
    asked = {"case_term": 1, "switch": "switch-m1", "mandate": root, "owner": DEPT, "price_fen": PRICE}
    s.case("hold_requested", {**asked, "needed_fen": PRICE}, "c5")
    short = {"ref": "switch-m1", "case": "c5", "purpose": "switch", "shortfall_fen": PRICE}
    s.emit("finance.hold.refused", short, key="c5")
    s.place("m1", COMMUNITY, role="lead", amount=PRICE)
    s.work("c5", DEPT, root, 1, 1)
    s.verify("c5", DEPT, root, 1)
    return s


def test_the_owner_may_do_a_case_that_it_took_itself_where_another_has_the_slot() -> None:
    assert told(audit(taken_by_its_owner().records(), Rules())) == []


def test_a_case_that_was_routed_wrongly_may_go_back_to_the_affairs_owner() -> None:
    s = Story()
    found(s)
    root, term = f"root:{RUBBISH}", s.place("m1", COMMUNITY, role="lead", amount=PRICE)
    s.routed("c5", term)
    moved = {"case_term": 2, "cause": "returned", "switch": None, "from_org": COMMUNITY, "to": DEPT, "mandate": root}
    moved |= {"term": 1, "affair": RUBBISH, "area": NANGUAN, "price_fen": PRICE, "hold": None}
    s.case("repointed", moved, "c5", **s.act(COMMUNITY, "m1", term))
    s.work("c5", DEPT, root, 1, 2)
    s.verify("c5", DEPT, root, 2)
    assert told(audit(s.records(), Rules())) == []


def test_nobody_else_may_act_on_a_case_that_its_owner_took() -> None:
    story = taken_by_its_owner()
    forged = story.find("complaints.case.started", case="c5")
    forged.data["org"] = COMMUNITY
    forged.attributes.update(story.act(COMMUNITY, "m1", 1))
    assert ("act_not_responsible", forged.id) in told(audit(story.records(), Rules()))
