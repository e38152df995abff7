"""G3: when the duty ends so does the power, everywhere; the old holder and the new one never overlap."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.auditor import g3_switches
from gateway.auditor.authority import LEAD, Span
from gateway.auditor.cases import C, Case
from gateway.auditor.known import ACTS
from gateway.auditor.records import Event
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation

_BY_RESPONSIBLE = {C + "started": "org", C + "handled": "org", C + "handover_requested": "giver"}


def check(trail: Trail) -> Iterator[Violation]:
    """Acts, switches and grants."""
    for name in ACTS:
        for event in trail.history.by_name.get(name, ()):
            yield from _act(trail, event)
    # Of departments of which only this is known: who acted, under what.
    for event in (*trail.history.others, *trail.history.of_any("bill.cost_planned")):
        yield from _act(trail, event)
    for case in trail.cases.values():
        yield from _responsible_acts(case)
    yield from g3_switches.check(trail)


def _act(trail: Trail, event: Event) -> Iterator[Violation]:
    if event.by_service or event.mandate is None or event.term is None or event.authority_offset is None:
        return  # no act; or told by G6
    span = trail.authority.find(event.mandate, event.term)
    if span is None:
        yield violation("act_without_grant", event, mandate=event.mandate, term=event.term)
        return
    yield from _within_grant(trail, event, span, _place(trail, event))
    yield from _old_code(trail, event)
    if event.authority_offset < span.begun.offset:
        yield violation("act_before_grant", event, span.begun, mandate=span.mandate, term=span.term)
    elif not span.alive(event.authority_offset) or _after_planned_end(trail, event, span):
        yield violation("act_after_end", event, span.begun, span.ended, mandate=span.mandate, term=span.term)
    else:
        yield from _moving(trail, event, span)
    if event.beat_time is not None:
        # The event's time is when its transaction began, so its beat was at least this old when it was relied on.
        age = event.time - event.beat_time
        if age >= trail.rules.staleness:
            yield violation("beat_too_old", event, age=round(age.total_seconds()))


def _old_code(trail: Trail, event: Event) -> Iterator[Violation]:
    """Where areas have other codes, nobody acts under the old one: whoever leads there now does."""
    if event.area is None or event.authority_offset is None:
        return
    if (gone := trail.authority.codes.given_up(event.area, event.authority_offset)) is not None:
        record, now = gone
        yield violation("act_under_old_code", event, record, place=event.area, now=now)


def _within_grant(trail: Trail, event: Event, span: Span, place: str | None) -> Iterator[Violation]:
    if event.org != span.holder:
        yield violation("act_by_another", event, span.begun, got=event.org or "?", wanted=span.holder)
    power = ACTS.get(event.name)
    if power is not None and power not in span.powers:
        yield violation("act_without_power", event, span.begun, mandate=span.mandate, power=power)
    if place is not None and event.name.startswith(C) and not trail.authority.codes.inside(place, span.area):
        yield violation("act_out_of_area", event, span.begun, place=place, area=span.area)


def _place(trail: Trail, event: Event) -> str | None:
    if event.topic == "complaints.case" and event.key in trail.cases:
        return trail.cases[event.key].areas.get(event.id) or event.area
    return event.area


def _after_planned_end(trail: Trail, event: Event, span: Span) -> bool:
    """The beat it relied on was sent after the end: by mandates' own clock the act came later still."""
    if span.ends_at is None or event.beat_time is None:
        return False
    return event.beat_time >= span.ends_at + 2 * trail.rules.clock_error


def _moving(trail: Trail, event: Event, span: Span) -> Iterator[Violation]:
    """Between a service's acknowledgement and what it learns of the end, nothing happens under the old grant."""
    place = _place(trail, event) or span.area
    if _acts_for_the_whole(trail, event, span, place):
        return
    for switch in trail.authority.switches.values():
        opened, end = switch.opened, switch.end
        if opened is None or opened.offset < span.begun.offset:
            continue
        if not switch.covers(span.affair, span.role, span.mandate, place):
            continue
        assert event.authority_offset is not None
        if end is not None and event.authority_offset >= end.offset:
            continue
        if event.authority_offset >= opened.offset:
            yield violation("act_in_transition", event, opened, switch=switch.id)
            continue
        own = [a for a in switch.acknowledged.values() if a.source == event.source]
        for acknowledged in own:
            if (event.outbox_id or 0) > (acknowledged.outbox_id or 0):
                yield violation(
                    "act_after_acknowledgement", event, opened, acknowledged, switch=switch.id, service=event.source
                )


def _acts_for_the_whole(trail: Trail, event: Event, span: Span, place: str) -> bool:
    """Somebody else leads at this place: the holder acts as the one who took the case over, or checks where the
    narrower holder may not check itself. It uses its power over the whole area, which does not yield for a part."""
    assert event.authority_offset is not None
    return any(
        s.role == LEAD and s.alive(event.authority_offset) and place.startswith(s.area) and len(s.area) > len(span.area)
        for s in trail.authority.by_affair[span.affair]
    )


def _responsible_acts(case: Case) -> Iterator[Violation]:
    responsible = None
    doer = None
    by_event = {id(m.event): m for m in case.moves}
    for event in case.events:
        moved = by_event.get(id(event))
        if moved is not None:
            responsible = moved
            continue
        if responsible is None:
            continue
        field = _BY_RESPONSIBLE.get(event.name)
        if field is not None and event.text(field) != responsible.receiver:
            yield violation(
                "act_not_responsible", event, responsible.event, got=event.text(field), wanted=responsible.receiver
            )
        if event.name == C + "handled":
            doer = event.text("org")
        if event.name == C + "verified" and event.text("verified_by") in (responsible.receiver, doer):
            yield violation("self_verified", event, responsible.event, org=event.text("verified_by"))
