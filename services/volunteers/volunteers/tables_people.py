"""The tables about people beside the volunteers themselves. What identifies somebody stands in `volunteer_private`,
`award_private` and `pairing_private`, and nowhere else."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field

from suizhuan.db.columns import a_day, a_moment, a_number, table_of
from volunteers.tables_base import Base


class VolunteerPrivateRow(Base, table=True):
    """Who a volunteer is: read under a power and for a purpose. Kept until the volunteer asks to be erased.

    `subject` is the identity he signs in with; the others are missing after a restore, until he says them again."""

    __tablename__ = "volunteer_private"
    volunteer: str = Field(primary_key=True)
    subject: str = Field(unique=True)
    name: str | None = None
    id_number: str | None = Field(default=None, unique=True)
    born: date | None = a_day(nullable=True)
    phone: str | None = None
    skill_note: str | None = None
    guardian_consent: str | None = None


class TrainedRow(Base, table=True):
    """Until when a course that was attended counts: the latest of each kind."""

    __tablename__ = "trained"
    volunteer: str = Field(primary_key=True)
    training: str = Field(primary_key=True)
    course: str
    attended_at: datetime = a_moment()
    valid_until: datetime = a_moment()


class TeamMemberRow(Base, table=True):
    """Who is in a team."""

    __tablename__ = "team_member"
    __table_args__ = (Index("team_member_by_volunteer", "volunteer"),)
    team: str = Field(primary_key=True)
    volunteer: str = Field(primary_key=True)


class AwardRow(Base, table=True):
    """An award. The volunteer's row is its lock."""

    __tablename__ = "award"
    __table_args__ = (Index("award_by_volunteer", "volunteer", "id"), Index("award_by_state", "state", "id"))
    id: str = Field(primary_key=True)
    volunteer: str
    kind: str
    giver: str
    area: str
    state: str
    given_at: datetime = a_moment()


class AwardPrivateRow(Base, table=True):
    """Under what name a volunteer wants an award to be published: his own words, and his consent."""

    __tablename__ = "award_private"
    award: str = Field(primary_key=True)
    volunteer: str = Field(index=True)
    shown_as: str


class CertificateRow(Base, table=True):
    """A certificate. The volunteer's row is its lock."""

    __tablename__ = "certificate"
    __table_args__ = (Index("certificate_by_volunteer", "volunteer", "number"),)
    number: str = Field(primary_key=True)
    volunteer: str
    issuer: str
    minutes: int = a_number()
    issued_at: datetime = a_moment()


class PairingPrivateRow(Base, table=True):
    """Whose file it is, and where both have consented. Gone when the pairing ends."""

    __tablename__ = "pairing_private"
    pairing: str = Field(primary_key=True)
    file: str = Field(index=True)
    file_consent: str
    volunteer_consent: str | None = None


class VisitRow(Base, table=True):
    """A visit, in coarse words."""

    __tablename__ = "visit"
    id: str = Field(primary_key=True)
    pairing: str = Field(index=True)
    finding: str
    minutes: int = a_number()
    at: datetime = a_moment()


private, trained, members = table_of(VolunteerPrivateRow), table_of(TrainedRow), table_of(TeamMemberRow)
awards, award_private, certificates = table_of(AwardRow), table_of(AwardPrivateRow), table_of(CertificateRow)
pairing_private, visits = table_of(PairingPrivateRow), table_of(VisitRow)
