"""The grants of a service's replica in the process's memory: refuses early, chooses the grant, and never decides.

What it says may be a moment old. So a command that it lets pass is judged again by the database in the statement that
commits it, and one that it would refuse is refused only when the database has nothing newer (`follow`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.areas import Codes, codes
from suizhuan.authority.grants import to_grant
from suizhuan.db.tables import authority_state, grants
from suizhuan.kernel.area import LENGTHS, prefixes
from suizhuan.kernel.term import Grant, holding

_NARROWEST_FIRST = tuple(reversed(LENGTHS))
_SEQUENCE = select(authority_state.c.sequence).where(authority_state.c.id == 1)


class Book:
    """Every grant that the replica has, by mandate and by place. One for each process and service."""

    def __init__(self) -> None:
        self.sequence = -1  # of the newest record it reflects; -1: nothing was read yet
        self.stale = True  # the database is known to be further
        self.codes = Codes()  # what codes of areas have become
        self._grants: dict[str, Grant] = {}
        self._following = asyncio.Lock()
        self._live: dict[str, dict[str, dict[str, Grant]]] = {}  # affair -> area -> mandate
        self._held: dict[tuple[str, str], dict[str, dict[str, Grant]]] = {}  # holder, affair -> area -> mandate

    def covering(self, affair: str, place: str) -> list[Grant]:
        """Every live grant for `affair` whose area contains `place`, the narrowest first."""
        areas = self._live.get(affair)
        if areas is None:
            return []
        return [grant for area in prefixes(place) if area in areas for grant in areas[area].values()]

    def by_mandate(self, mandate: str) -> Grant | None:
        """The grant of one mandate, live or not."""
        return self._grants.get(mandate)

    def holding(self, org: str, power: str, affair: str, place: str, now: datetime) -> Grant | None:
        """The early check of one power: the narrowest grant in time by which `org` may use it at `place`.

        The same as `kernel.term.holding` of all grants there, found by who holds them."""
        areas = self._held.get((org, affair))
        if areas is None:
            return None
        size = len(place)
        for length in _NARROWEST_FIRST:
            if length > size or (found := areas.get(place[:length])) is None:
                continue
            if len(found) > 1:
                grant = holding(found.values(), org, power, affair, place, now)
            else:
                (grant,) = found.values()
                grant = grant if power in grant.powers and grant.in_time(now) else None
            if grant is not None:
                return grant
        return None

    async def follow(self, conn: AsyncConnection) -> None:
        """Take over what the replica has applied since. Others read on as it was until all of it is here."""
        async with self._following:
            newest = (await conn.execute(_SEQUENCE)).scalar_one_or_none()
            if newest is not None and newest != self.sequence:
                known = self.sequence if newest > self.sequence else -1  # a shorter one is another database's
                rows = (await conn.execute(select(grants).where(grants.c.sequence > known))).all()
                if known < 0:
                    self._grants, self._live, self._held = {}, {}, {}
                found = [to_grant(row) for row in rows]
                if any(y.to for grant in found for y in grant.yielding):  # whoever holds a broader area has heard of it
                    self.codes = await codes(conn)
                self._take(found)
                self.sequence = newest
            self.stale = False

    def _take(self, found: Iterable[Grant]) -> None:
        for grant in found:
            old = self._grants.get(grant.mandate)
            if old is not None and old.live:
                _without(self._live[old.affair], old)
                _without(self._held[old.holder, old.affair], old)
            self._grants[grant.mandate] = grant
            if grant.live:
                self._live.setdefault(grant.affair, {}).setdefault(grant.area, {})[grant.mandate] = grant
                held = self._held.setdefault((grant.holder, grant.affair), {})
                held.setdefault(grant.area, {})[grant.mandate] = grant


def _without(areas: dict[str, dict[str, Grant]], grant: Grant) -> None:
    del areas[grant.area][grant.mandate]
    if not areas[grant.area]:
        del areas[grant.area]
