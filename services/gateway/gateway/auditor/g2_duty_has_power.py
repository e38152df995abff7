"""G2: who is responsible can act: every receiver holds the grant, and no case stays where the power has left."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.auditor.authority import ROOT, Span
from gateway.auditor.cases import C, Case, Move
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation


def check(trail: Trail) -> Iterator[Violation]:
    """Receivers, cases left behind, mandates activated without a grant."""
    for case in trail.cases.values():
        for moved in case.moves:
            yield from _receiver(trail, case, moved)
        yield from _left_behind(trail, case)
    for event in trail.history.named("mandates.mandate.activated"):
        mandate, term = event.text("mandate"), event.fen("term")
        span = trail.authority.find(mandate, term)
        if span is None or span.holder != event.text("holder"):
            if mandate.startswith(ROOT) and trail.authority.by_mandate.get(mandate):
                continue
            yield violation("activated_without_grant", event, mandate=mandate, term=term)


def _receiver(trail: Trail, case: Case, moved: Move) -> Iterator[Violation]:
    offsets = [moved.event.authority_offset] if moved.event.authority_offset is not None else []
    if moved.event.name == C + "repointed":
        # It happened in the transaction that applied this very record, whatever else that transaction applied.
        switch = trail.authority.switches.get(moved.event.maybe("switch") or "")
        if switch is not None and switch.done is not None:
            offsets.append(switch.done.offset)
    if not offsets:
        return  # told by G6
    span = trail.authority.find(moved.mandate, moved.term)
    if span is None or not _holds(trail, span, case, moved) or not any(span.alive(offset) for offset in offsets):
        yield violation(
            "receiver_without_grant",
            moved.event,
            span.begun if span else None,
            span.ended if span else None,
            org=moved.receiver,
            mandate=moved.mandate,
            term=moved.term,
        )


def _holds(trail: Trail, span: Span, case: Case, moved: Move) -> bool:
    affair = moved.event.maybe("affair") or case.affair
    area = moved.event.maybe("area") or case.area
    at_home = trail.authority.codes.inside(area, span.area)
    return span.holder == moved.receiver and span.affair == affair and at_home


def _left_behind(trail: Trail, case: Case) -> Iterator[Violation]:
    """Complaints re-points in the transaction that applies the record, so once it has applied a later one, no open
    case is left under a grant that the record took. Once the work is verified there is no duty left to move."""
    if not case.open or case.verified or not case.moves:
        return
    last = case.moves[-1]
    span = trail.authority.find(last.mandate, last.term)
    if span is None or span.ended is None or trail.applied.get("complaints", -1) <= span.ended.offset:
        return
    present = [s for s in trail.authority.by_mandate[last.mandate] if s.alive(trail.applied["complaints"])]
    if any(trail.authority.codes.inside(case.area, s.area) for s in present):
        return  # suspended and resumed, or its area has another code
    yield violation("case_left_behind", last.event, span.ended, mandate=last.mandate, org=last.receiver)
