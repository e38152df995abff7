"""What other departments have asked of finance, and what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from finance import schemas, store_bills
from finance.domain.bill import STATES, Bill
from suizhuan import paging
from suizhuan.identity import Caller
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Parts

router = APIRouter(tags=["bills 单据"])
Name = Annotated[str | None, Query(max_length=80)]


@router.get("/bills", summary="单据 / bills of the departments", response_model=schemas.BillPage)
async def bills(
    request: Request,
    _: Caller,
    service: Name = None,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(STATES))] = None,
    org: Name = None,
    mandate: Name = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> schemas.BillPage:
    """按服务、状态、组织、委托筛选 / by service, state, organisation and mandate."""
    if state is not None and state not in STATES:
        raise Refusal("invalid_request", reason="state")
    wanted = {"service": service, "state": state, "org": org, "mandate": mandate}
    if any(value is not None and not value.isprintable() for value in wanted.values()):
        raise Refusal("invalid_request", reason="not plain text")
    parts: Parts = request.app.state.parts
    first, _colon, second = paging.decode(cursor).partition(":")
    async with parts.database.read() as conn:
        found = await store_bills.page(conn, wanted, after=(first, second), limit=limit + 1)
    page, following = paging.cut(found, limit, lambda bill: bill.key)
    return schemas.BillPage(items=[_out(bill) for bill in page], next=following)


@router.get("/bills/{service}/{bill}", summary="一张单据 / one bill", response_model=schemas.BillOut)
async def bill(request: Request, _: Caller, service: str, bill: str) -> schemas.BillOut:
    """Errors: `not_found`."""
    parts: Parts = request.app.state.parts
    found = None
    if service.isprintable() and bill.isprintable():
        async with parts.database.read() as conn:
            found = await store_bills.one(conn, service[:80], bill[:200])
    if found is None:
        raise Refusal("not_found", what="bill", id=f"{service[:40]}/{bill[:40]}")
    return _out(found)


def _out(bill: Bill) -> schemas.BillOut:
    return schemas.BillOut.model_validate(bill)
