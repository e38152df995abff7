"""The audit: records in, report out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from gateway.auditor import (
    g1_one_responsible,
    g2_duty_has_power,
    g3_power_has_duty,
    g4_duty_has_money,
    g5_money_has_work,
    g6_named_authority,
    g7_records,
)
from gateway.auditor.history import History, Horizon
from gateway.auditor.records import AuditRecord
from gateway.auditor.report import Report
from gateway.auditor.rules import Rules
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation

CHECKS = (
    g1_one_responsible.check,
    g2_duty_has_power.check,
    g3_power_has_duty.check,
    g4_duty_has_money.check,
    g5_money_has_work.check,
    g6_named_authority.check,
    g7_records.check,
)


def audit(records: Iterable[AuditRecord], rules: Rules) -> Report:
    """Rebuild G1–G7 from these records alone."""
    history = History()
    history.add_all(records)
    return judge(history, rules)


def judge(history: History, rules: Rules, horizon: Horizon | None = None) -> Report:
    """The report on a history. What is newer than the horizon is read but not judged."""
    edge = horizon or Horizon()
    trail = Trail(history, rules, edge)
    found, undecided = [], 0
    for violation in _all(trail):
        if edge.judges(violation.topic, violation.partition, violation.offset):
            found.append(violation)
        else:
            undecided += 1
    found.sort(key=lambda v: (v.guarantee, v.topic, v.partition, v.offset, v.code))
    return _report(trail, tuple(found), undecided)


def _all(trail: Trail) -> Iterator[Violation]:
    for check in CHECKS:
        yield from check(trail)


def _report(trail: Trail, violations: tuple[Violation, ...], undecided: int) -> Report:
    history = trail.history
    offsets: dict[str, dict[str, int]] = {}
    for (topic, partition), end in sorted(history.next_offsets.items()):
        offsets.setdefault(topic, {})[str(partition)] = end
    return Report(
        events=history.records,
        per_topic=dict(sorted(history.per_topic.items())),
        offsets=offsets,
        cases=len(trail.cases),
        mandates=len({s.mandate for s in trail.authority.spans}),
        entries=len(trail.money.entries),
        fen=_fen(trail),
        beats=history.beats,
        duplicates=history.duplicates,
        malformed=history.malformed_count,
        malformed_at=[
            {"topic": topic, "partition": partition, "offset": offset, "reason": reason}
            for topic, partition, offset, reason in history.malformed
        ],
        unknown=dict(sorted(history.unknown.items())),
        open=_open(trail),
        undecided=undecided,
        violations=violations,
        by_guarantee=dict(sorted(Counter(v.guarantee for v in violations).items())),
    )


def _fen(trail: Trail) -> int:
    """What was posted to the debit of any account: every fen that moved, once per side it moved on."""
    lines = (line for entries in trail.money.entries.values() for line in entries[0].data["lines"])
    return sum(amount for line in lines if (amount := int(line["amount_fen"])) > 0)


def _open(trail: Trail) -> dict[str, int]:
    """What was begun and not yet answered: no violation, but worth knowing."""
    admitted = trail.history.first("mandates.mandate.admitted", "mandate")
    answered = {*trail.money.funded, *trail.money.claims}
    answered |= trail.history.first("finance.earmark.refused", "mandate").keys()
    answered |= trail.history.first("mandates.mandate.refused", "mandate").keys()
    ended = trail.history.first("mandates.mandate.ended", "mandate")
    settled = trail.history.first("mandates.mandate.settled", "mandate")
    return {
        "cases": sum(1 for case in trail.cases.values() if case.open),
        "cases_to_settle": sum(1 for case in trail.cases.values() if case.verified and case.settled is None),
        "handovers": sum(len(case.waiting) for case in trail.cases.values()),
        "holds": sum(1 for hold in trail.money.holds.values() if hold.open),
        "switches": sum(1 for s in trail.authority.switches.values() if s.opened and s.end is None),
        "mandates_to_fund": len(admitted.keys() - answered),
        "mandates_to_settle": len(ended.keys() - settled.keys()),
    }
