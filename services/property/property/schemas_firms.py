"""Requests and answers about firms and their contracts, in Chinese and English."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from property.schemas import AreaText, Code, Fen, Key, Out, Request
from property.schemas_leases import Day

Grade = Literal["first", "second", "third", "unrated"]


class FirmIn(Request):
    """列入物业企业名录 / list a firm, or give it another grade."""

    firm: Key = Field(description="企业的组织编号 / its organisation", examples=["firm-xingfujiayuan"])
    area: AreaText = Field(description="列入何处名录 / where it is listed")
    grade: Grade = Field("unrated", description="资质：一级、二级、三级、未评 / its quality grade")


class StrikeIn(Request):
    """移出名录 / strike it off; contracts that run stay."""

    reason: Literal["at_its_request", "breach", "dissolved"]


class FirmOut(Out):
    """物业企业 / a firm."""

    id: str
    area: str
    grade: str
    listed_at: datetime
    struck_for: str | None
    version: int


class FirmPage(BaseModel):
    """物业企业名录 / the firms."""

    items: list[FirmOut]
    next: str | None = None


class ContractIn(Request):
    """备案物业服务合同 / file a contract."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "estate": "estate-nanguan",
                "firm": "firm-xingfujiayuan",
                "basis": "lump_sum",
                "fee_fen": 40,
                "starts_on": "2026-07-01",
                "ends_on": "2028-07-01",
                "answer_limit": "4 WH",
            }
        }
    )

    estate: Key
    firm: Key
    basis: Literal["lump_sum", "commission"] = Field(description="包干制或酬金制 / how the firm is paid")
    fee_fen: Fen = Field(description="每平方米每月（分）/ for one m² and month, in fen")
    starts_on: Day
    ends_on: Day = Field(description="到期日（当日不含）/ the first day after it")
    answer_limit: Code | None = Field(None, description="报修应答时限，如 4 WH；不填按辖区配置", examples=["4 WH"])
    cuts_utilities: bool = Field(False, description="是否以停水停电催费：不允许 / never allowed")
    meeting: Key | None = Field(None, description="决定选聘的业主大会；前期物业不填 / the meeting that hired it")


class NoticeIn(Request):
    """解聘或不续聘的通知 / notice."""

    kind: Literal["dismissal", "non_renewal"] = Field(description="解聘（提前 60 日）或不续聘（提前 90 日）")
    by: Literal["owners", "firm"] = Field(description="由谁提出 / who gives it")
    ends_on: Day | None = Field(None, description="解聘的终止日 / for a dismissal: the first day after it")
    meeting: Key | None = Field(None, description="作出决定的业主大会（业主提出时必填）/ the meeting that decided it")


class ContractOut(Out):
    """物业服务合同 / a contract."""

    id: str
    estate: str
    area: str
    firm: str
    basis: str
    fee_fen: int
    starts_on: date
    ends_on: date | None = Field(description="空：期满未通知，继续服务 / none: it goes on without an end")
    answer_limit: str | None
    meeting: str | None
    state: str = Field(description="running noticed continued ended")
    notice: str | None
    filed_at: datetime
    version: int


class ContractPage(BaseModel):
    """合同列表，新的在前 / contracts, newest first."""

    items: list[ContractOut]
    next: str | None = None
