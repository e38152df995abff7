"""What happens to volunteers: the data of the events about people. Ids and coarse words only, never personal data.

An area here is never finer than a community; an age is a band; a skill is a word of the profile. Who it is, and which
classified file a pairing is about, stand in tables of this service alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VolunteerRegistered:
    """A resident has registered as a volunteer. `age_band`: minor, adult or senior."""

    volunteer: str
    area: str
    age_band: str
    skills: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolunteerCorrected:
    """Records were corrected at the volunteer's request; `fields` names which, not what stands there."""

    volunteer: str
    area: str
    age_band: str
    skills: list[str]
    fields: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolunteerAged:
    """A birthday has moved the volunteer into another band."""

    volunteer: str
    age_band: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolunteerErased:
    """At the volunteer's request nothing personal is kept any more; the hours stay, without a name."""

    volunteer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRead:
    """Somebody read the personal data of a volunteer: under a power, or `self`, and for a purpose."""

    volunteer: str
    power: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingAttended:
    """The volunteer has attended a course; until `valid_until` it counts."""

    volunteer: str
    training: str
    course: str
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursCredited:
    """Confirmed service has been added to the volunteer's record; `total_minutes` is the sum of all."""

    volunteer: str
    activity: str
    shift: str
    minutes: int
    total_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HoursCorrected:
    """What was credited for a shift was put right on request; `minutes` is the difference, which may be negative."""

    volunteer: str
    activity: str
    shift: str
    minutes: int
    total_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StarAwarded:
    """The hours have passed a step of the profile: `star` counts from 1."""

    volunteer: str
    star: int
    total_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardGiven:
    """An organisation has given an award. It is published only if the volunteer consents."""

    volunteer: str
    award: str
    kind: str
    giver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardConsented:
    """The volunteer has said whether the award may be published."""

    volunteer: str
    award: str
    publish: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateIssued:
    """Recorded service was certified, free of charge, by who recorded it."""

    volunteer: str
    number: str
    issuer: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamFounded:
    """A team 服务队 of an organisation. `project` is set where it is formed for a project, not for a kind of work."""

    team: str
    org: str
    kind: str
    project: str | None
    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamJoined:
    """A volunteer has joined the team."""

    team: str
    volunteer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLeft:
    """A volunteer has left the team."""

    team: str
    volunteer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamDissolved:
    """The team is no more."""

    team: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingArranged:
    """A case worker proposes to pair a volunteer with somebody on a classified file, who has consented.

    Neither the file nor the consent is here: no log tells whose file a volunteer knows."""

    pairing: str
    volunteer: str
    org: str
    need: str
    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingBegun:
    """The volunteer has accepted, and consented in turn."""

    pairing: str
    volunteer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingVisited:
    """The volunteer has been there; `finding` is a word of the profile."""

    pairing: str
    visit: str
    finding: str
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingLinked:
    """After a restore, which loses it, the case worker has said again which file the pairing is about."""

    pairing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingRead:
    """Somebody read whose file a pairing is about: under a power and for a purpose."""

    pairing: str
    power: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingEnded:
    """It is over. `reason`: declined, volunteer, person, case_worker, file_closed, erased."""

    pairing: str
    reason: str
