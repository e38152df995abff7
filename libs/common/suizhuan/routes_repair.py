"""Dead letters over HTTP: seen and put right by whoever holds the power to run the platform."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi import Response as HttpResponse
from pydantic import BaseModel, ConfigDict, Field

from suizhuan import deadletter, paging
from suizhuan.commands import CommandDep
from suizhuan.identity import Caller, caller
from suizhuan.kernel.refusal import Refusal
from suizhuan.repair import Action, Repairs
from suizhuan.unit_of_work import Tx

OPERATIONS = "gov.operations"
router = APIRouter(tags=["operations 运行"], dependencies=[Depends(caller)])


class DeadLetterOut(BaseModel):
    """一条死信，不含内容 / a dead letter, without its data."""

    id: int
    consumer: str
    topic: str
    partition: int
    offset: int
    state: str = Field(description="dead：失败；parked：排在同一键的失败之后 / waits behind a dead one of its key")
    code: str
    reason: str
    seen_at: datetime


class DeadLettersOut(BaseModel):
    items: list[DeadLetterOut]
    next: str | None = None


class ResolutionIn(BaseModel):
    """如何处理 / what to do."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"action": "redrive", "reason": "处理程序已修复"}]}
    )

    action: Action = Field(description="redrive 重试；skip 跳过；discard 放弃该键全部 / give up all of its key")
    reason: str = Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$", description="原因 / why")


class ResolutionOut(BaseModel):
    """结果 / what came of it."""

    consumer: str
    topic: str
    action: str
    handled: int = Field(description="已生效 / took effect")
    dropped: int = Field(description="已放弃 / never will")
    left: int = Field(description="仍在等待 / still wait")


@router.get("/dead-letters", response_model=DeadLettersOut, summary="死信 / dead letters")
async def dead_letters(
    request: Request, identity: Caller, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> DeadLettersOut:
    """无法处理的事件及其后排队者 / events that could not be handled, and those that wait behind them."""
    if identity.kind != "staff":
        raise Refusal("wrong_kind")
    after = paging.decode(cursor)
    if after and not after.isdigit():
        raise Refusal("cursor_malformed")
    async with request.app.state.parts.database.read() as conn:
        found = await deadletter.page(conn, after=int(after or 0), limit=limit + 1)
    items, following = paging.cut([DeadLetterOut(**row) for row in found], limit, lambda row: str(row.id))
    return DeadLettersOut(items=items, next=following)


@router.post("/dead-letters/{letter}/resolution", response_model=ResolutionOut, summary="处理死信 / put one right")
async def resolve(
    request: Request, command: CommandDep, letter: Annotated[int, Path(ge=1, le=2**63 - 1)], body: ResolutionIn
) -> HttpResponse:
    """需平台运行权力，并留下审计事件 / wants the power to run the platform; leaves an audit event."""
    repairs: Repairs = request.app.state.repairs
    parts: Any = request.app.state.parts

    async def work(tx: Tx) -> ResolutionOut:
        if command.identity.kind != "staff":
            raise Refusal("wrong_kind")
        await tx.act(f"{parts.name}.events.repair", OPERATIONS, parts.profile.root_area)
        done = await repairs.resolve(tx, letter, body.action, body.reason)
        return ResolutionOut(
            consumer=done.consumer,
            topic=done.topic,
            action=done.action,
            handled=done.handled,
            dropped=done.dropped,
            left=done.left,
        )

    return await command.run(work)
