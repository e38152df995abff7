"""一对一帮扶: a volunteer and somebody on a classified file, neither of whom learns more of the other than is needed.

The volunteer learns a need in a word of the profile and a community. Which file it is only the case worker knows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from suizhuan.kernel.refusal import Refusal
from volunteers.domain import facts
from volunteers.domain.change import Change, after
from volunteers.domain.volunteer import COMMUNITY_DIGITS, Volunteer

OFFERED, ACTIVE, ENDED = "offered", "active", "ended"
DECLINED, BY_VOLUNTEER, BY_PERSON = "declined", "volunteer", "person"
BY_CASE_WORKER, FILE_CLOSED, ERASED = "case_worker", "file_closed", "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """`linked`: the file it is about is known here; a restore loses it."""

    id: str
    state: str
    version: int
    volunteer: str
    org: str
    need: str
    area: str
    linked: bool
    arranged_at: datetime
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None

    def needs(self, *states: str) -> None:
        """Errors: `pairing_state`."""
        if self.state not in states:
            raise Refusal("pairing_state", pairing=self.id, state=self.state, needed="/".join(states))


def arrange(*, pairing: str, volunteer: Volunteer, org: str, need: str, area: str, now: datetime) -> Change[Pairing]:
    """A case worker offers it to a volunteer. Errors: `volunteer_erased`, `area_not_community`."""
    volunteer.active()
    if len(area) != COMMUNITY_DIGITS:
        raise Refusal("area_not_community", area=area)
    made = Pairing(
        id=pairing,
        state=OFFERED,
        version=0,
        volunteer=volunteer.id,
        org=org,
        need=need,
        area=area,
        linked=True,
        arranged_at=now,
    )
    return after(made, facts.PairingArranged(pairing=pairing, volunteer=volunteer.id, org=org, need=need, area=area))


def accept(pairing: Pairing, now: datetime) -> Change[Pairing]:
    """The volunteer consents: nobody is assigned. Errors: `pairing_state`, `pairing_unlinked`."""
    pairing.needs(OFFERED)
    _linked(pairing)
    fact = facts.PairingBegun(pairing=pairing.id, volunteer=pairing.volunteer)
    return after(pairing, fact, state=ACTIVE, begun_at=now)


def visit(pairing: Pairing, *, visit: str, finding: str, minutes: int) -> Change[Pairing]:
    """The volunteer has been there. Errors: `pairing_state`, `pairing_unlinked`."""
    pairing.needs(ACTIVE)
    _linked(pairing)
    return after(pairing, facts.PairingVisited(pairing=pairing.id, visit=visit, finding=finding, minutes=minutes))


def link(pairing: Pairing) -> Change[Pairing]:
    """The case worker says again which file it is about. Errors: `pairing_state`, `pairing_linked`."""
    pairing.needs(OFFERED, ACTIVE)
    if pairing.linked:
        raise Refusal("pairing_linked", pairing=pairing.id)
    return after(pairing, facts.PairingLinked(pairing=pairing.id), linked=True)


def read(pairing: Pairing, *, power: str, purpose: str) -> Change[Pairing]:
    """Somebody sees whose file it is about; that is all that is told of it."""
    return after(pairing, facts.PairingRead(pairing=pairing.id, power=power, purpose=purpose))


def end(pairing: Pairing, reason: str, now: datetime) -> Change[Pairing]:
    """Either side ends it, whenever it wants, without a reason beyond whose wish it was. Ended once, it is ended."""
    if pairing.state == ENDED:
        return Change(pairing)
    fact = facts.PairingEnded(pairing=pairing.id, reason=reason)
    return after(pairing, fact, state=ENDED, ended_at=now, reason=reason)


def _linked(pairing: Pairing) -> None:
    if not pairing.linked:
        raise Refusal("pairing_unlinked", pairing=pairing.id, org=pairing.org)
