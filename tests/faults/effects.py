"""What one service's event must have done in its neighbours: once, neither more nor less."""

from __future__ import annotations

from .evidence import Evidence, Row
from .findings import EFFECT_LOST, EFFECT_TWICE, STUCK, WRONG, Finding, compare, equal

FOUNDED = ("mandate-", "root:")  # how the founding document names its mandates; those that came later have ids


def check(evidence: Evidence) -> list[Finding]:
    return [
        *_handovers(evidence),
        *_payments(evidence),
        *_mandates(evidence),
        *_projection(evidence),
    ]


def _once(what: str, expected: list[str], found: list[str]) -> list[Finding]:
    return compare(what, expected, found, EFFECT_LOST, EFFECT_TWICE)


def _handovers(evidence: Evidence) -> list[Finding]:
    """Each asked for is held or refused by finance, and moves or is refused in complaints; none is stuck."""
    asked = [e.data["handover"] for e in evidence.named("complaints.case.handover_requested")]
    money = evidence.named("finance.hold.placed", "finance.hold.refused")
    answers = [e.data["ref"] for e in money if e.data["purpose"] == "handover"]
    ends = [
        e.data["handover"] for e in evidence.named("complaints.case.handed_over", "complaints.case.handover_refused")
    ]
    found = _once("finance's answer to handover", asked, answers) + _once("the end of handover", asked, ends)
    rows = evidence.rows("complaints", "handover")
    found += _once("the row of handover", asked, [row["id"] for row in rows])
    found += [Finding(STUCK, f"handover {row['id']} waits") for row in rows if row["state"] == "waiting"]
    moved = {e.data["handover"]: "moved" for e in evidence.named("complaints.case.handed_over")}
    refused = {e.data["handover"]: "refused" for e in evidence.named("complaints.case.handover_refused")}
    states = {row["id"]: row["state"] for row in rows if row["state"] != "waiting"}
    return found + equal("handover", moved | refused, states)


def _payments(evidence: Evidence) -> list[Finding]:
    """Each verified case is paid or found unpaid, and each that was closed as done comes to rest."""
    verified = [e.data["case"] for e in evidence.named("complaints.case.verified")]
    paid = [e.data["case"] for e in evidence.named("finance.case.paid", "finance.case.unpaid")]
    found = _once("payment of case", verified, paid)
    found += _once(
        "payment in finance of case", verified, [r["case"] for r in evidence.rows("finance", "case_money") if r["paid"]]
    )
    found += [Finding(WRONG, f"case {e.key} is unpaid") for e in evidence.named("finance.case.unpaid")]
    closed = [e.data["case"] for e in evidence.named("complaints.case.closed") if e.data["outcome"] == "verified"]
    settled = [e.data["case"] for e in evidence.named("complaints.case.settled")]
    return found + _once("settlement of case", closed, settled)


def _mandates(evidence: Evidence) -> list[Finding]:
    """Each admitted is funded or refused; each that was funded comes to its end; finance has one earmark for each."""
    admitted = [e.key for e in evidence.named("mandates.mandate.admitted")]
    answers = [e.data["mandate"] for e in evidence.named("finance.earmark.funded", "finance.earmark.refused")]
    found = _once("finance's answer to mandate", admitted, answers)
    found += _once("the earmark of mandate", admitted, [row["mandate"] for row in evidence.rows("finance", "earmark")])
    ended = [e.key for e in evidence.named("mandates.mandate.ending")]
    settled = [e.key for e in evidence.named("mandates.mandate.settled")]
    found += _once("the settlement of mandate", ended, settled)
    return found + _once(
        "earmark settled of mandate", ended, [e.key for e in evidence.named("finance.earmark.settled")]
    )


def _projection(evidence: Evidence) -> list[Finding]:
    """What the gateway shows is what the owner has."""
    own = {
        r["id"]: (_state(r), r["responsible"], r["case_term"]) for r in evidence.rows("complaints", "complaint_case")
    }
    shown = {r["id"]: (r["state"], r["responsible"], r["case_term"]) for r in evidence.rows("gateway", "case_view")}
    reported = [e.key for e in evidence.named("complaints.case.reported")]
    found = _once("the row of case", reported, list(own)) + equal("the gateway's case", own, shown)
    log = [e.id for e in evidence.once() if e.topic == "complaints.case"]
    steps = [r["event"] for r in evidence.rows("gateway", "case_step") if r["topic"] == "complaints.case"]
    found += _once("the gateway's step", log, steps)
    states = {r["id"]: r["state"] for r in evidence.rows("mandates", "mandate") if not r["id"].startswith(FOUNDED)}
    seen = {r["id"]: r["state"] for r in evidence.rows("gateway", "mandate") if not r["id"].startswith(FOUNDED)}
    return found + equal("the gateway's mandate", states, seen)


def _state(row: Row) -> str:
    """A case's, as the gateway words it: invalid, or settled when its money has come to rest, too."""
    if row["outcome"] == "invalid":
        return "invalid"
    return "settled" if row["settled_at"] is not None else str(row["state"])
