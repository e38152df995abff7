"""The independent checker: commands acknowledged against effects found: 0 lost, 0 twice, in order, every fen there.

It reads the callers' journal, the log and the databases (`evidence`), and shares no code with the services.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from . import effects, money
from .effects import FOUNDED
from .evidence import BEATS, Entry, Evidence
from .findings import (
    DEAD,
    LEFT,
    LOST,
    NO_ANSWER,
    NOTHING,
    ORDER,
    REFUSED,
    SURPRISE,
    TWICE,
    VIOLATION,
    Finding,
    compare,
)
from .journal import Line

# What a command that was done leaves on the log: exactly one of these, for its aggregate.
SAYS = {
    "report": "complaints.case.reported",
    "start": "complaints.case.started",
    "result": "complaints.case.handled",
    "verify": "complaints.case.verified",
    "reject": "complaints.case.rejected",
    "close": "complaints.case.closed",
    "handover": "complaints.case.handover_requested",
    "return": "complaints.case.returned",
    "propose": "mandates.mandate.proposed",
    "admit": "mandates.mandate.admitted",
    "end": "mandates.mandate.ending",
}
OWN_ID = frozenset({"report", "propose", "entry"})  # their answer names the aggregate; others are told about one
MOVED_ON = frozenset({"missing_power", "not_responsible", "term_passed", "case_term_passed", "movement_under_way"})
"""Refusals that a caller may get while a switch moves its case: it looks who is responsible, and asks again."""
UNCOUNTED = (".replica", ".deadletter")  # statements by and about a process: no aggregate with a history


def check(evidence: Evidence) -> list[Finding]:
    """All that is not as it must be; nothing, when all is well."""
    parts: tuple[Callable[[Evidence], list[Finding]], ...] = (
        answered,
        said_once,
        told_by_history,
        in_order,
        nothing_left,
        effects.check,
        money.check,
        audited,
    )
    return [finding for part in parts for finding in part(evidence)]


def answered(evidence: Evidence) -> list[Finding]:
    """Every command has a definite answer, none was refused that nothing stood against, nothing answered 500."""
    found = []
    switched = {e.key for e in evidence.named("complaints.case.repointed", "complaints.case.hold_requested")}
    for line in evidence.journal:
        if line["what"] == "surprise":
            found.append(Finding(SURPRISE, f"{line['path']}: {line['status']} {line['text']}"))
        elif line["what"] == "command" and line["status"] == 0:
            found.append(Finding(NO_ANSWER, f"{line['kind']} {line['path']} under {line['key']}"))
        elif line["what"] == "command" and line["status"] >= 400 and not _moved_on(line, switched):
            what = f"{line['kind']} {line['path']} under {line['key']}: {line['code']} {line['detail']}"
            found.append(Finding(REFUSED, what))
    if not any(line["what"] == "command" and line["status"] < 300 for line in evidence.journal):
        found.append(Finding(NOTHING, "no command was acknowledged"))
    return found


def _moved_on(line: Line, switched: set[str]) -> bool:
    return line["about"] in switched and line["code"] in MOVED_ON


def said_once(evidence: Evidence) -> list[Finding]:
    """For each aggregate, as many events of a kind as commands of that kind were acknowledged; and no key twice."""
    done = [line for line in evidence.journal if line["what"] == "command" and 0 < line["status"] < 300]
    expected = [(SAYS[x["kind"]], x["id"] if x["kind"] in OWN_ID else x["about"]) for x in done if x["kind"] in SAYS]
    names = set(SAYS.values())
    said = [(entry.name, entry.key) for entry in evidence.once() if entry.name in names]
    found = compare("acknowledged", expected, [x for x in said if not x[1].startswith(FOUNDED)], LOST, TWICE)
    entries = [x["id"] for x in done if x["kind"] == "entry"]
    journal = [e.key for e in evidence.named("finance.entry.posted") if e.data["kind"] == "journal"]
    found += compare("entry", entries, [key for key in journal if key not in _founding_entries(evidence)], LOST, TWICE)
    keys = [x["key"] for x in done if x["kind"] == "report"]
    found += compare(
        "report under", keys, [r["description"] for r in evidence.rows("complaints", "case_private")], LOST, TWICE
    )
    handovers = [x["id"] for x in done if x["kind"] == "handover"]
    asked = [e.data["handover"] for e in evidence.named("complaints.case.handover_requested")]
    return found + compare("handover", handovers, asked, LOST, TWICE)


def _founding_entries(evidence: Evidence) -> set[str]:
    """Of the founding document: their cause is a word there, no id of a command."""
    return {e.key for e in evidence.named("finance.entry.posted") if e.data["cause"].startswith("seed:")}


def told_by_history(evidence: Evidence) -> list[Finding]:
    """What a database says has happened is on the log, and nothing else is."""
    history = [row["event_id"] for row in evidence.rows("complaints", "case_history")]
    log = [entry.id for entry in evidence.once() if entry.topic == "complaints.case"]
    found = compare("complaints' history", history, log, LOST, TWICE)
    steps = [(row["mandate"], row["version"]) for row in evidence.rows("mandates", "mandate_history")]
    log2 = [(e.key, e.sequence) for e in evidence.once() if e.topic == "mandates.mandate"]
    return found + compare("mandates' history", steps, log2, LOST, TWICE)


def in_order(evidence: Evidence) -> list[Finding]:
    """As consumers apply it each aggregate goes 1, 2, 3 …, in one partition; and no event changes when it repeats."""
    found = []
    versions: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    first: dict[str, Entry] = {}
    for entry in evidence.log:
        before = first.setdefault(entry.id, entry)
        if before is not entry:
            if (before.topic, before.key, before.data) != (entry.topic, entry.key, entry.data):
                found.append(Finding(ORDER, f"{entry.id} came again as something else"))
        elif not entry.topic.endswith(UNCOUNTED):
            # The authority log is one aggregate, whatever its records' keys.
            key = "" if entry.topic == "mandates.authority" else entry.key
            versions[entry.topic, key].append(entry)
    for (topic, key), entries in versions.items():
        sequence = [e.sequence for e in entries]
        start = sequence[0] if topic == "mandates.authority" else 1
        if sequence != list(range(start, start + len(sequence))):
            found.append(Finding(ORDER, f"{topic} {key}: {_break(sequence, start)}"))
        if len({e.partition for e in entries}) != 1:
            found.append(Finding(ORDER, f"{topic} {key} stands in several partitions"))
    return found


def _break(sequence: list[int], start: int) -> str:
    place = next(
        i for i, (a, b) in enumerate(zip(sequence, range(start, start + len(sequence)), strict=True)) if a != b
    )
    return f"version {sequence[place]} where {start + place} should be"


def nothing_left(evidence: Evidence) -> list[Finding]:
    """Nothing waits in an outbox, no letter is dead, every group is at the end and has applied all it listens to."""
    found = []
    ids: dict[str, list[Entry]] = defaultdict(list)
    for entry in evidence.once():
        ids[entry.name].append(entry)
    for service, tables in evidence.tables.items():
        waiting = [row for row in tables["outbox"] if row["topic"] != "mandates.authority"]
        found += [Finding(LEFT, f"{service}'s outbox: {row['topic']} {row['key']}") for row in waiting]
        found += [
            Finding(DEAD, f"{service}: {row['topic']} {row['key']} {row['code']}") for row in tables["dead_letter"]
        ]
        for row in tables["consumer_offset"]:
            end = evidence.ends.get((row["topic"], row["partition"]), 0)
            if row["topic"] != "mandates.authority" and row["next_offset"] != end:
                found.append(Finding(LEFT, f"{row['consumer']} is at {row['next_offset']} of {end} in {row['topic']}"))
        applied: dict[str, set[str]] = defaultdict(set)
        for row in tables["inbox"]:
            applied[row["consumer"]].add(row["event_id"])
        for group, seen in applied.items():
            heard = {name for name, entries in ids.items() if any(e.id in seen for e in entries)}
            lost = [e for name in sorted(heard) for e in ids[name] if e.id not in seen]
            found += [Finding(LOST, f"{group} has not applied {e.name} {e.id} of {e.key}") for e in lost]
    return found


def audited(evidence: Evidence) -> list[Finding]:
    """The auditor, which reads the streams alone, has read something and names no violation."""
    report = evidence.audit
    found = [Finding(VIOLATION, str(violation)) for violation in report.get("violations", [])]
    if report.get("verdict") != "clean" and not found:
        found.append(Finding(VIOLATION, f"the auditor's verdict is {report.get('verdict')}"))
    read = report.get("read", {})
    if not (read.get("events") and read.get("cases") and read.get("entries")):
        found.append(Finding(NOTHING, f"the auditor read {read}"))
    return found


def figures(evidence: Evidence) -> dict[str, int]:
    """What was read, for people."""
    once = evidence.once()
    return {
        "records": len(evidence.log),
        "events": len(once),
        "repeats": len(evidence.log) - len(once),
        "beats": Counter(entry.name for entry in once)[BEATS],
        "cases": len(evidence.named("complaints.case.reported")),
        "handovers": len(evidence.named("complaints.case.handover_requested")),
        "payments": len(evidence.named("finance.case.paid")),
        "mandates activated": len(evidence.named("mandates.mandate.activated")),
    }
