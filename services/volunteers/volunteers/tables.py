"""The tables of volunteers, on a MetaData of its own. What identifies people stands in `volunteer_private`,
`award_private` and `pairing_private`, and nowhere else."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Date, Index, MetaData, Table, Text
from sqlmodel import Field, SQLModel

from suizhuan.db.types import BigInt, Json, UtcDateTime


class Base(SQLModel):
    """Tables of this service only: several services may live in one process."""

    metadata = MetaData()


def _json() -> Any:
    return Field(default=None, sa_column=Column(Json, nullable=False))


def _moment(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcDateTime, nullable=nullable))


def _number(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(BigInt, nullable=nullable))


def _text(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(Text, nullable=nullable))


class VolunteerRow(Base, table=True):
    """A volunteer in coarse words. Stays when the person asks to be erased, without skills: its hours are anonymous."""

    __tablename__ = "volunteer"
    __table_args__ = (Index("volunteer_by_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),)
    id: str = Field(primary_key=True)
    state: str
    version: int = _number()
    area: str
    age_band: str
    skills: Any = _json()
    minutes: int = _number()
    star: int = _number()
    registered_at: datetime = _moment()


class VolunteerPrivateRow(Base, table=True):
    """Who a volunteer is: read under a power and for a purpose. Kept until the volunteer asks to be erased.

    `subject` is the identity he signs in with; the others are missing after a restore, until he says them again."""

    __tablename__ = "volunteer_private"
    volunteer: str = Field(primary_key=True)
    subject: str = Field(unique=True)
    name: str | None = None
    id_number: str | None = Field(default=None, unique=True)
    born: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    phone: str | None = None
    skill_note: str | None = None
    guardian_consent: str | None = None


class TrainedRow(Base, table=True):
    """Until when a course that was attended counts: the latest of each kind."""

    __tablename__ = "trained"
    volunteer: str = Field(primary_key=True)
    training: str = Field(primary_key=True)
    course: str
    attended_at: datetime = _moment()
    valid_until: datetime = _moment()


class TeamRow(Base, table=True):
    """A team."""

    __tablename__ = "team"
    __table_args__ = (Index("team_by_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),)
    id: str = Field(primary_key=True)
    state: str
    version: int = _number()
    org: str
    kind: str
    project: str | None = None
    area: str
    members: int = _number()


class TeamMemberRow(Base, table=True):
    """Who is in a team."""

    __tablename__ = "team_member"
    __table_args__ = (Index("team_member_by_volunteer", "volunteer"),)
    team: str = Field(primary_key=True)
    volunteer: str = Field(primary_key=True)


class ActivityRow(Base, table=True):
    """An activity."""

    __tablename__ = "activity"
    __table_args__ = (
        Index("activity_by_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),
        Index("activity_by_mandate", "mandate"),
        Index("activity_by_org", "org", "id"),
        Index("activity_by_bill", "bill"),
        Index("activity_by_state", "state", "id"),
    )
    id: str = Field(primary_key=True)
    state: str
    version: int = _number()
    org: str
    affair: str
    area: str
    mandate: str
    term: int = _number()
    kind: str
    team: str | None = None
    training: Any = _json()
    skills: Any = _json()
    min_age: int = _number()
    max_age: int | None = _number(nullable=True)
    dangerous: bool
    insurance: str | None = None
    planned_fen: int = _number()
    bill: str | None = None
    bills: int = _number()
    starts_at: datetime = _moment()
    ends_at: datetime = _moment()
    refused: str | None = None
    shortfall_fen: int = _number()
    begun: bool
    cancelled: str | None = None
    cost_fen: int | None = _number(nullable=True)
    minutes: int | None = _number(nullable=True)
    paid_fen: int | None = _number(nullable=True)
    waits_since: datetime | None = _moment(nullable=True)


class TitleRow(Base, table=True):
    """What an organisation calls a team, an activity or a course. People write it, so it is not put on the log."""

    __tablename__ = "title"
    ref: str = Field(primary_key=True)
    title: str


class ShiftRow(Base, table=True):
    """A shift."""

    __tablename__ = "shift"
    __table_args__ = (Index("shift_by_activity", "activity", "id"),)
    id: str = Field(primary_key=True)
    state: str
    version: int = _number()
    activity: str
    area: str
    starts_at: datetime = _moment()
    ends_at: datetime = _moment()
    capacity: int = _number()
    taken: int = _number()


class ShiftCodeRow(Base, table=True):
    """What is shown at the site, so that only who is there can check in. Nowhere else: whoever knows it could."""

    __tablename__ = "shift_code"
    shift: str = Field(primary_key=True)
    code: str


class SignUpRow(Base, table=True):
    """A volunteer in a shift. The shift's row is its lock."""

    __tablename__ = "sign_up"
    __table_args__ = (
        Index("sign_up_by_volunteer", "volunteer", "shift"),
        Index("sign_up_by_activity", "activity"),
    )
    shift: str = Field(primary_key=True)
    volunteer: str = Field(primary_key=True)
    activity: str
    state: str
    starts_at: datetime = _moment()
    ends_at: datetime = _moment()
    in_at: datetime | None = _moment(nullable=True)
    out_at: datetime | None = _moment(nullable=True)
    minutes: int = _number()
    confirmed_minutes: int = _number()


class CourseRow(Base, table=True):
    """A course."""

    __tablename__ = "course"
    __table_args__ = (Index("course_by_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),)
    id: str = Field(primary_key=True)
    state: str
    version: int = _number()
    org: str
    area: str
    training: str
    starts_at: datetime = _moment()
    ends_at: datetime = _moment()


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
    given_at: datetime = _moment()


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
    minutes: int = _number()
    issued_at: datetime = _moment()


class PairingRow(Base, table=True):
    """A pairing, as far as a volunteer may know of it."""

    __tablename__ = "pairing"
    __table_args__ = (
        Index("pairing_by_volunteer", "volunteer", "id"),
        Index("pairing_by_org", "org", "id"),
    )
    id: str = Field(primary_key=True)
    state: str
    version: int = _number()
    volunteer: str
    org: str
    need: str
    area: str
    linked: bool
    arranged_at: datetime = _moment()
    begun_at: datetime | None = _moment(nullable=True)
    ended_at: datetime | None = _moment(nullable=True)
    reason: str | None = None


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
    minutes: int = _number()
    at: datetime = _moment()


class OrganisationRow(Base, table=True):
    """Our copy of which organisations there are."""

    __tablename__ = "organisation"
    id: str = Field(primary_key=True)
    name_zh: str
    name_en: str
    kind: str
    sequence: int = _number()


class OrganisationAreaRow(Base, table=True):
    """Our copy of which areas are registered."""

    __tablename__ = "organisation_area"
    __table_args__ = (Index("organisation_area_by_area", "area", postgresql_ops={"area": "text_pattern_ops"}),)
    org: str = Field(primary_key=True)
    area: str = Field(primary_key=True)


class EndedMandateRow(Base, table=True):
    """Mandates that are over: nothing begins under them, in whatever order that was heard."""

    __tablename__ = "ended_mandate"
    mandate: str = Field(primary_key=True)
    ended_at: datetime = _moment()


class ClosedFileRow(Base, table=True):
    """Classified files that are closed: nobody is paired with them any more, in whatever order that was heard."""

    __tablename__ = "closed_file"
    file: str = Field(primary_key=True)


def _table(row: type[SQLModel]) -> Table:
    found: Table = row.__table__  # type: ignore[attr-defined]
    return found


own: MetaData = Base.metadata
volunteers, private, trained = _table(VolunteerRow), _table(VolunteerPrivateRow), _table(TrainedRow)
teams, members = _table(TeamRow), _table(TeamMemberRow)
activities, titles = _table(ActivityRow), _table(TitleRow)
shifts, shift_codes, sign_ups = _table(ShiftRow), _table(ShiftCodeRow), _table(SignUpRow)
courses = _table(CourseRow)
awards, award_private, certificates = _table(AwardRow), _table(AwardPrivateRow), _table(CertificateRow)
pairings, pairing_private, visits = _table(PairingRow), _table(PairingPrivateRow), _table(VisitRow)
organisation, organisation_area = _table(OrganisationRow), _table(OrganisationAreaRow)
ended_mandates, closed_files = _table(EndedMandateRow), _table(ClosedFileRow)
