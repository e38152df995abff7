"""Requests and answers of the API, with words in Chinese and English."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from complaints.domain.case import Case
from complaints.domain.handover import Handover


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be plain text")
    return value


def _prose(value: str) -> str:
    if not all(c.isprintable() or c in "\n\t" for c in value):
        raise ValueError("must be plain text")
    return value


SLUG = r"^[a-z0-9]+([.-][a-z0-9]+)*$"
Slug = Annotated[str, StringConstraints(pattern=SLUG, max_length=64)]
OrgId = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_line)]
AreaText = Annotated[str, StringConstraints(min_length=1, max_length=40)]  # judged by the kernel: `area_malformed`
LimitText = Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_line)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_line)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_prose)]
CaseTerm = Annotated[int, Field(ge=0, le=2**31 - 1)]
Suspension = Literal["season", "weather", "conditions", "third_party"]
Purpose = Literal["contact", "site_visit", "verification", "correction"]
CASE_TERM = "所依据的任次；已过则 409 / the case_term relied on; 409 once it has passed"


class Request(BaseModel):
    """What is sent in: a field that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid")


class ContactIn(Request):
    """联系方式，只存于本服务 / how to reach the reporter; stays in this service."""

    name: Line | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()-]{3,30}$")] | None = None


class ReportIn(Request):
    """反映问题 / report a matter. 无需任何权力 / no power is needed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "category": "01-02",
                "area": "321302002907001",
                "channel": "wechat",
                "description": "楼下垃圾堆放三天无人清运",
                "contact": {"name": "王某", "phone": "13800000000"},
                "address": "南关小区 3 号楼东侧",
            }
        }
    )

    category: Annotated[str, StringConstraints(min_length=1, max_length=20), AfterValidator(_line)] = Field(
        description="事件类别，见 GET /categories / category"
    )
    area: AreaText = Field(description="区划代码，网格 15 位、社区 12 位 / area code")
    channel: Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_line)] = Field(
        "web", description="受理渠道 / channel"
    )
    description: Prose = Field(description="情况描述；个人信息，不出本服务 / what it is; treated as personal data")
    contact: ContactIn | None = None
    address: Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_line)] | None = Field(
        None, description="详细地址；个人信息 / exact address; personal data"
    )


class ActIn(Request):
    """对诉求采取行动 / act on a case."""

    case_term: CaseTerm | None = Field(None, description=CASE_TERM)


class VerificationIn(ActIn):
    """核查 / the check of the work."""

    result: Literal["passed", "failed"] = Field(description="通过或不通过 / the outcome")
    satisfied: bool | None = Field(None, description="反映人是否满意；未知则不填 / whether the reporter is satisfied")


class ClosureIn(ActIn):
    """结案 / close. 有效：核查通过后；无效：重复或不属受理范围 / verified, or invalid."""

    outcome: Literal["verified", "invalid"] = "verified"
    reason: Literal["duplicate", "out_of_scope"] | None = Field(None, description="无效原因 / why it is invalid")
    redirect: Slug | None = Field(None, description="告知的去向（out_of_scope 必填）/ where to turn to instead")
    duplicate_of: Line | None = Field(None, description="原诉求（duplicate 必填）/ the case that it repeats")


class ExtensionIn(ActIn):
    """延期，须签批 / more time, signed off."""

    limit: LimitText = Field(description="延长多少 / by how much", examples=["5 WD"])


class SuspensionIn(ActIn):
    """挂账 / let the clock stand still."""

    reason: Suspension = Field(description="季节、天气、条件不具备、等待第三方 / why")


class HandoverIn(ActIn):
    """转办 / hand a case over. 先冻结经费，后转移责任 / its money is held before the duty moves."""

    to: OrgId = Field(description="接收组织 / receiver", examples=["firm-jiecheng"])
    affair: Slug | None = Field(None, description="改按哪一事项办理 / another affair, if it changes")


class CaseOut(BaseModel):
    """诉求，不含个人信息 / a case, without personal data."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    category: str
    affair: str
    area: str
    channel: str
    state: str = Field(description="reported dispatched started handled verified closed suspended")
    responsible: str | None = Field(description="责任组织 / the one responsible organisation")
    mandate: str | None = Field(description="所依据的委托 / the mandate under which it is held")
    term: int | None = Field(description="该委托的任期 / the term of that grant")
    case_term: int = Field(description="任次：转移的次数 / counts its movements")
    price_fen: int
    held_fen: int = Field(validation_alias="carried_fen", description="已为其冻结 / held for it already")
    paid_fen: int | None
    limit: str
    reported_at: datetime
    due_at: datetime
    yellow_at: datetime
    red_at: datetime
    card: str | None = Field(description="黄牌 yellow 或红牌 red / the warning raised last")
    started_at: datetime | None
    handled_at: datetime | None
    verified_at: datetime | None
    closed_at: datetime | None
    settled_at: datetime | None
    suspended_at: datetime | None
    outcome: str | None
    invalid_reason: str | None
    redirect: str | None
    satisfied: bool | None
    handover: str | None = Field(description="正在进行的转办 / the handover under way")
    switch: str | None = Field(description="正在进行的移交 / the switch under way")
    taken: bool = Field(description="主管部门自行承办 / the affair's owner took it itself")
    version: int

    @staticmethod
    def of(case: Case) -> CaseOut:
        return CaseOut.model_validate(case)


class CasePage(BaseModel):
    """诉求列表，新的在前 / cases, newest first."""

    items: list[CaseOut]
    next: str | None = None


class HandoverOut(BaseModel):
    """转办 / a handover."""

    id: str
    case: str
    case_term: int
    giver: str
    receiver: str
    affair: str
    mandate: str | None = Field(description="出资的专项；空为转出方预算 / whose earmark pays; none: the giver's budget")
    price_fen: int
    carried_fen: int
    needed_fen: int
    state: str = Field(description="waiting moved refused")
    reason: str | None
    shortfall_fen: int
    hold: str | None
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None

    @staticmethod
    def of(h: Handover) -> HandoverOut:
        return HandoverOut(**{n: getattr(h, n) for n in HandoverOut.model_fields})


class HandoverAccepted(HandoverOut):
    """已受理的转办；结果见 GET /handovers/{id} / asked for; the outcome is at GET /handovers/{id}."""

    version: int = Field(description="诉求的版本 / version of the case")

    @staticmethod
    def accepted(h: Handover, case: Case) -> HandoverAccepted:
        return HandoverAccepted(version=case.version, **HandoverOut.of(h).model_dump())


class StepOut(BaseModel):
    """一步：谁、依据哪一委托与任期 / a step: who, under which mandate and term."""

    version: int
    event: str
    event_id: str
    at: datetime
    case_term: int
    state: str
    org: str | None
    mandate: str | None
    term: int | None
    data: dict[str, Any]


class HistoryPage(BaseModel):
    """经过 / what happened, oldest first."""

    items: list[StepOut]
    next: str | None = None


class PrivateOut(BaseModel):
    """个人信息；本次查阅已记录 / personal data; this read was recorded."""

    case: str
    purpose: str
    reporter: str
    contact_name: str | None
    contact_phone: str | None
    address: str | None
    description: str
    version: int


class WordsOut(BaseModel):
    """中英文 / in both languages."""

    zh: str
    en: str


class CategoryOut(BaseModel):
    """事件类别 / a category."""

    code: str
    name: WordsOut
    affair: str
    limit: str
    price_fen: int
    codes: dict[str, str]


class CodeOut(BaseModel):
    """代码与名称 / a code and its name."""

    code: str
    name: WordsOut
    phone: str | None = None


class CategoriesOut(BaseModel):
    """类别、渠道、转告去向 / categories, channels, and where to turn with what is out of scope."""

    items: list[CategoryOut]
    channels: list[CodeOut]
    out_of_scope: list[CodeOut]
    next: str | None = None


class StatisticsOut(BaseModel):
    """一个区域的统计 / figures of one area. 比率以应结案为分母 / rates are of what was due."""

    area: str
    accepted: int = Field(description="受理 / reported")
    filed: int = Field(description="立案：已派遣且有效 / routed and valid")
    due: int = Field(description="应结案：截至统计时点到期 / due by then")
    closed: int = Field(description="其中已结案 / of these closed")
    on_time: int = Field(description="其中按期 / of these handled in time")
    closed_percent: str | None = Field(description="结案率 / closed of due", examples=["93.72"])
    on_time_percent: str | None = Field(description="按期结案率 / on time of due", examples=["75.82"])


class StatisticsPage(BaseModel):
    """统计 / figures by area."""

    items: list[StatisticsOut]
    as_of: datetime
    next: str | None = None
