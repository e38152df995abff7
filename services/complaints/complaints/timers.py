"""What complaints does when a time has come. Each handler finds out itself whether it still applies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from complaints import desk, store
from complaints.domain.case import REPORTED
from complaints.domain.limits import raise_card
from complaints.ends import PlannedEnds
from complaints.handovers import EXPIRES, RETRY, Handovers
from complaints.rules import Rules
from suizhuan.deadlines import DeadlineHandler
from suizhuan.unit_of_work import Authority, Tx

LONGEST_PAUSE_S = 60


def make(rules: Rules, handovers: Handovers, ends: PlannedEnds) -> Mapping[str, DeadlineHandler]:
    """The handlers by kind."""

    async def card(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        case = await store.find_case(tx.conn, ref, lock=True)
        if case is None:
            return
        change = raise_card(case, tx.now)
        if change.facts:
            case = await store.save(tx, change, desk.authority_of(case), org=case.responsible)
        await desk.watch_cards(tx, case)

    async def route(tx: Tx, ref: str, data: dict[str, Any]) -> None:
        case = await store.find_case(tx.conn, ref, lock=True)
        if case is None or case.state != REPORTED:
            return
        found = await desk.try_to_route(tx, rules, case)
        if found is None:
            attempt = int(data.get("attempt", 0))
            pause = timedelta(seconds=min(2**attempt, LONGEST_PAUSE_S))
            await tx.deadline(desk.ROUTE, ref, tx.now + pause, attempt=min(attempt + 1, 10))
            return
        change, grant = found
        routed = await store.save(tx, change, Authority.of(grant), org=grant.holder)
        await desk.watch_cards(tx, routed)
        await desk.watch_end(tx, rules, grant)

    return {
        desk.CARD: card,
        desk.ROUTE: route,
        desk.END: ends.due,
        EXPIRES: handovers.expire,
        RETRY: handovers.retry,
    }
