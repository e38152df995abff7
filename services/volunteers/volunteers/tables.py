"""The tables of volunteers: aggregates, what stands beside them, and what is heard. Those about people are in
`tables_people`; all of them are to be found here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, MetaData
from sqlmodel import Field

from suizhuan.db.columns import a_json, a_moment, a_number, table_of
from suizhuan.organisations import Organisations
from volunteers.tables_base import Base
from volunteers.tables_people import (
    award_private,
    awards,
    certificates,
    members,
    pairing_private,
    private,
    trained,
    visits,
)

__all__ = ["award_private", "awards", "certificates", "members", "pairing_private", "private", "trained", "visits"]


class VolunteerRow(Base, table=True):
    """A volunteer in coarse words. Stays when the person asks to be erased, without skills: its hours are anonymous."""

    __tablename__ = "volunteer"
    __table_args__ = (Index("volunteer_by_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),)
    id: str = Field(primary_key=True)
    state: str
    version: int = a_number()
    area: str
    age_band: str
    skills: Any = a_json()
    minutes: int = a_number()
    star: int = a_number()
    registered_at: datetime = a_moment()


class TeamRow(Base, table=True):
    """A team."""

    __tablename__ = "team"
    __table_args__ = (Index("team_by_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),)
    id: str = Field(primary_key=True)
    state: str
    version: int = a_number()
    org: str
    kind: str
    project: str | None = None
    area: str
    members: int = a_number()


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
    version: int = a_number()
    org: str
    affair: str
    area: str
    mandate: str
    term: int = a_number()
    kind: str
    team: str | None = None
    training: Any = a_json()
    skills: Any = a_json()
    min_age: int = a_number()
    max_age: int | None = a_number(nullable=True)
    dangerous: bool
    insurance: str | None = None
    planned_fen: int = a_number()
    bill: str | None = None
    bills: int = a_number()
    starts_at: datetime = a_moment()
    ends_at: datetime = a_moment()
    refused: str | None = None
    shortfall_fen: int = a_number()
    begun: bool
    cancelled: str | None = None
    cost_fen: int | None = a_number(nullable=True)
    minutes: int | None = a_number(nullable=True)
    paid_fen: int | None = a_number(nullable=True)
    waits_since: datetime | None = a_moment(nullable=True)


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
    version: int = a_number()
    activity: str
    area: str
    starts_at: datetime = a_moment()
    ends_at: datetime = a_moment()
    capacity: int = a_number()
    taken: int = a_number()


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
    starts_at: datetime = a_moment()
    ends_at: datetime = a_moment()
    in_at: datetime | None = a_moment(nullable=True)
    out_at: datetime | None = a_moment(nullable=True)
    minutes: int = a_number()
    confirmed_minutes: int = a_number()


class CourseRow(Base, table=True):
    """A course."""

    __tablename__ = "course"
    __table_args__ = (Index("course_by_area", "area", "id", postgresql_ops={"area": "text_pattern_ops"}),)
    id: str = Field(primary_key=True)
    state: str
    version: int = a_number()
    org: str
    area: str
    training: str
    starts_at: datetime = a_moment()
    ends_at: datetime = a_moment()


class PairingRow(Base, table=True):
    """A pairing, as far as a volunteer may know of it."""

    __tablename__ = "pairing"
    __table_args__ = (
        Index("pairing_by_volunteer", "volunteer", "id"),
        Index("pairing_by_org", "org", "id"),
    )
    id: str = Field(primary_key=True)
    state: str
    version: int = a_number()
    volunteer: str
    org: str
    need: str
    area: str
    linked: bool
    arranged_at: datetime = a_moment()
    begun_at: datetime | None = a_moment(nullable=True)
    ended_at: datetime | None = a_moment(nullable=True)
    reason: str | None = None


class EndedMandateRow(Base, table=True):
    """Mandates that are over: nothing begins under them, in whatever order that was heard."""

    __tablename__ = "ended_mandate"
    mandate: str = Field(primary_key=True)
    ended_at: datetime = a_moment()


class ClosedFileRow(Base, table=True):
    """Classified files that are closed: nobody is paired with them any more, in whatever order that was heard."""

    __tablename__ = "closed_file"
    file: str = Field(primary_key=True)


own: MetaData = Base.metadata
volunteers, teams, pairings = table_of(VolunteerRow), table_of(TeamRow), table_of(PairingRow)
activities, titles = table_of(ActivityRow), table_of(TitleRow)
shifts, shift_codes, sign_ups = table_of(ShiftRow), table_of(ShiftCodeRow), table_of(SignUpRow)
courses = table_of(CourseRow)
organisations = Organisations(own)
ended_mandates, closed_files = table_of(EndedMandateRow), table_of(ClosedFileRow)

# Every column that holds a code of an area and follows when that gets another one.
PLACED = tuple(column for table in own.sorted_tables for column in table.columns if column.name == "area")
