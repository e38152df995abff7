"""The composed answers. Money is fen, times are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Out(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="ignore")


class MissingOut(Out):
    """A service that does not answer now. 未应答的服务"""

    service: str = Field(description="Which / 服务", examples=["finance"])
    reason: str = Field(description="Why / 原因", examples=["ConnectError"])
    parts: list[str] = Field(
        description="Parts that are only as new as `as_of` says / 受影响的部分", examples=[["money"]]
    )


class HubAnswer(BaseModel):
    """The same answer as a hub gets it: what its purpose does not cover is null and named in `masked`, in each part and
    for whole parts here. 上联平台所得：用途之外的字段为空并列于 masked"""

    model_config = ConfigDict(extra="allow")

    purpose: str = Field(description="For which it was given / 用途", examples=["statistics"])
    masked: list[str] = Field(description="Parts that are null, or not whole / 被遮蔽的部分", examples=[["money"]])


class OrganisationOut(Out):
    """An organisation. 组织"""

    id: str = Field(examples=["community-nanguan"])
    name: str = Field(examples=["南关社区"])
    name_en: str = Field(examples=["Nanguan Community"])
    kind: str = Field(examples=["community"])
    parent: str | None = Field(examples=["street-xiangli"])
    areas: list[str] = Field(description="区划", examples=[["321302002907"]])


class MandateOut(Out):
    """A mandate that holds something here. 委托"""

    id: str
    affair: str = Field(examples=["env.exposed-rubbish"])
    affair_name: str | None = Field(None, examples=["暴露垃圾清运"])
    affair_name_en: str | None = None
    area: str
    role: str = Field(description="lead 主办 / assist 协办", examples=["lead"])
    giver: str
    holder: str
    powers: list[str]
    state: str = Field(examples=["active"])
    term: int | None
    amount_fen: int
    basis: str
    starts_at: datetime | None
    ends_at: datetime | None


class GrantOut(Out):
    """Powers held here now, by the gateway's own copy of the grants. 现有权力"""

    mandate: str
    affair: str
    area: str
    role: str
    holder: str
    powers: list[str]
    term: int
    starts_at: datetime
    ends_at: datetime | None


class CaseOut(Out):
    """A case. 诉求"""

    id: str
    affair: str
    area: str
    category: str
    channel: str
    state: str = Field(examples=["dispatched"])
    case_term: int = Field(description="How often it has moved, from 1 / 流转次数")
    responsible: str | None = Field(description="责任单位")
    mandate: str | None
    term: int | None
    price_fen: int
    due_at: datetime | None
    yellow_at: datetime | None
    red_at: datetime | None
    card: str | None = Field(description="yellow 黄牌 / red 红牌")
    movement: str | None = Field(description="A handover under way / 在途转办")
    reported_at: datetime | None


class EarmarkOut(Out):
    """Money set aside for a mandate. 专项"""

    mandate: str
    payer: str
    holder: str
    amount_fen: int
    returned_fen: int
    balance_fen: int = Field(description="In the ledger now / 账上余额")
    held_fen: int = Field(description="Held for handovers / 冻结")
    available_fen: int
    state: str


class MoneyOut(Out):
    """An organisation's money. 经费"""

    org: str
    balance_fen: int = Field(description="Free money in the bank / 可自由支配余额")
    held_fen: int
    available_fen: int = Field(description="Balance minus holds / 可用")
    earmarks: list[EarmarkOut]


class CasesOut(Out):
    """Cases of the area. 诉求概况"""

    by_state: dict[str, int]
    yellow: int = Field(description="Open with a yellow card / 黄牌")
    red: int = Field(description="Open with a red card / 红牌")
    open: list[CaseOut] = Field(description="The most urgent first, at most 200 / 按期限排序")


class DepartmentOut(Out):
    """What a department keeps there: premises, files, activities … 部门数据"""

    service: str
    kind: str = Field(examples=["premises"])
    count: int
    by_state: dict[str, int] = Field(description="By what happened to them last / 按最近发生之事")


class FigureOut(Out):
    """How many things of a kind and state there are at a place. 统计"""

    area: str = Field(description="The first digits of the code; empty: nowhere in particular / 区划前几位")
    service: str
    kind: str
    state: str
    count: int


class FiguresOut(Out):
    items: list[FigureOut]
    next: str | None = None
    as_of: dict[str, dict[str, int]] = Field(description="Next offset by topic and partition / 截至位点")


class OverviewOut(Out):
    """All that is known of an area. `missing` names the services that do not answer now. 社区概览"""

    area: str
    organisations: list[OrganisationOut]
    mandates: list[MandateOut]
    grants: list[GrantOut]
    cases: CasesOut
    money: list[MoneyOut]
    departments: list[DepartmentOut] = Field(
        description="People, premises, volunteers … / 人口、用房、志愿等各部门数据"
    )
    missing: list[MissingOut]
    as_of: dict[str, dict[str, int]] = Field(description="Next offset by topic and partition / 截至位点")


class StepOut(Out):
    """One event of the case's life. 环节"""

    event: str = Field(description="Its id / 事件编号")
    type: str = Field(examples=["complaints.case.handed_over.v1"])
    at: datetime
    topic: str
    partition: int
    offset: int
    actor: str | None
    org: str | None
    org_name: str | None
    mandate: str | None
    term: int | None
    authority_offset: int | None
    causation: str | None
    entry: str | None = Field(None, description="The ledger's entry / 分录")
    data: dict[str, Any]


class HoldOut(Out):
    """A hold for the case. 冻结"""

    id: str
    ref: str
    purpose: str
    payer: str
    payee: str | None
    mandate: str | None
    amount_fen: int
    captured_fen: int
    released_fen: int
    state: str
    entry: str | None


class EntryOut(Out):
    """An entry that moved money for the case. 分录"""

    id: str
    kind: str
    cause: str
    memo: str
    event: str
    at: datetime
    lines: list[dict[str, Any]]


class ChainMandateOut(MandateOut):
    """A mandate of the chain, with the money behind it."""

    earmark_fen: int | None = Field(None, description="Set aside / 专项金额")
    funded_by: str | None = Field(None, description="The entry / 拨款分录")


class ChainOut(Out):
    """Who, under which mandate and term, with which ledger entries. 权责与经费链"""

    case: CaseOut
    steps: list[StepOut]
    mandates: dict[str, ChainMandateOut]
    holds: list[HoldOut]
    entries: list[EntryOut]
    paid_fen: int | None
    missing: list[MissingOut]
    as_of: dict[str, dict[str, int]]


class SnapshotOut(Out):
    """What the caller may see now; the stream goes on from `cursor`. 快照"""

    cursor: str = Field(description="As `Last-Event-ID` / 作为 Last-Event-ID 续传")
    truncated: bool
    mandates: list[MandateOut]
    cases: list[CaseOut]
    as_of: dict[str, dict[str, int]]
