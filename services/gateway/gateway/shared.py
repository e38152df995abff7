"""The composed answers as a hub gets them: for its purpose, masked as the stream is, each behind its receipt.

A part of which the purpose covers nothing is null and named in `masked`; an answer of which it covers no part is
refused (`not_covered`), before anything is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.auditor import Report
from gateway.domain.parts import AUDIT, CASE, COUNTS, EARMARK, ENTRY, GRANT, HOLD, MANDATE, MONEY, ORGANISATION, PAID
from gateway.domain.purposes import Purpose
from gateway.receipts import READ, Receipts
from gateway.schemas import ChainOut, FiguresOut, HubAnswer, OverviewOut, SnapshotOut
from gateway.share import Row, Share
from suizhuan.identity import Identity
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Parts

OVERVIEW = (ORGANISATION, MANDATE, GRANT, CASE, MONEY, EARMARK)
CHAIN = (CASE, MANDATE, HOLD, ENTRY)
AUDITED = (AUDIT,)


async def given(parts: Parts, identity: Identity, share: Share, what: str, answer: Mapping[str, Any]) -> HubAnswer:
    """The answer, once its receipt is written."""
    receipts = Receipts(parts.database, parts.clock, identity.subject, share.purpose.code, READ)
    await receipts.note_read(what, share.given, share.masked)
    return HubAnswer.model_validate({**answer, "purpose": share.purpose.code})


def _named(whole: Row, **parts: Any) -> dict[str, Any]:
    """The answer with its masked parts, and which of them are null."""
    return {**whole, **parts, "masked": sorted(name for name, part in parts.items() if part is None)}


def overview(share: Share, found: OverviewOut) -> dict[str, Any]:
    whole = found.model_dump(mode="json")
    return _named(
        whole,
        organisations=share.rows(ORGANISATION, whole["organisations"]),
        mandates=share.rows(MANDATE, whole["mandates"]),
        grants=share.rows(GRANT, whole["grants"]),
        cases=_cases(share, whole["cases"]),
        money=_money(share, whole["money"]),
        departments=_departments(share, whole["departments"]),
    )


def _cases(share: Share, cases: Row) -> dict[str, Any] | None:
    rows = share.rows(CASE, cases["open"])
    if rows is None:
        return None
    counted = {name: cases[name] for name in COUNTS.fields}
    hidden = COUNTS.hidden(share.purpose, counted)
    share.note(CASE.topic, len(cases["by_state"]))
    made = {**cases, "open": rows, **dict.fromkeys(hidden)}
    return {**made, "masked": hidden} if hidden else made


def _money(share: Share, money: Iterable[Row]) -> list[dict[str, Any]] | None:
    if not any(part.covered(share.purpose) for part in (MONEY, EARMARK)):
        return None
    return [share.row(MONEY, one, earmarks=share.rows(EARMARK, one["earmarks"])) for one in money]


def _departments(share: Share, found: Iterable[Row]) -> list[dict[str, Any]] | None:
    """What may be counted; None when there is something and none of it may be."""
    made, left_out = [], False
    for one in found:
        kind = f"{one['service']}.{one['kind']}"
        states = {s: n for s, n in one["by_state"].items() if share.purpose.covers(f"{kind}.{s}.v1")}
        left_out = left_out or len(states) < len(one["by_state"])
        if states:
            share.note(kind, len(states))
            hidden = {"masked": ["by_state"]} if len(states) < len(one["by_state"]) else {}
            made.append({**one, "count": sum(states.values()), "by_state": states, **hidden})
    return made if made or not left_out else None


def figures(share: Share, found: FiguresOut, topics: Iterable[str]) -> dict[str, Any]:
    """`topics` are those that were asked for: of which not all may be counted stands in `masked`."""
    for one in found.items:
        share.note(f"{one.service}.{one.kind}")
    masked = [topic for topic in topics if not share.purpose.counts(topic)[1]]
    return {**found.model_dump(mode="json"), "masked": masked}


def asked(topics: Iterable[str], service: str | None, kind: str | None) -> list[str]:
    """Of the departments' topics those that figures are asked for."""
    return sorted(
        topic
        for topic in topics
        if service in (None, topic.partition(".")[0]) and kind in (None, topic.partition(".")[2])
    )


def require_counted(purpose: Purpose, topics: Iterable[str]) -> None:
    """Errors: `not_covered`, when there is something to count and the purpose covers none of it."""
    found = list(topics)
    if found and not any(purpose.counts(topic)[0] for topic in found):
        raise Refusal("not_covered", purpose=purpose.code, what="figures")


def chain(share: Share, found: ChainOut) -> dict[str, Any]:
    whole = found.model_dump(mode="json")
    paid = {"paid_fen": None} if PAID.hidden(share.purpose, PAID.fields) else {}
    return _named(
        whole,
        case=share.row(CASE, whole["case"]) if CASE.covered(share.purpose) else None,
        steps=share.steps(whole["steps"]),
        mandates=share.mandates(whole["mandates"]),
        holds=share.rows(HOLD, whole["holds"]),
        entries=share.rows(ENTRY, whole["entries"]),
        **paid,
    )


def snapshot(share: Share, found: SnapshotOut) -> dict[str, Any]:
    """Never refused: its cursor is where everybody begins."""
    whole = found.model_dump(mode="json")
    return _named(whole, mandates=share.rows(MANDATE, whole["mandates"]), cases=share.rows(CASE, whole["cases"]))


def audit(share: Share, report: Report) -> dict[str, Any]:
    """The report is shown whole or refused; it is about the topics that the auditor has read."""
    for topic, events in report.per_topic.items():
        share.note(topic, events)
    return {**report.as_dict(), "masked": []}
