"""G1: every case and every point of every area has exactly one responsible organisation per affair."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from gateway.auditor.authority import LEAD, Span
from gateway.auditor.cases import C, Case, Move
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation

_BEFORE_ROUTING = {C + "reported", C + "routed"}


def check(trail: Trail) -> Iterator[Violation]:
    """Cases move one step at a time from the one to the next; no slot has two holders."""
    for case in trail.cases.values():
        yield from _story(case)
        yield from _routing(trail, case)
    yield from _slots(trail)


def _story(case: Case) -> Iterator[Violation]:
    responsible: Move | None = None
    for event in case.events:
        moved = next((m for m in case.moves if m.event is event), None)
        if moved is None:
            if responsible is None and event.name not in _BEFORE_ROUTING:
                yield violation("case_not_routed", event)
            continue
        if moved.giver is None:
            if responsible is not None:
                yield violation("routed_twice", event, responsible.event)
        elif responsible is None:
            yield violation("case_not_routed", event)
        elif moved.giver != responsible.receiver:
            yield violation("moved_by_another", event, responsible.event, got=moved.giver, wanted=responsible.receiver)
        wanted = 1 if responsible is None else responsible.case_term + 1
        if moved.case_term != wanted:
            last = responsible.event if responsible else None
            yield violation("case_term_skipped", event, last, got=moved.case_term, wanted=wanted)
        if event.name == C + "handed_over" and event.text("handover") not in case.requested:
            yield violation("moved_without_request", event, handover=event.text("handover"))
        responsible = moved


def _routing(trail: Trail, case: Case) -> Iterator[Violation]:
    for moved in case.moves:
        event = moved.event
        if event.name != C + "routed" or event.authority_offset is None:
            continue
        better = trail.authority.wrongly_routed(
            event.text("affair"), event.text("area"), moved.mandate, event.authority_offset, event.time, trail.rules.gap
        )
        if better is not None:
            yield violation(
                "routed_elsewhere", event, better.begun, got=moved.receiver, wanted=better.holder, area=better.area
            )


def _slots(trail: Trail) -> Iterator[Violation]:
    slots: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in trail.authority.spans:
        if span.role == LEAD:
            slots[span.affair, span.area].append(span)
    for spans in slots.values():
        for index, span in enumerate(spans):
            for other in spans[:index]:
                if other.mandate != span.mandate and _overlap(other, span):
                    yield violation("holders_overlap", span.begun, other.begun, holder=span.holder, other=other.holder)


def _overlap(before: Span, after: Span) -> bool:
    """Both live at once: not taken by a record, and not over by its planned end before the next begins."""
    if not before.alive(after.begun.offset):
        return False
    planned = before.ends_at is not None and after.starts_at is not None and before.ends_at <= after.starts_at
    return not planned
