"""The events of cases that are reported, routed, begun and done, as complaints publishes them, many cases at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from complaints.domain import facts
from complaints.events import EVENTS
from suizhuan.cloudevents import headers
from suizhuan.context import new_id
from suizhuan.kernel.clock import utc_text
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import NewRecord

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
STEPS = 4
AT_ONCE = 300  # cases whose events lie among each other


def lives(topic: str, events: int, partitions: int = 3) -> Iterator[NewRecord]:
    """Records of whole lives, about `events` in all; in the order of each case, otherwise mixed (always alike)."""
    chance = random.Random(4)  # noqa: S311
    open_: list[tuple[str, int]] = []
    left = events // STEPS
    while open_ or left:
        if left and len(open_) < AT_ONCE:
            open_.append((new_id(), 0))
            left -= 1
            continue
        place = chance.randrange(len(open_))
        case, step = open_[place]
        yield _record(topic, partitions, case, step)
        open_[place] = (case, step + 1)
        if step + 1 == STEPS:
            open_.pop(place)


def _record(topic: str, partitions: int, case: str, step: int) -> NewRecord:
    fact = _fact(case, step)
    event = EVENTS.of(fact)
    about = headers(
        [
            ("id", new_id()),
            ("source", "complaints"),
            ("type", event.type),
            ("time", utc_text(NOW + timedelta(minutes=step))),
            ("subject", case),
            ("partitionkey", case),
            ("sequence", step + 1),
            ("actor", "staff-community-nanguan"),
            ("org", "community-nanguan"),
            ("mandate", "m-nanguan"),
            ("term", 1),
            ("area", "321302002907001"),
            ("correlationid", case),
            ("traceparent", "00-47d548a2016690a42bfb735c28327ddb-56d02bece979ce27-01"),
            ("outboxid", 1),
            ("authorityoffset", 5),
        ]
    )
    return NewRecord(topic, partition_for(case.encode(), partitions), case.encode(), event.encode(fact), about)


def _fact(case: str, step: int) -> object:
    affair, area = "env.exposed-rubbish", "321302002907001"
    if step == 0:
        return facts.CaseReported(case=case, category="01-02", affair=affair, area=area, channel="wechat")
    if step == 1:
        return facts.CaseRouted(
            case=case,
            case_term=1,
            affair=affair,
            area=area,
            responsible="community-nanguan",
            mandate="m-nanguan",
            term=1,
            price_fen=8000,
            due_at=NOW + timedelta(days=2),
            yellow_at=NOW + timedelta(days=1),
            red_at=NOW + timedelta(days=2),
        )
    made = facts.CaseStarted if step == 2 else facts.CaseHandled
    return made(case=case, case_term=1, org="community-nanguan")
