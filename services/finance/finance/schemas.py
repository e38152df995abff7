"""What the API of finance takes and gives. Money is integer fen; debit positive, credit negative."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LineIn(Strict):
    """一行分录：借为正，贷为负 / one line: debit positive, credit negative."""

    org: str = Field(max_length=80, examples=["community-nanguan"])
    account: str = Field(max_length=20, examples=["102"])
    amount_fen: Any = Field(description="整数分，非零 / whole fen, not 0", examples=[120000])


class PostEntry(Strict):
    """记一笔平衡的分录 / post one balanced entry."""

    memo: str = Field(max_length=200, examples=["办公用品"])
    lines: list[LineIn] = Field(min_length=2, max_length=200)
    approved_by: str = Field(max_length=80, description="审核人，须不同于记账人 / approver, not the bookkeeper")


class Allocate(Strict):
    """把预算安排给一个组织 / allocate a budget to an organisation."""

    to: str = Field(max_length=80, examples=["dept-sanitation"])
    amount_fen: Any = Field(description="整数分，大于 0 / whole fen above 0", examples=[5000000])
    memo: str = Field(default="预算安排", max_length=200)


class LineOut(BaseModel):
    org: str
    account: str
    earmark: str | None
    amount_fen: int


class EntryOut(BaseModel):
    entry: str
    kind: str
    memo: str
    cause: str
    case: str | None
    mandate: str | None
    posted_by: str
    at: datetime
    lines: list[LineOut]


class BillOut(BaseModel):
    """其他部门的单据：应收收入或委托内的支出 / a bill of another department: income due, or a cost under a mandate."""

    model_config = ConfigDict(from_attributes=True)

    service: str
    bill: str
    kind: str = Field(description="income 收入 / cost 支出")
    org: str = Field(description="收入归属或专项持有组织 / whose income, or who holds the earmark")
    mandate: str | None = Field(description="支出所依据的委托 / the mandate whose earmark pays")
    what: str
    amount_fen: int
    paid_fen: int
    state: str = Field(description="held booked paid released refused")
    version: int


class BillPage(BaseModel):
    """单据列表 / bills."""

    items: list[BillOut]
    next: str | None = None


class EarmarkOut(BaseModel):
    mandate: str
    payer: str
    holder: str
    basis: str
    state: str
    amount_fen: int
    captured_fen: int
    returned_fen: int
    held_fen: int
    available_fen: int


class MoneyOut(BaseModel):
    org: str
    balance_fen: int
    held_fen: int
    available_fen: int
    earmarks: list[EarmarkOut]


class Item(BaseModel):
    account: str
    zh: str
    en: str
    memo: str
    amount_fen: int


class Statement(BaseModel):
    """收支表 / the year's income and spending. `change_fen` is income minus spending."""

    org: str
    year: int
    income: list[Item]
    spending: list[Item]
    income_fen: int
    spending_fen: int
    change_fen: int
    apart: list[str] = Field(description="账目分开、未计入的单位 / entities with books of their own, never added")


class PageOut(BaseModel):
    items: list[Any]
    next: str | None = None
