"""Answers of the API, with words in Chinese and English; those about people are in `schemas_people`, requests in
`schemas_in`."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field

from volunteers.domain.activity import Activity
from volunteers.domain.course import Course
from volunteers.domain.shift import Shift, SignUp
from volunteers.domain.team import Team

M = TypeVar("M", bound=BaseModel)


class Answer(BaseModel):
    """What is answered, from the attributes of an aggregate."""

    model_config = ConfigDict(from_attributes=True)


class TeamOut(Answer):
    """服务队 / a team."""

    id: str
    state: str = Field(description="standing dissolved")
    org: str
    kind: str
    project: str | None
    area: str
    members: int
    title: str | None = Field(None, description="名称；恢复后可能缺失 / its name; a restore may lose it")
    version: int

    @staticmethod
    def of(team: Team, title: str | None = None) -> TeamOut:
        return _titled(TeamOut.model_validate(team), title)


class TeamPage(BaseModel):
    """服务队，新的在前 / teams, newest first."""

    items: list[TeamOut]
    next: str | None = None


class ActivityOut(Answer):
    """活动 / an activity."""

    id: str
    state: str = Field(description="planned unfunded open closed settled cancelled")
    org: str
    affair: str
    area: str
    mandate: str = Field(description="所依据的委托，由其专项列支 / the mandate that pays for it")
    term: int
    kind: str
    team: str | None
    training: tuple[str, ...]
    skills: tuple[str, ...]
    min_age: int
    max_age: int | None
    dangerous: bool
    insurance: str | None
    planned_fen: int
    bill: str | None = Field(description="单据；空为无费用 / its bill; none: it costs nothing")
    starts_at: datetime
    ends_at: datetime
    refused: str | None = Field(description="经费未落实的原因 / why its money could not be held")
    shortfall_fen: int = Field(description="缺口（分）/ how much is missing")
    begun: bool
    cancelled: str | None
    cost_fen: int | None
    minutes: int | None = Field(description="已确认服务分钟数合计 / confirmed minutes of all")
    paid_fen: int | None = Field(description="已支付给组织方 / paid to its organiser")
    title: str | None = None
    version: int

    @staticmethod
    def of(activity: Activity, title: str | None = None) -> ActivityOut:
        return _titled(ActivityOut.model_validate(activity), title)


class ActivityPage(BaseModel):
    """活动，新的在前 / activities, newest first."""

    items: list[ActivityOut]
    next: str | None = None


class ShiftOut(Answer):
    """班次 / a shift."""

    id: str
    state: str = Field(description="planned cancelled")
    activity: str
    area: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    taken: int
    version: int

    @staticmethod
    def of(shift: Shift) -> ShiftOut:
        return ShiftOut.model_validate(shift)


class ShiftPage(BaseModel):
    """班次，新的在前 / shifts, newest first."""

    items: list[ShiftOut]
    next: str | None = None


class SignUpOut(Answer):
    """报名与服务 / a place in a shift, and the service in it."""

    shift: str
    volunteer: str
    activity: str
    state: str = Field(description="signed withdrawn in out confirmed absent")
    starts_at: datetime
    ends_at: datetime
    in_at: datetime | None
    out_at: datetime | None
    minutes: int = Field(description="签到至签退、班次之内 / from check-in to check-out, inside the shift")
    confirmed_minutes: int
    version: int | None = Field(None, description="班次的版本 / version of the shift")

    @staticmethod
    def of(place: SignUp, version: int | None = None) -> SignUpOut:
        return SignUpOut.model_validate(place).model_copy(update={"version": version})


class SignUpPage(BaseModel):
    """报名 / places."""

    items: list[SignUpOut]
    next: str | None = None


class CodeOut(BaseModel):
    """签到码，在现场出示 / the code to be shown at the site."""

    shift: str
    code: str


class CourseOut(Answer):
    """培训课程 / a course."""

    id: str
    state: str = Field(description="planned cancelled")
    org: str
    area: str
    training: str
    starts_at: datetime
    ends_at: datetime
    title: str | None = None
    version: int

    @staticmethod
    def of(course: Course, title: str | None = None) -> CourseOut:
        return _titled(CourseOut.model_validate(course), title)


class CoursePage(BaseModel):
    """课程，新的在前 / courses, newest first."""

    items: list[CourseOut]
    next: str | None = None


class WordOut(BaseModel):
    """一个词 / a word of the profile."""

    code: str
    zh: str
    en: str
    valid_days: int | None = None


class WordsOut(BaseModel):
    """辖区配置的词与星级 / the words and stars of this jurisdiction."""

    team_kinds: list[WordOut]
    activity_kinds: list[WordOut]
    skills: list[WordOut]
    training: list[WordOut]
    training_first: list[str]
    awards: list[WordOut]
    needs: list[WordOut]
    visits: list[WordOut]
    stars_h: list[int]


def _titled(made: M, title: str | None) -> M:
    return made.model_copy(update={"title": title})
