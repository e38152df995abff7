"""What there is to see of the switches, and of the grants as this service's replica holds them."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from mandates import store
from mandates import store_switches as switches
from mandates.routes import Id, parts_of
from mandates.schemas_out import AwaitedOut, GrantOut, GrantPage, RoutingOut, SwitchDetail, SwitchOut, SwitchPage
from suizhuan import paging
from suizhuan.authority import grants as granted
from suizhuan.db.tables import authority_state
from suizhuan.db.tables import grants as replica
from suizhuan.identity import Caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant, narrowest_first, route

router = APIRouter()
SWITCHES: list[str | Enum] = ["switches 移交"]
GRANTS: list[str | Enum] = ["grants 权责"]
Filter = Annotated[str | None, Query(max_length=100)]


@router.get("/switches", tags=SWITCHES, summary="移交列表，新的在前 / switches, newest first")
async def list_switches(
    request: Request,
    caller: Caller,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
    state: Filter = None,
    mandate: Filter = None,
    affair: Filter = None,
) -> SwitchPage:
    async with parts_of(request).database.read() as conn:
        try:
            found = await switches.switches(
                conn, after=paging.decode(cursor), limit=limit + 1, state=state, mandate=mandate, affair=affair
            )
        except ValueError:
            raise Refusal("cursor_malformed") from None
    page, following = paging.cut(found, limit, switches.place)
    return SwitchPage(items=[SwitchOut.model_validate(s, from_attributes=True) for s in page], next=following)


@router.get("/switches/{switch}", tags=SWITCHES, summary="移交及其等待的副本 / a switch and whom it waits for")
async def one_switch(switch: Id, request: Request, caller: Caller) -> SwitchDetail:
    async with parts_of(request).database.read() as conn:
        found = await switches.switch(conn, switch)
        if found is None:
            raise Refusal("not_found", what="switch", id=switch)
        awaited = await switches.awaited(conn, switch)
        ready = await switches.cases_ready(conn, switch)
    plain = SwitchOut.model_validate(found, from_attributes=True).model_dump()
    waits = [AwaitedOut.model_validate(a, from_attributes=True) for a in awaited]
    return SwitchDetail(**plain, awaited=waits, cases_ready=ready, on_log=found.on_log)


@router.get("/grants", tags=GRANTS, summary="本服务副本中的权责 / the grants as this replica holds them")
async def grants(
    request: Request,
    caller: Caller,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
    affair: Filter = None,
    area: Filter = None,
    holder: Filter = None,
) -> GrantPage:
    now = parts_of(request).clock.now()
    query = select(replica).where(replica.c.live.is_(True), replica.c.mandate > paging.decode(cursor))
    wanted = {"affair": affair, "area": trim(area) if area else None, "holder": holder}
    for name, value in wanted.items():
        if value is not None:
            query = query.where(replica.c[name] == value)
    async with parts_of(request).database.read() as conn:
        found = [granted.to_grant(r) for r in await conn.execute(query.order_by(replica.c.mandate).limit(limit + 1))]
        as_of, beat_at = await _as_of(conn)
    page, following = paging.cut(found, limit, lambda g: g.mandate)
    return GrantPage(items=[_out(g, now) for g in page], next=following, as_of=as_of, beat_at=beat_at)


@router.get("/routing", tags=GRANTS, summary="谁负责 / who is responsible for an affair at a place")
async def routing(
    request: Request,
    caller: Caller,
    affair: Annotated[str, Query(max_length=100)],
    area: Annotated[str, Query(max_length=40)],
) -> RoutingOut:
    """最长区域前缀优先；主管部门持有根 / the longest prefix wins; the affair's owner holds the root."""
    parts = parts_of(request)
    now, place = parts.clock.now(), trim(area)
    async with parts.database.read() as conn:
        await store.affair(conn, affair)
        found = await granted.covering(conn, affair, place)
        as_of, beat_at = await _as_of(conn)
    lead = route(found, affair, place, now)
    gap = parts.uow.timing.handover_gap
    chain = [_out(g, now, place, gap) for g in narrowest_first(found)]
    return RoutingOut(
        affair=affair,
        area=place,
        responsible=_out(lead, now, place, gap) if lead else None,
        chain=chain,
        as_of=as_of,
        beat_at=beat_at,
    )


async def _as_of(conn: AsyncConnection) -> tuple[int, datetime | None]:
    row = (await conn.execute(select(authority_state))).one_or_none()
    return (0, None) if row is None else (row.sequence, row.beat_at)


def _out(grant: Grant, now: datetime, place: str | None = None, gap: Any = None) -> GrantOut:
    yielding = grant.yields(place, now, gap) if place is not None else None
    return GrantOut(
        mandate=grant.mandate,
        affair=grant.affair,
        area=grant.area,
        role=grant.role,
        holder=grant.holder,
        powers=sorted(grant.powers),
        term=grant.term,
        starts_at=grant.starts_at,
        ends_at=grant.ends_at,
        successor=grant.successor,
        in_time=grant.in_time(now),
        yields_to=(yielding.switch or yielding.mandate) if yielding else None,
    )
