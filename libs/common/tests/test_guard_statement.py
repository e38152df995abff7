"""The last statement, with one act and event and with many."""

from __future__ import annotations

import pytest

from suizhuan.context import Context
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing import AuthorityLog, published
from suizhuan.tx import Tx

from .conftest import Counted, Demo

AFFAIR, POWER = "env.rubbish", "complaints.case.handle"
WHO = Context(actor="staff:1", org="community", correlation_id="c1")


def place(number: int) -> str:
    return f"321302002907{number:03d}"


@pytest.mark.parametrize("acts", [1, 9])
@pytest.mark.parametrize("events", [1, 9])
async def test_all_acts_pass_and_the_events_come_in_their_order_or_there_are_none(
    demo: Demo, acts: int, events: int
) -> None:
    log = AuthorityLog(demo)
    for number in range(acts):
        await log.grant(f"m{number}", "community", AFFAIR, place(number), [POWER])
    await published(demo)

    async def work(tx: Tx) -> None:
        for number in reversed(range(acts)):
            await tx.act(POWER, AFFAIR, place(number))
        for number in range(events):
            tx.emit(Counted(thing="t", number=number), key="t", sequence=number)

    await demo.uow.decide(WHO, work)
    told = await published(demo)
    assert [e.data["number"] for e in told] == list(range(events))
    # What this process remembers lets all of them pass; the database knows that the last has lost its grant.
    await log.revoke(f"m{acts - 1}", "community", AFFAIR, place(acts - 1))
    await published(demo)
    with pytest.raises(Refusal, match="missing_power"):
        await demo.uow.decide(WHO, work)
    assert await published(demo) == []


async def test_what_needs_no_power_passes_before_the_replica_has_heard_anything(demo: Demo) -> None:
    async def work(tx: Tx) -> None:
        tx.emit(Counted(thing="t", number=1), key="t", sequence=1)

    await demo.uow.decide(WHO, work)
    assert [e.data["number"] for e in await published(demo)] == [1]
