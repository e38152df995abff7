"""Requests and answers about owners and their meetings, in Chinese and English."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from property.domain.meeting import HIGHEST_ITEM, LOWEST_ITEM, Meeting
from property.domain.tally import GRAVE_ITEMS
from property.schemas import SIZE, Count, Key, Line, Out, Phone, Prose, Request, Size

Purpose = Literal["contact", "meeting", "correction"]
Choice = Literal["for", "against", "abstain"]
Number = Annotated[int, Field(ge=1, le=50, strict=True)]


class PersonIn(Request):
    """业主是谁，只存于本服务 / who the owner is; stays in this service."""

    name: Line
    phone: Phone | None = None
    account: Line | None = Field(None, description="表决时登录的账号 / the account by which the owner votes")


class OwnerIn(Request):
    """登记业主 / register an owner. 一人一票，不论几套 / one head, however many units."""

    estate: Key
    kind: Literal["person", "developer"] = Field(
        "person", description="建设单位未售部分按一人计 / the developer is one head"
    )
    units: Annotated[int, Field(ge=1, le=100_000, strict=True)] = Field(description="专有部分数 / units")
    size_dm2: Size = Field(description="专有部分" + SIZE)
    person: PersonIn


class OwnerRevisionIn(Request):
    """变更专有部分；全部售出填 0 / what the owner has now; 0 when all is sold."""

    units: Annotated[int, Field(ge=0, le=100_000, strict=True)]
    size_dm2: Count


class OwnerOut(Out):
    """业主，不含个人信息 / an owner, without personal data."""

    id: str
    estate: str
    area: str
    kind: str
    units: int
    size_dm2: int
    registered_at: datetime
    version: int


class OwnerPage(BaseModel):
    """业主名册，新的在前 / owners, newest first."""

    items: list[OwnerOut]
    next: str | None = None


class OwnerPrivateOut(BaseModel):
    """业主是谁；本次查阅已记录 / who the owner is; this read was recorded."""

    owner: str
    purpose: str
    name: str
    phone: str | None
    account: str | None
    version: int


class MotionIn(Request):
    """议题 / a motion."""

    item: Annotated[int, Field(ge=LOWEST_ITEM, le=HIGHEST_ITEM, strict=True)] = Field(
        description="民法典第 278 条第一款第几项 / which item of Civil Code 278"
    )
    words: Prose = Field(description="议题内容；不出本服务 / what is voted on; stays in this service")


class MeetingIn(Request):
    """召集业主大会 / call an owners' meeting."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "estate": "estate-nanguan",
                "callers": ["0199…"],
                "told": "community-nanguan",
                "opens_at": "2026-07-20T09:00:00+08:00",
                "closes_at": "2026-07-27T18:00:00+08:00",
                "motions": [{"item": 3, "words": "选举第一届业主委员会"}],
            }
        }
    )

    estate: Key
    callers: Annotated[list[Key], Field(min_length=1, max_length=10_000)] = Field(
        description="召集的业主，占全体至少两成 / the owners who call it, at least a fifth of all"
    )
    told: Line = Field(description="已告知的居民委员会 / the residents' committee that was told")
    opens_at: AwareDatetime = Field(description="表决开始，至少提前 15 日 / voting begins; 15 days ahead at least")
    closes_at: AwareDatetime = Field(description="表决结束（当刻不含）/ voting ends before it")
    motions: Annotated[list[MotionIn], Field(min_length=1, max_length=50)]


class BallotIn(Request):
    """表决；结束前可更改 / vote; it may be changed until the end."""

    model_config = ConfigDict(json_schema_extra={"example": {"choices": {"1": "for"}}})

    choices: Annotated[dict[Number, Choice], Field(min_length=1, max_length=50)] = Field(
        description="议题序号到意见：同意、反对、弃权 / by motion: for, against, abstain"
    )


class FilingIn(Request):
    """备案业委会 / put the committee on file."""

    reference: Line = Field(description="备案文号 / its reference")


class ResultOut(Out):
    """表决结果：四个分数以整数给出 / the four fractions, as integers."""

    passed: bool
    quorum: bool = Field(description="参与表决的面积与人数均达三分之二 / two thirds of both took part")
    size_dm2: int
    took_part_size_dm2: int
    for_size_dm2: int
    heads: int
    took_part_heads: int
    for_heads: int


class MotionOut(BaseModel):
    """议题及其结果 / a motion and what became of it."""

    number: int
    item: int
    words: str | None = Field(description="空：已在数据库恢复中丢失 / none: lost when the database was restored")
    needs: str = Field(description="three_quarters（第 6 至 8 项）或 more_than_half")
    result: ResultOut | None


class MeetingOut(BaseModel):
    """业主大会 / an owners' meeting."""

    id: str
    estate: str
    area: str
    state: str = Field(description="called closed")
    callers: int
    heads: int = Field(description="名册人数 / heads of the roll")
    size_dm2: int = Field(description="名册面积 / area of the roll")
    told: str
    opens_at: datetime
    closes_at: datetime
    motions: list[MotionOut]
    filing_due_at: datetime | None = Field(description="业委会备案期限 / by when the committee is filed")
    filing_overdue: bool
    committee: str | None
    lost_ballots: int = Field(
        description="数据库恢复中丢失的表决数，结束前可重投 / lost in a restore; may be cast again"
    )
    version: int

    @staticmethod
    def of(meeting: Meeting, words: dict[int, str], lost: int = 0) -> MeetingOut:
        results = {result.number: ResultOut.model_validate(result) for result in meeting.results}
        shown = [
            MotionOut(
                number=motion.number,
                item=motion.item,
                words=words.get(motion.number),
                needs="three_quarters" if motion.item in GRAVE_ITEMS else "more_than_half",
                result=results.get(motion.number),
            )
            for motion in meeting.motions
        ]
        own = ("motions", "lost_ballots")
        plain = {n: getattr(meeting, n) for n in MeetingOut.model_fields if n not in own}
        return MeetingOut(motions=shown, lost_ballots=lost, **plain)


class MeetingPage(BaseModel):
    """业主大会列表，新的在前 / meetings, newest first."""

    items: list[MeetingOut]
    next: str | None = None


class BallotOut(BaseModel):
    """本人的表决 / how one has voted oneself."""

    meeting: str
    owner: str
    choices: dict[int, str]
    version: int
