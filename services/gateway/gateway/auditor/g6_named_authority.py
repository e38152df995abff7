"""G6: each event carries who acted, for which organisation, under which mandate and term."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.auditor.known import ACTS
from gateway.auditor.records import Event
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation

_REPLICA = ".replica"


def check(trail: Trail) -> Iterator[Violation]:
    """Every event names its actor and what its service knew; acts name their authority; what is named exists."""
    end = trail.history.authority_end
    for event in trail.history.by_id.values():
        missing = [name for name in _needed(event) if getattr(event, name) is None]
        if missing:
            yield violation("act_unnamed", event, missing=", ".join(missing))
        if event.authority_offset is not None and event.authority_offset >= end:
            yield violation("authority_offset_unknown", event, offset=event.authority_offset, end=end)
        if (
            event.mandate is not None
            and event.term is not None
            and event.name not in ACTS  # told by G3
            and trail.authority.find(event.mandate, event.term) is None
        ):
            yield violation("authority_unknown", event, mandate=event.mandate, term=event.term)


def _needed(event: Event) -> tuple[str, ...]:
    if event.topic.endswith(_REPLICA):
        return ("outbox_id",)
    if event.name in ACTS and not event.by_service:
        return ("actor", "org", "mandate", "term", "authority_offset", "outbox_id", "beat_time")
    return ("actor", "authority_offset", "outbox_id")
