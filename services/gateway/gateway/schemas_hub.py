"""Requests and answers of the hub's API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Type = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SubscribeIn(BaseModel):
    """订阅推送 / what is pushed, and where."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "example": {
                "url": "https://hub.example.org/suizhuan",
                "types": ["complaints.case.*"],
                "area": "321302002",
                "from": "2026-03-02",
            }
        },
    )

    url: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(
        description="公网 https 地址；`kafka:` 为专用主题 / a public https address; `kafka:` for the hub's own topic"
    )
    types: Annotated[list[Type], Field(max_length=50)] = Field(
        default_factory=list, description="事件类型，可用通配；空为全部 / types, with wildcards; none: all"
    )
    area: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = Field(
        None, description="区域（含下级）/ this area and all in it"
    )
    from_: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = Field(
        None, alias="from", description="自某日或某时起 / from this date or time on"
    )
    cursor: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        None, description="快照或事件流给出的位置 / a position that a snapshot or a stream gave"
    )


class SubscriptionOut(BaseModel):
    """订阅及其推送情况 / a subscription, and how it goes."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    hub: str
    purpose: str
    url: str
    types: list[str]
    area: str | None
    since: datetime | None
    state: str = Field(description="active parked ended")
    cursor: str = Field(description="已送达到的位置 / everything before it was taken")
    created_at: datetime
    failing_since: datetime | None = Field(description="自何时起送不到 / since when its endpoint does not answer")
    attempts: int
    next_at: datetime | None = Field(description="下次尝试 / when it is tried again")
    why: str | None = Field(
        description="最近一次失败的原因，或停推的错误码 / why it was not taken, or the code for which it stands still"
    )
    delivered: int
    generation: int = Field(description="第几个签名密钥 / which secret of its: from 1, one more with each new one")
    version: int


class SubscriptionWithSecret(SubscriptionOut):
    """连同签名密钥 / with the secret that its receiver verifies with."""

    secret: str = Field(description="Standard Webhooks: whsec_…")


class SubscriptionPage(BaseModel):
    items: list[SubscriptionOut]
    next: str | None = None


class ReceiptOut(BaseModel):
    """一份回执：某分区内一段事件，或一次综合查询中某主题的数据，何时因何用途给了谁 / events of a partition, or what was
    of a topic in a composed answer: given to which hub, and why."""

    id: str
    hub: str
    purpose: str
    how: str = Field(description="stream webhook kafka read")
    subscription: str | None
    what: str | None = Field(
        description="综合查询的内容 / which composed answer", examples=["/communities/321302002907"]
    )
    service: str
    topic: str
    partition: int | None
    first_offset: int | None
    last_offset: int | None
    events: int = Field(description="事件数，综合查询为条目数 / events, in a composed answer things")
    masked: int = Field(description="其中有字段被遮蔽的 / how many of them had masked fields")
    at: datetime


class ReceiptPage(BaseModel):
    items: list[ReceiptOut]
    next: str | None = None


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    types: list[str]
    fields: list[str] | None


class _Words(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    zh: str
    en: str


class PurposeOut(BaseModel):
    """一种用途 / a purpose, and what it covers."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: _Words
    sharing: str = Field(description="unconditional 无条件共享 / conditional 有条件共享")
    shows: list[_Shown]


class PurposesOut(BaseModel):
    items: list[PurposeOut]
