"""G3, on the authority log: every change of power is a switch that was opened, waited for, and done once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from gateway.auditor.authority import FOUNDING, ROOT, Switch
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation


def check(trail: Trail) -> Iterator[Violation]:
    """Switches, their waits, and the grants they give."""
    for switch in trail.authority.switches.values():
        for event in switch.again:
            yield violation("switch_ended_twice", event, switch.opened, switch.end, switch=switch.id)
        if switch.done is None:
            continue
        if switch.opened is None:
            if not _founds(trail, switch):
                yield violation("switch_not_opened", switch.done, switch=switch.id)
        else:
            yield from _waited(trail, switch)
            if (switch.done.data.get("rekeys") or []) != (switch.opened.data.get("rekeys") or []):
                yield violation("rekeyed_otherwise", switch.done, switch.opened, switch=switch.id)
    yield from _grants(trail)


def _founds(trail: Trail, switch: Switch) -> bool:
    """A founding needs no opening: nobody held anything there that could yield."""
    done = switch.done
    assert done is not None
    if done.maybe("why") != FOUNDING:
        return False
    given = [s for s in trail.authority.spans if s.begun is done]
    held = [
        other
        for span in given
        for other in trail.authority.by_affair[span.affair]
        if other.begun.offset < done.offset and other.alive(done.offset - 1) and other.area.startswith(span.area)
    ]
    return not held and all(not slot.get("old") for slot in done.data["slots"])


def _waited(trail: Trail, switch: Switch) -> Iterator[Violation]:
    """Every awaited replica acknowledged, or S + 2ε + A passed between the two records by mandates' own clock.

    That much time is necessary, not sufficient (the wait runs on a monotonic clock and begins anew after a restart),
    so less of it is certain to be wrong. A replica on SQLite always has to answer (authority §2)."""
    opened, done = switch.opened, switch.done
    assert opened is not None and done is not None
    elapsed = done.time - opened.time
    waited = elapsed >= trail.rules.wait - 2 * trail.rules.clock_error
    for replica in map(str, opened.data.get("awaited") or ()):
        if replica in switch.acknowledged or (waited and ":sqlite:" not in replica):
            continue
        yield violation("switch_too_early", done, opened, switch=switch.id, replica=replica)
    pending = [a for a in switch.acknowledged.values() if a.data.get("pending_cases") is True]
    if pending and not waited and switch.id not in trail.history.first("complaints.switch.cases_ready", "switch"):
        yield violation("switched_without_cases", done, opened, *pending, switch=switch.id)


def _grants(trail: Trail) -> Iterator[Violation]:
    names = [n for n in trail.history.by_name if n.startswith("mandates.mandate.")]
    known = {e.text("mandate") for n in names for e in trail.history.by_name[n]}
    highest: dict[tuple[str, str], int] = defaultdict(int)
    for span in trail.authority.spans:
        if span.mandate not in known and not span.mandate.startswith(ROOT):
            yield violation("grant_without_mandate", span.begun, mandate=span.mandate)
        slot = span.affair, span.area
        if span.term <= highest[slot]:
            yield violation("term_not_above", span.begun, term=span.term, before=highest[slot])
        highest[slot] = max(highest[slot], span.term)
