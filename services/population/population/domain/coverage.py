"""Coverage: where nobody is at work, no money stands behind the work, or nobody has recorded anything lately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from suizhuan.kernel.area import contains
from suizhuan.kernel.term import Grant, route

STAFF, MONEY, RECORDS = "staff", "money", "records"
ROOT = "root:"


@dataclass(frozen=True, slots=True)
class Backing:
    """What was heard of a mandate: how much money stands behind it, and how many staff."""

    area: str
    amount_fen: int
    staff_count: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is responsible in a grid, and what is missing there."""

    responsible: str | None
    missing: tuple[str, ...]


def standing(
    grid: str,
    affair: str,
    grants: Iterable[Grant],
    backing: Mapping[str, Backing],
    refreshed_at: datetime | None,
    *,
    now: datetime,
    fresh_for: timedelta,
) -> Standing:
    """Judged by the grant that routes there. The affair's owner holds the root for everybody: where the root is all
    there is, nobody was placed. A mandate of which nothing was heard, or that has ended, has no money."""
    lead = route([g for g in grants if contains(g.area, grid)], affair, grid, now)
    placed = lead is not None and not lead.mandate.startswith(ROOT)
    known = backing.get(lead.mandate) if lead is not None else None
    missing = []
    if not placed or (known is not None and known.staff_count == 0):
        missing.append(STAFF)
    if known is None or known.amount_fen == 0:
        missing.append(MONEY)
    if not is_fresh(refreshed_at, now, fresh_for):
        missing.append(RECORDS)
    return Standing(lead.holder if lead is not None else None, tuple(missing))


def is_fresh(refreshed_at: datetime | None, now: datetime, fresh_for: timedelta) -> bool:
    """Whether anything was recorded lately."""
    return refreshed_at is not None and now - refreshed_at < fresh_for
