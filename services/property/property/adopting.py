"""After a restore: property takes over what its log knows further (authority.md §5).

State is nothing but what the facts say, so each of them is simply let happen again. What identifies people was never on
the log: who a lessee or an owner is, what is to be repaired, what a motion says. Of what the backup does not know that
is lost, and whoever asks is told so. So is how somebody voted; a ballot that is lost may be cast again until the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from property import complaining, rent, serving, store_leases, store_meetings, store_repairs, voting
from property.domain import facts, facts_owners
from property.domain import lease as leases
from property.domain.contract import Contract
from property.domain.lease import Lease
from property.domain.meeting import Meeting
from property.domain.repair import REQUESTED, Repair
from property.events import BILL, CONTRACT, ESTATE, EVENTS, FIRM, LEASE, MEETING, OWNER, PREMISE, REFERRAL, REPAIR
from property.store import Kept
from property.store_estates import ESTATES, PREMISES
from property.store_firms import CONTRACTS, FIRMS
from property.store_leases import LEASES
from property.store_meetings import MEETINGS, OWNERS
from property.store_repairs import REPAIRS
from suizhuan.cloudevents import Event
from suizhuan.reconcile import Adoption
from suizhuan.unit_of_work import Tx

# What was never on the log, of what the backup does not know.
UNSAID = {
    "property.lease.concluded": "承租人 / the lessee",
    "property.repair.requested": "报修内容 / what is to be repaired",
    "property.owner.registered": "业主身份 / who the owner is",
    "property.meeting.called": "议题内容 / what its motions say",
    "property.meeting.ballot_cast": "投票内容，截止前可重投 / the vote, which may be cast again until the end",
}
SOON = timedelta(minutes=1)  # by then all that the log says of it is here again
Then = Callable[[Tx, Any, Any, Event], Awaitable[None]]  # (tx, the aggregate now, the fact, its event)


async def nothing(_tx: Tx, _state: Any, _fact: Any, _event: Event) -> None:
    """The aggregate is all there is."""


async def lease_and_dues(tx: Tx, lease: Lease, fact: Any, event: Event) -> None:
    """What is due changes with its lease."""
    if isinstance(fact, facts.RentDue):
        await store_leases.add_due(tx, leases.due_of(fact, event.time))
    elif isinstance(fact, facts.RentReceived):
        due = await store_leases.due(tx.conn, lease.id, fact.number)
        await store_leases.settle(tx, replace(due, state=leases.RECEIVED, settled_at=event.time))
    elif isinstance(fact, facts.LeaseCut):
        for due in await store_leases.dues(tx.conn, lease.id):
            if due.bill in fact.withdrawn:
                await store_leases.settle(tx, replace(due, state=leases.WITHDRAWN, settled_at=event.time))
    await rent.watch(tx, lease)


async def repair_in_time(tx: Tx, repair: Repair, fact: Any, event: Event) -> None:
    """Its time goes on; what complaints had answered may have been heard before it was here again. Who asked stands in
    the event, as who did it; what was described does not."""
    if isinstance(fact, facts.RepairRequested):
        who = store_repairs.Personal(event.attribute("actor") or "", None, None, None, None)
        await store_repairs.add_personal(tx, repair.id, who)
    if repair.state == REQUESTED:
        await complaining.watch(tx, repair)
        return
    await tx.cancel_deadline(complaining.ANSWER, repair.id)
    await tx.deadline(complaining.FOLLOW, repair.id, tx.now + SOON)


async def contract_in_time(tx: Tx, contract: Contract, _fact: Any, _event: Event) -> None:
    await serving.watch(tx, contract)


async def meeting_and_roll(tx: Tx, meeting: Meeting, fact: Any, _event: Event) -> None:
    """The roll is that of the day: owners are taken over in the same order. Ballots are lost."""
    if isinstance(fact, facts_owners.MeetingCalled):
        await store_meetings.close_roll(tx, meeting.id, await store_meetings.of_estate(tx.conn, meeting.estate))
    elif isinstance(fact, facts_owners.BallotCast):
        lost = dict.fromkeys(motion.number for motion in meeting.motions)
        await store_meetings.put_ballot(tx, meeting.id, fact.owner, lost)
    await voting.watch(tx, meeting)


KEPT: Mapping[str, tuple[Kept[Any], Then]] = {
    ESTATE.name: (ESTATES, nothing),
    PREMISE.name: (PREMISES, nothing),
    LEASE.name: (LEASES, lease_and_dues),
    REPAIR.name: (REPAIRS, repair_in_time),
    FIRM.name: (FIRMS, nothing),
    CONTRACT.name: (CONTRACTS, contract_in_time),
    OWNER.name: (OWNERS, nothing),
    MEETING.name: (MEETINGS, meeting_and_roll),
}


SAID = (BILL.name, REFERRAL.name)


async def said(_tx: Tx, _event: Event) -> None:
    """What was said to another service about an aggregate: that one's own fact has been taken over before it."""


def make() -> Adoption:
    """Every fact of every aggregate, one by one."""
    taken = {e.name: _taker(*KEPT[e.topic]) for e in EVENTS.types.values() if e.topic in KEPT}
    return Adoption(facts=taken | {e.name: said for e in EVENTS.types.values() if e.topic in SAID}, unsaid=UNSAID)


def _taker(kept: Kept[Any], then: Then) -> Callable[[Tx, Event], Awaitable[None]]:
    async def take(tx: Tx, event: Event) -> None:
        fact: Any = TypeAdapter(EVENTS.types[event.type].data).validate_python(event.data)
        _, now = await kept.adopt(tx, event.key, fact, event.time, event.sequence)
        await then(tx, now, fact, event)

    return take
