"""G4: a handover or mandate takes effect only after the ledger holds its price from who gives the work away."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.auditor.authority import ROOT
from gateway.auditor.cases import C, Case, Move
from gateway.auditor.trail import Trail
from gateway.auditor.violations import Violation, violation


def check(trail: Trail) -> Iterator[Violation]:
    """Mandates, movements, payments."""
    yield from _mandates(trail)
    for case in trail.cases.values():
        for moved in case.moves:
            yield from _move(trail, case, moved)
    for event in trail.history.named("finance.case.unpaid"):
        yield violation("case_unpaid", event, shortfall=event.fen("shortfall_fen"))


def _mandates(trail: Trail) -> Iterator[Violation]:
    admitted = trail.history.first("mandates.mandate.admitted", "mandate")
    for event in trail.history.named("mandates.mandate.activated"):
        mandate = event.text("mandate")
        funded = sum(e.fen("amount_fen") for e in trail.money.funded.get(mandate, ()))
        owed = event.fen("amount_fen")
        if mandate in admitted and admitted[mandate].maybe("emergency") is not None:
            continue  # begins at once; its claim or its money follows
        if owed > funded:
            yield violation("activated_unfunded", event, mandate=mandate, wanted=owed, got=funded)
        elif owed > 0 and mandate.startswith(ROOT):
            yield violation("activated_unfunded", event, mandate=mandate, wanted=owed, got=0)
    ended = trail.history.first("mandates.mandate.ended", "mandate")
    for mandate, returns in trail.money.returned.items():
        if mandate not in ended:
            yield violation("returned_while_active", returns[0], mandate=mandate)


def _move(trail: Trail, case: Case, moved: Move) -> Iterator[Violation]:
    event = moved.event
    if event.name == C + "handed_over":
        yield from _handed_over(trail, case, moved)
    elif event.name == C + "repointed" and (named := event.maybe("hold")) is not None:
        hold = trail.money.holds.get(named)
        if hold is None or hold.placed is None or hold.placed.text("case") != case.id:
            yield violation("moved_by_foreign_hold", event, hold=named)


def _handed_over(trail: Trail, case: Case, moved: Move) -> Iterator[Violation]:
    """What finance held for this case when it placed this handover's hold covers the price, carried holds included."""
    event = moved.event
    handover, price = event.text("handover"), event.fen("price_fen")
    placed = [h for h in trail.money.by_ref.get(handover, ()) if h.placed and h.placed.text("case") == case.id]
    named = event.maybe("hold")
    if named is not None and named not in {h.id for h in placed}:
        yield violation("moved_by_foreign_hold", event, case.requested.get(handover), hold=named)
        return
    if not placed:
        if price > 0:
            yield violation(
                "moved_without_hold", event, case.requested.get(handover), handover=handover, wanted=price, got=0
            )
        return
    at = max(h.placed.offset for h in placed if h.placed)
    held = sum(h.held_at(at) for h in trail.money.by_case.get(case.id, ()))
    if held < price:
        yield violation(
            "moved_without_hold", event, *(h.placed for h in placed), handover=handover, wanted=price, got=held
        )
