"""What volunteers does when a time has come. Each handler finds out itself whether it still applies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from suizhuan.deadlines import DeadlineHandler
from suizhuan.unit_of_work import Tx
from volunteers import activities, desk, store, store_people
from volunteers.domain import volunteer as v
from volunteers.rules import Rules


def make(rules: Rules) -> Mapping[str, DeadlineHandler]:
    """The handlers by kind."""

    async def birthday(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        found = await store.VOLUNTEER.find(tx.conn, ref, lock=True)
        who = await store_people.personal(tx.conn, ref)
        if found is None or who is None or who.born is None:
            return
        band = rules.ages.band(v.age_on(who.born, desk.today(tx.now)))
        await store.VOLUNTEER.save(tx, v.grow(found, band))
        await desk.watch_birthday(tx, rules, who)

    async def mandate_over(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        await activities.mandate_over(tx, ref)

    return {desk.BIRTHDAY: birthday, desk.MANDATE_OVER: mandate_over}
