"""Requests and answers about repairs, in Chinese and English."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from property.schemas import AreaText, Code, Key, Line, Out, Phone, Prose, Request

Purpose = Literal["contact", "site_visit", "case_handling", "correction"]


class ContactIn(Request):
    """联系方式，只存于本服务 / how to reach who asks; stays in this service."""

    name: Line | None = None
    phone: Phone | None = None


class RepairIn(Request):
    """报修 / ask for a repair. 无需任何权力 / no power is needed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "estate": "0199…",
                "kind": "lift",
                "description": "2 号楼电梯停运",
                "contact": {"name": "王某", "phone": "13800000000"},
            }
        }
    )

    estate: Key = Field(description="所在小区 / the estate")
    area: AreaText | None = Field(None, description="小区内的网格；不填为小区所在区域 / a grid of it, if known")
    kind: Code = Field(description="报修类别，见 GET /repair-kinds / kind")
    description: Prose = Field(description="情况描述；个人信息 / what it is; treated as personal data")
    address: Line | None = Field(None, description="详细地址；个人信息 / exact address; personal data")
    contact: ContactIn | None = None


class ConfirmationIn(Request):
    """报修人确认 / who asked says whether it is done."""

    done: bool = Field(description="未修好则转诉求 / if not, complaints takes it")


class ActIn(Request):
    """对报修采取行动 / act on a request."""


class RepairOut(Out):
    """报修，不含个人信息 / a repair request, without personal data."""

    id: str
    estate: str
    area: str
    kind: str
    category: str = Field(description="转诉求时的事件类别 / of the case it becomes if need be")
    firm: str | None = Field(description="合同期内的物业企业 / the firm under contract")
    contract: str | None
    state: str = Field(description="requested answered done confirmed referred case turned_away closed")
    due_at: datetime = Field(description="物业企业应答时限 / by when the firm answers")
    requested_at: datetime
    answered_at: datetime | None
    done_at: datetime | None
    confirmed_at: datetime | None
    referred_for: str | None = Field(description="overdue no_firm not_done")
    case: str | None = Field(validation_alias="case_id", description="诉求编号 / its case in complaints")
    turned_away_for: str | None
    outcome: str | None = Field(description="诉求的结果 / how its case ended")
    version: int


class RepairPage(BaseModel):
    """报修列表，新的在前 / repair requests, newest first."""

    items: list[RepairOut]
    next: str | None = None


class RepairPrivateOut(BaseModel):
    """报修人与描述；本次查阅已记录 / who asked, and what for; this read was recorded."""

    repair: str
    purpose: str
    requester: str
    contact_name: str | None
    contact_phone: str | None
    address: str | None
    description: str
    version: int


class RepairKindOut(BaseModel):
    """报修类别 / a kind of repair."""

    code: str
    zh: str
    en: str
    category: str


class RepairKindsOut(BaseModel):
    """辖区配置的报修类别 / the kinds of this jurisdiction."""

    items: list[RepairKindOut]
    answer_limit: str = Field(description="合同未约定时的应答时限 / where the contract does not say")
