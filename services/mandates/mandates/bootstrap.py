"""Founding a district: organisations, staff, the catalogue with its roots, and the first mandates, in one transaction.

There is nobody yet who could act under anything, so one `switch.done` record gives every slot. A mandate that has
money goes the ordinary way from there: finance sets it aside, then it is switched in.
"""

from __future__ import annotations

import sys
from datetime import datetime

import structlog

from mandates import desk, store
from mandates import store_switches as switches
from mandates.domain import facts
from mandates.domain.activation import activated
from mandates.domain.admission import admit
from mandates.domain.catalogue import Affair, check_placing
from mandates.domain.mandate import PROPOSED, Change, Mandate
from mandates.domain.organisation import Organisation, Person
from mandates.domain.proposal import propose
from mandates.domain.switch import FOUNDING, moved
from mandates.timers import watch_planned_end
from suizhuan.context import Context
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import LEAD, Timing
from suizhuan.seed import Mandate as SeedMandate
from suizhuan.seed import Seed, load_seed
from suizhuan.service import Service
from suizhuan.unit_of_work import Tx

log = structlog.get_logger(__name__)


async def command(service: Service, arguments: list[str]) -> None:
    """`python -m mandates bootstrap FILE`: found the district, or say that it is founded already."""
    if len(arguments) != 1:
        sys.exit("usage: python -m mandates bootstrap FILE")
    seed = load_seed(arguments[0], service.parts.profile)
    try:
        first = await bootstrap(service, seed)
    except Refusal as refusal:
        sys.exit(f"mandates: {refusal.code}: this database has data of its own already / 本库已有数据")
    words = "founded / 已创立" if first else "founded already, nothing changed / 早已创立，未作改动"
    sys.stdout.write(f"mandates: {words}\n")


async def bootstrap(service: Service, seed: Seed) -> bool:
    """Found the district. False: it is founded already, and nothing was changed.

    Errors: `already_founded` when the registers were filled in another way; those of the domain for a bad seed.
    """
    parts = service.parts
    async with parts.uow.begin(Context.of_system(parts.name), limited=False) as tx:
        await switches.lock_head(tx.conn)
        if await store.founded_at(tx.conn) is not None:
            return False
        if await store.anything_listed(tx.conn):
            raise Refusal("already_founded")
        await _Founding(tx, seed, service).carry_out()
        await switches.set_founded(tx.conn, tx.now)
    log.info("founded", organisations=len(seed.organisations), affairs=len(seed.affairs), mandates=len(seed.mandates))
    return True


class _Founding:
    """One founding. All slots that are given go into one record."""

    def __init__(self, tx: Tx, seed: Seed, service: Service) -> None:
        self.tx = tx
        self.seed = seed
        self.profile = service.parts.profile
        self.timing: Timing = service.parts.uow.timing
        self.switch = tx.context.event_id("founding", 0)
        self.slots: list[facts.MovedSlot] = []

    async def carry_out(self) -> None:
        await self._organisations()
        for entry in self.seed.affairs:
            affair = Affair(
                code=entry.code,
                name_zh=entry.name.zh,
                name_en=entry.name.en,
                list=entry.list,
                owner=entry.owner,
                powers=tuple(entry.powers),
                owner_powers=tuple(entry.owner_powers),
                basis=entry.basis,
            )
            root = await desk.add_affair(self.tx, affair, self.profile)
            if root is not None:
                await self._give(desk.as_it_stands(root), successor=None)
        for mandate in sorted(self.seed.mandates, key=lambda m: (len(m.area), m.id)):
            await self._mandate(mandate)
        done = facts.SwitchDone(switch=self.switch, slots=self.slots, why=FOUNDING)
        sequence = await switches.next_sequence(self.tx.conn)
        self.tx.emit(done, key=f"{self.switch}:done", sequence=sequence, area=self.profile.root_area)

    async def _organisations(self) -> None:
        people: dict[str, list[Person]] = {org.id: [] for org in self.seed.organisations}
        for p in self.seed.staff:
            people[p.org].append(
                Person(
                    id=p.id,
                    org=p.org,
                    name_zh=p.name.zh,
                    name_en=p.name.en,
                    duty_zh=p.duty.zh,
                    duty_en=p.duty.en,
                )
            )
        for entry in self.seed.organisations:
            org = Organisation(
                id=entry.id,
                name_zh=entry.name.zh,
                name_en=entry.name.en,
                kind=entry.kind,
                parent=entry.parent,
                areas=tuple(entry.areas),
            )
            await desk.register_organisation(self.tx, org, people[org.id], self.profile)

    async def _mandate(self, entry: SeedMandate) -> None:
        affair = await store.affair(self.tx.conn, entry.affair)
        holder = await store.organisation(self.tx.conn, entry.holder)
        check_placing(affair, role=entry.role, holder=holder.id, holder_kind=holder.kind, powers=entry.powers)
        change = propose(
            _draft(entry, self.tx.now),
            now=self.tx.now,
            earliest=self.tx.now,
            priced=False,  # a seed may place priced work without money: then each case is paid by its giver
            employed=await store.employed(self.tx.conn, holder.id, entry.staff),
        )
        if entry.amount_fen == 0 and entry.starts.days == 0:
            after = await self._give(change, successor=affair.owner)
        else:
            admitted = admit(change.mandate, by=entry.giver, now=self.tx.now, price_fen=0)
            after = await store.save(self.tx, change.then(admitted), org=entry.giver, new=True)
        await watch_planned_end(self.tx, after)

    async def _give(self, change: Change, *, successor: str | None) -> Mandate:
        """Active from the founding on."""
        now = self.tx.now
        before = change.mandate
        term = await switches.next_term(self.tx.conn, before.affair, before.area)
        active = activated(before, term=term, starts_at=now, switch=self.switch)
        after = await store.save(self.tx, change.then(active), org=before.giver, new=True)
        if after.role == LEAD:
            await switches.put_in_slot(self.tx.conn, after.affair, after.area, after.id)
        self.slots += moved(after, None, after, starts_at=now, successor=successor)
        return after


def _draft(entry: SeedMandate, founded_at: datetime) -> Mandate:
    starts_at, ends_at = entry.window(founded_at)
    return Mandate(
        id=entry.id,
        affair=entry.affair,
        area=entry.area,
        role=entry.role,
        giver=entry.giver,
        holder=entry.holder,
        powers=tuple(sorted(entry.powers)),
        staff=tuple(sorted(entry.staff)),
        starts_at=starts_at,
        ends_at=ends_at,
        basis=entry.basis,
        amount_fen=entry.amount_fen,
        replaces=None,
        emergency=None,
        state=PROPOSED,
        version=0,
        created_at=founded_at,
    )
