"""Areas that get other codes: which slots yield meanwhile, and what becomes of each mandate (authority §3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from mandates.domain.ending import ended, give_up
from mandates.domain.facts import MandateRekeyed, MovedSlot, Slot
from mandates.domain.mandate import Change, Mandate
from mandates.domain.organisation import Organisation, register
from mandates.domain.switch import holding
from suizhuan.kernel.area import overlap
from suizhuan.kernel.rekeying import Table
from suizhuan.kernel.term import LEAD

MERGED = "merged"


def yielding(holders: Iterable[Mandate], table: Table) -> list[Slot]:
    """The slots that yield: of every affair each code that is named, each narrower lead in one of them, and of the
    assist grants the part that is named. `holders`: every mandate with powers that shares a point with one of them."""
    leads: set[tuple[str, str]] = set()
    assists: set[tuple[str, str, str, str]] = set()
    for holder in holders:
        for code in table.touched:
            if not overlap(code, holder.area):
                continue
            inner = max(code, holder.area, key=len)
            if holder.role == LEAD:
                leads.add((holder.affair, inner))
            else:
                assists.add((holder.affair, inner, holder.role, holder.id))
    slots = [Slot(affair=affair, area=area, role=LEAD) for affair, area in sorted(leads)]
    return slots + [Slot(affair=f, area=area, role=role, mandate=m) for f, area, role, m in sorted(assists)]


def divided(mandates: Iterable[Mandate], table: Table) -> tuple[list[Mandate], list[Mandate]]:
    """(those that end, those that get another code, a broader one before what lies in it): the others stay as they are.
    What is over keeps the code that it had."""
    there = [mandate for mandate in mandates if mandate.ended_at is None]
    lost = table.losers((m.id, m.affair, m.area) for m in there if m.role == LEAD and m.holds_slot)
    lost |= {m.id for m in there if table.grant(m.area) is None}
    ending = [m for m in there if m.id in lost]
    following = [m for m in there if m.id not in lost and table.grant(m.area) != m.area]
    return ending, sorted(following, key=lambda m: (len(m.area), m.id))


def loses_its_place(mandate: Mandate, *, at: datetime, switch: str) -> Change | None:
    """Its area became part of another's: it ends early, by the ordinary way. None: there is nothing to end."""
    if mandate.holds_slot:
        return ended(mandate, at=at, reason=MERGED, switch=switch)
    return give_up(mandate, why=MERGED, now=at)


def follow(mandate: Mandate, area: str, *, term: int | None, at: datetime, switch: str) -> Change:
    """The same mandate under the code that its area has now; where it has a slot, under the new one's term."""
    fact = MandateRekeyed(
        mandate=mandate.id,
        affair=mandate.affair,
        from_area=mandate.area,
        area=area,
        holder=mandate.holder,
        term=term,
        since=at,
        switch=switch,
    )
    slot_from = at if mandate.held_from is not None else None
    return Change.of(mandate, fact, area=area, term=term if term is not None else mandate.term, slot_from=slot_from)


def taken(mandate: Mandate, successor: str | None) -> MovedSlot:
    """It holds this slot no longer."""
    old = holding(mandate, successor=successor)
    return MovedSlot(affair=mandate.affair, area=mandate.area, role=mandate.role, old=old, new=None)


def given(mandate: Mandate, successor: str | None, *, at: datetime) -> MovedSlot:
    """It holds this one now."""
    new = replace(holding(mandate, successor=successor), starts_at=at)
    return MovedSlot(affair=mandate.affair, area=mandate.area, role=mandate.role, old=None, new=new)


def organisation_follows(org: Organisation, table: Table, *, root_area: str) -> tuple[Organisation, object] | None:
    """(the organisation with its areas of today, the fact that says so); None where none of them has changed."""
    areas = tuple(dict.fromkeys(map(table.place, org.areas)))
    if areas == org.areas:
        return None
    after = replace(org, areas=areas, version=org.version + 1)
    return after, register(after, root_area=root_area)
