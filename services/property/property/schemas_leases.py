"""Requests and answers about leases, in Chinese and English."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from property.domain.lease import Due
from property.domain.periods import LATEST_DUE_DAY
from property.schemas import Fen, Key, Line, Out, Phone, Request, Use
from property.store_leases import Answer

Day = Annotated[date, Field(ge=date(1990, 1, 1), le=date(2200, 1, 1))]
Purpose = Literal["contact", "collection", "site_visit", "correction"]


class LesseeIn(Request):
    """承租人，只存于本服务；身份证号或统一社会信用代码二选一 / the lessee; stays here. One of two numbers."""

    name: Line
    phone: Phone | None = None
    identity_number: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="身份证号（个人）/ of a person"
    )
    credit_code: Annotated[str, Field(max_length=40)] | None = Field(
        None, description="统一社会信用代码（单位）/ of a firm"
    )


class LeaseIn(Request):
    """订立租约 / conclude a lease. 出租方为操作者所在组织 / the lessor is the caller's organisation."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "premise": "shop-fuxiao-1",
                "lessee": {"name": "王某", "phone": "13800000000", "identity_number": "11010519491231002X"},
                "use": "commerce",
                "rent_fen": 150000,
                "every": "month",
                "starts_on": "2026-07-01",
                "ends_on": "2028-07-01",
                "due_day": 5,
            }
        }
    )

    premise: Key
    lessee: LesseeIn
    use: Use = Field(description="承租用途 / what the lessee uses it for")
    hazardous_goods: bool = Field(False, description="是否存放危险品；人防工程不得存放 / never in air-defence space")
    rent_fen: Fen = Field(description="每期租金（分）/ for each period, in fen")
    every: Literal["month", "quarter", "year"] = Field(description="按月、季、年 / the period")
    starts_on: Day
    ends_on: Day = Field(description="到期日（当日不含）/ the first day after it")
    due_day: Annotated[int, Field(ge=1, le=LATEST_DUE_DAY, strict=True)] = Field(
        description="每期首日所在月的几日应付 / day of the month in which the period begins"
    )
    prepaid: bool = Field(False, description="已一次预付：逐期确认为收入 / paid beforehand: income period by period")


class PaymentIn(Request):
    """收到一期租金 / the rent of one period has come."""

    due: Annotated[int, Field(ge=1, le=10_000, strict=True)] = Field(description="第几期 / which period")


class CutIn(Request):
    """提前终止 / end it before its time."""

    on: Day = Field(description="终止日（当日不含），不早于今日 / the first day after it; today or later")
    reason: Literal["agreed", "breach", "requisition", "unsafe"] = Field(description="协商、违约、征收、不安全 / why")


class LeaseOut(Out):
    """租约，不含个人信息 / a lease, without personal data."""

    id: str
    premise: str
    area: str
    kind: str
    lessor: str
    lessee: str = Field(description="承租人编号 / an id; who it is stands under /leases/{id}/lessee")
    use: str
    rent_fen: int
    every: str
    starts_on: date
    ends_on: date
    due_day: int
    prepaid: bool
    state: str = Field(description="active ended")
    next_period: int = Field(description="下一期 / the first period that is not billed yet")
    cut_for: str | None
    concluded_at: datetime
    version: int


class LeasePage(BaseModel):
    """租约列表，新的在前 / leases, newest first."""

    items: list[LeaseOut]
    next: str | None = None


class DueOut(BaseModel):
    """一期应收租金 / the rent of one period."""

    number: int
    bill: str
    begins: date
    until: date
    amount_fen: int
    state: str = Field(description="issued received withdrawn")
    issued_at: datetime
    settled_at: datetime | None
    finance: str | None = Field(
        description="经费服务：booked 已入账、paid 已收款、released 已冲回 / what finance has done"
    )
    entry: str | None = Field(description="分录 / its entry in the ledger")

    @staticmethod
    def of(due: Due, answer: Answer | None) -> DueOut:
        shown: dict[str, Any] = asdict(due)
        del shown["lease"]
        return DueOut(**shown, finance=answer.state if answer else None, entry=answer.entry if answer else None)


class DuePage(BaseModel):
    """应收租金，旧的在前 / what is due, oldest first."""

    items: list[DueOut]
    next: str | None = None


class LesseeOut(BaseModel):
    """承租人；本次查阅已记录 / who the lessee is; this read was recorded."""

    lease: str
    purpose: str
    name: str
    phone: str | None
    number: str
    version: int
