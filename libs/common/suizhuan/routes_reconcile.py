"""What of a restored database is behind its log, over HTTP: seen, and reconciled by who may run the platform."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from suizhuan import ahead, paging
from suizhuan.commands import CommandDep
from suizhuan.identity import Caller, caller
from suizhuan.kernel.refusal import Refusal
from suizhuan.reconcile import Reconciler
from suizhuan.routes_repair import OPERATIONS
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["operations 运行"], dependencies=[Depends(caller)])


class BehindOut(BaseModel):
    """一个落后于日志而被锁定的对象 / an aggregate that is behind the log, and locked."""

    topic: str
    key: str
    events: int = Field(description="日志多出的事件数 / events that the log has more")
    sequence: int = Field(description="日志中的最新版本 / the newest version on the log")


class LogAheadOut(BaseModel):
    items: list[BehindOut]
    next: str | None = None


class ReconciliationIn(BaseModel):
    """如何核对 / what to do."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"action": "adopt", "reason": "已从昨夜备份恢复"}]}
    )

    action: Literal["adopt", "reverse"] = Field(
        description="adopt 采纳日志（全部）；reverse 撤回一个对象 / take all of the log over; take one aggregate back"
    )
    reason: str = Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$", description="原因 / why")
    topic: str | None = Field(default=None, max_length=120, description="仅 reverse / with reverse only")
    key: str | None = Field(default=None, max_length=300, description="仅 reverse / with reverse only")


class ReconciliationOut(BaseModel):
    """结果 / what came of it."""

    action: str
    events: int = Field(description="已处理的事件 / events dealt with")
    left: int = Field(description="仍锁定的事件 / events that still lock")
    at: str | None = Field(description="停在哪一事件 / the event at which it had to stop")
    why: str | None = Field(description="为何停下 / why it had to stop")


@router.get("/log-ahead", response_model=LogAheadOut, summary="落后于日志的对象 / what is behind the log")
async def log_ahead(
    request: Request, identity: Caller, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> LogAheadOut:
    """恢复后，日志比数据库多知道的对象，核对前均锁定 / after a restore: locked until they are reconciled."""
    if identity.kind != "staff":
        raise Refusal("wrong_kind")
    topic, separator, key = paging.decode(cursor).partition(" ")
    if cursor and not separator:
        raise Refusal("cursor_malformed")
    async with request.app.state.parts.database.read() as conn:
        found = await ahead.aggregates(conn, after=(topic, key), limit=limit + 1)
    items, following = paging.cut(
        [BehindOut(**row._mapping) for row in found], limit, lambda row: f"{row.topic} {row.key}"
    )
    return LogAheadOut(items=items, next=following)


@router.post("/reconciliation", response_model=ReconciliationOut, summary="核对 / reconcile with the log")
async def reconcile(request: Request, command: CommandDep, body: ReconciliationIn) -> ReconciliationOut:
    """需平台运行权力，并留下审计事件 / wants the power to run the platform; leaves an audit event."""
    reconciler: Reconciler = request.app.state.reconciler
    parts: Any = request.app.state.parts
    if command.identity.kind != "staff":
        raise Refusal("wrong_kind")

    async def allowed(tx: Tx) -> None:
        await tx.act(f"{parts.name}.events.repair", OPERATIONS, parts.profile.root_area)

    await parts.uow.decide(command.context, allowed)
    if body.action == "adopt":
        done = await reconciler.adopt(command.context, body.reason)
    elif body.topic is None or body.key is None:
        raise Refusal("invalid_request", reason="topic, key")
    else:
        done = await reconciler.reverse(command.context, body.topic, body.key, body.reason)
    return ReconciliationOut(action=done.action, events=done.events, left=done.left, at=done.at, why=done.why)
