"""G7 rests on the records: none is missing, none out of order, none said twice in different words."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation

# Topics whose key is one aggregate with one version, so that its events count up by one.
COUNTED = ("complaints.case", "mandates.mandate", "mandates.organisation", "mandates.affair")
# Beats are compacted away, so there numbers may be missing; none may come twice or late.
GROWING = ("mandates.authority",)


def check(trail: Trail) -> Iterator[Violation]:
    """Sequences, per aggregate, in the order of the partition."""
    for event in trail.history.differing:
        yield violation("duplicate_differs", event, trail.history.by_id.get(event.id))
    last: dict[tuple[str, str], int] = {}
    events = sorted((*trail.history.by_id.values(), *trail.history.others), key=lambda e: e.place)
    for event in events:
        if event.topic not in COUNTED and event.topic not in GROWING:
            continue
        aggregate = (event.topic, event.key if event.topic in COUNTED else "")
        before = last.get(aggregate, 0)
        got = event.sequence
        if got == before:
            yield violation("sequence_repeated", event, key=event.key, got=got)
        elif got < before:
            yield violation("sequence_reordered", event, key=event.key, got=got, before=before)
        elif got > before + 1 and event.topic in COUNTED:
            yield violation("sequence_gap", event, key=event.key, wanted=before + 1, got=got)
        last[aggregate] = max(before, got)
