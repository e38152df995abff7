"""What property does when a time has come. Each handler finds out itself whether it still applies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from property import complaining, rent, serving, voting
from property.domain import lease as leases
from property.rules import Rules
from property.store_firms import CONTRACTS
from property.store_leases import LEASES
from property.store_meetings import MEETINGS
from property.store_repairs import REPAIRS
from suizhuan.deadlines import DeadlineHandler
from suizhuan.unit_of_work import Tx


async def rent_due(tx: Tx, ref: str, _: dict[str, Any]) -> None:
    """One period at a time: what is long due follows at once, each in a transaction of its own."""
    lease = await LEASES.find(tx.conn, ref, lock=True)
    if lease is not None:
        await rent.watch(tx, await rent.fall_due(tx, lease))


async def lease_over(tx: Tx, ref: str, _: dict[str, Any]) -> None:
    lease = await LEASES.find(tx.conn, ref, lock=True)
    if lease is None:
        return
    change = leases.run_out(lease, tx.now)
    if change is not None:
        await LEASES.put(tx, change, None, org=lease.lessor)
    else:
        await rent.watch(tx, lease)


async def answer_due(tx: Tx, ref: str, _: dict[str, Any]) -> None:
    repair = await REPAIRS.find(tx.conn, ref, lock=True)
    if repair is not None:
        await complaining.time_is_over(tx, repair)


async def follow(tx: Tx, ref: str, _: dict[str, Any]) -> None:
    """After a restore: what complaints had answered may have been heard before the request was here again."""
    await complaining.follow(tx, ref)


async def contract_over(tx: Tx, ref: str, _: dict[str, Any]) -> None:
    contract = await CONTRACTS.find(tx.conn, ref, lock=True)
    if contract is not None:
        await serving.time_is_over(tx, contract)


async def filing_due(tx: Tx, ref: str, _: dict[str, Any]) -> None:
    meeting = await MEETINGS.find(tx.conn, ref, lock=True)
    if meeting is not None:
        await voting.filing_is_due(tx, meeting)


def make(rules: Rules) -> Mapping[str, DeadlineHandler]:
    """The handlers by kind."""

    async def vote_over(tx: Tx, ref: str, _: dict[str, Any]) -> None:
        meeting = await MEETINGS.find(tx.conn, ref, lock=True)
        if meeting is not None:
            await voting.time_is_over(tx, rules, meeting)

    return {
        rent.RENT: rent_due,
        rent.END: lease_over,
        complaining.ANSWER: answer_due,
        complaining.FOLLOW: follow,
        serving.END: contract_over,
        voting.CLOSE: vote_over,
        voting.FILING: filing_due,
    }
