"""Cases of areas that get other codes (authority §3, §4): who keeps its cases, and which of them move.

A case whose holder stays responsible keeps it, under the grant's new term and without a movement. The others move as in
any switch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from complaints import store_switches
from complaints.domain.case import Case
from complaints.domain.intake import route_case
from complaints.store_switches import Slot
from suizhuan.authority import grants as granted
from suizhuan.authority.records import DoneView
from suizhuan.kernel.area import contains
from suizhuan.kernel.rekeying import Table
from suizhuan.kernel.term import LEAD, Grant
from suizhuan.unit_of_work import Tx

EVERYWHERE = ""


@dataclass(slots=True)
class Keepers:
    """Whether a case stays with whom it is. `table` is None once the grants have followed."""

    tx: Tx
    table: Table | None = None
    _leads: dict[str, list[Grant]] = field(default_factory=dict)
    _own: dict[str, Grant | None] = field(default_factory=dict)

    async def keeper(self, case: Case) -> Grant | None:
        """The grant under which the case stays; None: it moves."""
        own = await self._grant(case.mandate) if case.mandate is not None else None
        place = case.area if self.table is None else self.table.place(case.area)
        if own is None or not own.live or not contains(own.area, place):
            return None
        if case.taken or own.role != LEAD:
            return own
        lead = route_case(await self._of(case.affair), case.affair, place, self.tx.now)
        return own if lead is not None and lead.mandate == own.mandate else None

    async def moving(self, cases: Iterable[Case]) -> list[Case]:
        """Those that will not stay."""
        return [case for case in cases if await self.keeper(case) is None]

    async def _grant(self, mandate: str) -> Grant | None:
        if mandate not in self._own:
            found = await granted.by_mandate(self.tx.conn, mandate)
            self._own[mandate] = self._then(found) if found is not None else None
        return self._own[mandate]

    async def _of(self, affair: str) -> list[Grant]:
        """Every lead grant of an affair, as it will be."""
        if affair not in self._leads:
            found = await granted.narrower(self.tx.conn, affair, EVERYWHERE)
            lost = self.table.losers((g.mandate, affair, g.area) for g in found) if self.table is not None else ()
            then = [self._then(grant) for grant in found if grant.mandate not in lost]
            self._leads[affair] = [grant for grant in then if grant is not None]
        return self._leads[affair]

    def _then(self, grant: Grant) -> Grant | None:
        if self.table is None:
            return grant
        area = self.table.grant(grant.area)
        return replace(grant, area=area) if area is not None else None


async def lock_concerned(tx: Tx, done: DoneView, slots: Sequence[Slot]) -> list[Case]:
    """The open cases that may have to follow: under a grant that is under another code, or over, wherever they lie now,
    and those in the slots that came."""
    moved = [s for s in done.slots if s.old is not None]
    gone = [Slot(s.affair, EVERYWHERE, frozenset({s.old.mandate})) for s in moved if s.old is not None]
    return await store_switches.lock_cases_in(tx.conn, [*gone, *slots])
