"""Awards, and certificates of service."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from suizhuan.kernel.refusal import Refusal
from volunteers.domain import facts
from volunteers.domain.change import Change, after
from volunteers.domain.volunteer import Volunteer

GIVEN, PUBLISHED, KEPT = "given", "published", "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Award:
    """An award of a volunteer: `given`, then `published` or `kept` to himself, as he says."""

    id: str
    volunteer: str
    kind: str
    giver: str
    area: str
    state: str
    given_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """So many confirmed minutes of a volunteer, as the organisation says that recorded them. The number tells nothing
    of him."""

    number: str
    volunteer: str
    issuer: str
    minutes: int
    issued_at: datetime


def give(volunteer: Volunteer, *, award: str, kind: str, giver: str, now: datetime) -> tuple[Change[Volunteer], Award]:
    """An organisation gives an award. Errors: `volunteer_erased`."""
    volunteer.active()
    made = Award(
        id=award, volunteer=volunteer.id, kind=kind, giver=giver, area=volunteer.area, state=GIVEN, given_at=now
    )
    fact = facts.AwardGiven(volunteer=volunteer.id, award=award, kind=kind, giver=giver)
    return after(volunteer, fact), made


def consent(volunteer: Volunteer, award: Award, *, publish: bool) -> tuple[Change[Volunteer], Award]:
    """The volunteer says whether it may be published (PIPL 25). He may change his mind.

    Errors: `volunteer_erased`, `not_yours`."""
    volunteer.active()
    if award.volunteer != volunteer.id:
        raise Refusal("not_yours", what="award", id=award.id)
    fact = facts.AwardConsented(volunteer=volunteer.id, award=award.id, publish=publish)
    return after(volunteer, fact), replace(award, state=PUBLISHED if publish else KEPT)


def certify(
    volunteer: Volunteer, *, number: str, issuer: str, minutes: int, now: datetime
) -> tuple[Change[Volunteer], Certificate]:
    """What `issuer` has recorded is certified, free of charge. Errors: `volunteer_erased`, `nothing_to_certify`."""
    volunteer.active()
    if minutes <= 0:
        raise Refusal("nothing_to_certify", org=issuer)
    made = Certificate(number=number, volunteer=volunteer.id, issuer=issuer, minutes=minutes, issued_at=now)
    fact = facts.CertificateIssued(volunteer=volunteer.id, number=number, issuer=issuer, minutes=minutes)
    return after(volunteer, fact), made
