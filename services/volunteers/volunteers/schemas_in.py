"""Requests of the API, with words in Chinese and English. A field that nobody knows is a mistake."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from suizhuan.kernel.fen import MAX_FEN


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be plain text")
    return value


def _moment(value: AwareDatetime) -> AwareDatetime:
    if not 2000 <= value.year <= 2200:
        raise ValueError("must lie between 2000 and 2200")
    return value


Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=64)]
Words = Annotated[list[Word], Field(max_length=20)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_line)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[!-~]+$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9./_-]{2,63}$")]
AreaText = Annotated[str, StringConstraints(min_length=1, max_length=40)]  # judged by the kernel: `area_malformed`
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()-]{3,30}$")]
IdNumber = Annotated[str, StringConstraints(min_length=1, max_length=40)]  # judged by stdnum: `id_number_wrong`
Fen = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN)]
Minutes = Annotated[int, Field(strict=True, ge=0, le=100_000)]
Age = Annotated[int, Field(strict=True, ge=0, le=150)]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Purpose = Literal["contact", "insurance", "emergency", "correction", "certificate"]
PairingPurpose = Literal["contact", "review", "emergency", "correction"]


class Request(BaseModel):
    """What is sent in."""

    model_config = ConfigDict(extra="forbid")


class ActIn(Request):
    """无内容 / nothing to say."""


class RegistrationIn(Request):
    """居民本人注册 / a resident registers himself. 个人信息只存于本服务 / personal data stays in this service."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "name": "王某",
                "id_number": "11010519491231002X",
                "phone": "13800000000",
                "area": "321302002907",
                "skills": ["law"],
            }
        }
    )

    name: Line = Field(description="姓名 / name")
    id_number: IdNumber = Field(description="居民身份证号，出生日期由此得出 / resident ID; it carries the birth date")
    phone: Phone = Field(description="电话 / phone")
    area: AreaText = Field(description="居住地，只保留到社区 / where he lives; nothing finer than a community is kept")
    skills: Words = Field(default_factory=list, description="技能（辖区配置的词）/ skills, in the profile's words")
    skill_note: Line | None = Field(None, description="技能补充说明；个人信息 / more about them; personal data")
    guardian_consent: Reference | None = Field(
        None, description="监护人同意书编号，未成年人必填 / reference of the guardian's consent; needed by minors"
    )


class CorrectionIn(Request):
    """更正；未填的保持不变 / corrections; what is not said stays."""

    name: Line | None = None
    id_number: IdNumber | None = None
    phone: Phone | None = None
    area: AreaText | None = None
    skills: Words | None = None
    skill_note: Line | None = None
    guardian_consent: Reference | None = None


class TeamIn(Request):
    """成立服务队：按类别，或按项目 / found a team: by kind of work, or for a project."""

    title: Line
    kind: Word = Field(description="类别，见 GET /words / kind")
    project: Word | None = Field(None, description="项目代号 / the project it is formed for")
    area: AreaText


class ActivityIn(Request):
    """开展活动：先冻结经费，后报名 / an activity under a mandate; its money is held before anybody signs up."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "title": "清洁家园",
                "affair": "volunteers.service",
                "area": "321302002907",
                "kind": "clean-up",
                "planned_fen": 20000,
                "starts_at": "2026-03-07T01:00:00Z",
                "ends_at": "2026-03-07T04:00:00Z",
            }
        }
    )

    title: Line
    affair: Word = Field(description="所依据的事项 / the affair whose mandate it is run under")
    area: AreaText
    kind: Word = Field(description="类型，见 GET /words / kind")
    team: Id | None = Field(None, description="仅限该服务队成员 / only for members of this team")
    training: Words = Field(default_factory=list, description="须完成的培训 / courses needed beside the general ones")
    skills: Words = Field(default_factory=list, description="所需技能 / skills needed, all of them")
    min_age: Age | None = Field(None, description="最低年龄，缺省为辖区配置 / least age; by default the profile's")
    max_age: Age | None = None
    dangerous: bool = Field(False, description="危险活动，须先投保 / dangerous: insured first, and never for minors")
    insurance: Reference | None = Field(None, description="保单编号 / reference of the policy")
    planned_fen: Fen = Field(description="计划费用（分）/ planned cost in fen; 0: opens at once")
    starts_at: Moment
    ends_at: Moment


class FundingIn(Request):
    """重新申请经费 / ask for the money anew."""

    planned_fen: Fen


class InsuranceIn(Request):
    """保险 / the policy of those who serve."""

    insurance: Reference


class ClosureIn(Request):
    """结束活动 / close. 实际费用不得超过计划 / the real cost, at most what was planned."""

    cost_fen: Fen


class ShiftIn(Request):
    """班次 / a shift."""

    starts_at: Moment
    ends_at: Moment
    capacity: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class CheckIn(Request):
    """现场出示的签到码 / the code that is shown at the site."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_line)]


class VolunteerIn(Request):
    """哪位志愿者 / which volunteer."""

    volunteer: Id


class ConfirmationIn(Request):
    """确认服务 / the organiser's word. 不填分钟数则按签到签退计 / without minutes: those that were counted."""

    volunteer: Id
    outcome: Literal["confirmed", "absent"] = "confirmed"
    minutes: Minutes | None = None


class HoursIn(Request):
    """更正已确认的时长，免费 / put confirmed minutes right, free of charge."""

    volunteer: Id
    minutes: Minutes


class CourseIn(Request):
    """培训课程，免费 / a course, free of charge."""

    title: Line
    training: Word = Field(description="培训种类，见 GET /words / kind of training")
    area: AreaText
    starts_at: Moment
    ends_at: Moment


class AwardIn(Request):
    """授予荣誉 / give an award."""

    kind: Word = Field(description="荣誉，见 GET /words / the award")


class AwardConsentIn(Request):
    """是否公布及以何名义；不填则不公布 / under what name it may be published; none: it is not."""

    shown_as: Line | None = None


class CertificateIn(Request):
    """申请服务证明，免费 / ask for a certificate, free of charge."""

    org: Id = Field(description="出具单位：记录服务的组织 / the organisation that recorded the service")


class ArrangementIn(Request):
    """结对，志愿者须自愿接受且不知档案 / pair; the volunteer accepts of his own will, and never sees the file."""

    volunteer: Id
    file: Reference = Field(description="分类档案编号 / opaque reference of a classified file")
    file_consent: Reference = Field(description="对方同意书编号 / where that person has consented")
    need: Word = Field(description="需求（辖区配置的词）/ the need, in a word of the profile")
    area: AreaText = Field(description="社区（12 位）/ a community, 12 digits")


class LinkIn(Request):
    """恢复后重新说明档案 / say again which file it is, after a restore."""

    file: Reference
    file_consent: Reference


class AcceptanceIn(Request):
    """接受结对 / accept."""

    consent: Reference = Field(description="志愿者同意书编号 / where the volunteer has consented")


class VisitIn(Request):
    """走访记录，只用配置的词 / a visit, in words of the profile."""

    finding: Word
    minutes: Minutes


class EndIn(Request):
    """结束结对：任何一方均可 / end: either side may."""

    by: Literal["volunteer", "person", "case_worker"]
