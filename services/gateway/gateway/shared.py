"""The composed answers as a hub gets them: for its purpose, masked as the stream is, each behind its receipt.

A part of which the purpose covers nothing is null and named in `masked`; an answer of which it covers no part is
refused (`not_covered`), before anything is read, but for a snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gateway.auditor import Report
from gateway.domain.parts import AUDIT, CASE, COUNTS, EARMARK, ENTRY, GRANT, HOLD, MANDATE, MONEY, ORGANISATION, PAID
from gateway.domain.purposes import Purpose
from gateway.schemas import ChainOut, FiguresOut, OverviewOut, SnapshotOut
from gateway.share import Row, Share
from suizhuan.kernel.refusal import Refusal

OVERVIEW = (ORGANISATION, MANDATE, GRANT, CASE, MONEY, EARMARK)
CHAIN = (CASE, MANDATE, HOLD, ENTRY)
AUDITED = (AUDIT,)
# What of an answer is nobody's data. A field that is neither here nor in a part is masked: it is nobody's yet.
OVERVIEW_OPEN = ("area", "missing", "as_of")
CHAIN_OPEN = ("missing", "as_of")
SNAPSHOT_OPEN = ("cursor", "truncated", "as_of")
FIGURES_OPEN = ("next", "as_of")
FIGURE = ("area", "service", "kind", "state", "count")  # those are counted for which the purpose lets them be


def _named(whole: Row, open_: tuple[str, ...], **parts: Any) -> dict[str, Any]:
    """The answer with its masked parts, and which of them are null; beside them only what is open to everybody."""
    unknown = whole.keys() - parts.keys() - set(open_)
    made = {**{name: whole[name] for name in open_}, **dict.fromkeys(unknown), **parts}
    return {**made, "masked": sorted(name for name in (*parts, *unknown) if made[name] is None)}


def overview(share: Share, found: OverviewOut) -> dict[str, Any]:
    whole = found.model_dump(mode="json")
    return _named(
        whole,
        OVERVIEW_OPEN,
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
    counted = {name: value for name, value in cases.items() if name != "open"}
    hidden = COUNTS.hidden(share.purpose, counted)
    share.note(CASE.topic, len(cases["by_state"]))
    made = {**counted, **dict.fromkeys(hidden), "open": rows}
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
            about = {"service": one["service"], "kind": one["kind"]}
            made.append({**about, "count": sum(states.values()), "by_state": states, **hidden})
    return made if made or not left_out else None


def figures(share: Share, found: FiguresOut, topics: Iterable[str]) -> dict[str, Any]:
    """`topics` are those that were asked for: of which not all may be counted stands in `masked`."""
    for one in found.items:
        share.note(f"{one.service}.{one.kind}")
    masked = [topic for topic in topics if not share.purpose.counts(topic)[1]]
    whole = found.model_dump(mode="json")
    items = [{name: one[name] for name in FIGURE} for one in whole["items"]]
    made = _named(whole, FIGURES_OPEN, items=items)
    return {**made, "masked": sorted({*masked, *made["masked"]})}


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
    paid = () if PAID.hidden(share.purpose, PAID.fields) else ("paid_fen",)
    share.note(PAID.topic, 1 if paid and whole["paid_fen"] is not None else 0)
    return _named(
        whole,
        (*CHAIN_OPEN, *paid),
        case=share.row(CASE, whole["case"]) if CASE.covered(share.purpose) else None,
        steps=share.steps(whole["steps"]),
        mandates=share.mandates(whole["mandates"]),
        holds=share.rows(HOLD, whole["holds"]),
        entries=share.rows(ENTRY, whole["entries"]),
    )


def snapshot(share: Share, found: SnapshotOut) -> dict[str, Any]:
    """Never refused: its cursor is where everybody begins."""
    whole = found.model_dump(mode="json")
    mandates, cases = share.rows(MANDATE, whole["mandates"]), share.rows(CASE, whole["cases"])
    return _named(whole, SNAPSHOT_OPEN, mandates=mandates, cases=cases)


def audit(share: Share, report: Report) -> dict[str, Any]:
    """The report is shown whole or refused; it is about the topics that the auditor has read."""
    for topic, events in report.per_topic.items():
        share.note(topic, events)
    return _found(share, report.as_dict())


def audited(share: Share, answer: Row, found: ChainOut) -> dict[str, Any]:
    """What was found in one case, with its chain."""
    return {**_found(share, answer), "chain": chain(share, found)}


def _found(share: Share, answer: Row) -> dict[str, Any]:
    hidden = AUDIT.hidden(share.purpose, answer)
    return {**answer, **dict.fromkeys(hidden), "masked": hidden}
