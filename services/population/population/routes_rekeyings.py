"""Areas that get other codes: announced here; they take effect everywhere by one switch of mandates."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from population import desk, store, store_rekeyings
from population.domain.area import GRID
from population.domain.facts_rekeying import AreaMove, NewArea
from population.domain.powers import DIVISIONS, REKEY_AREA
from population.domain.rekeying import announce
from population.routes_areas import parts_of, rules_of
from population.schemas_rekeyings import RekeyingIn, RekeyingOut, RekeyingPage
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.rekeying import common
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["rekeyings 区划调整"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/rekeyings", status_code=201, response_model=RekeyingOut, summary="公布区划调整 / Announce a re-keying")
async def announce_rekeying(request: Request, command: CommandDep, body: RekeyingIn) -> Response:
    """拆分、合并、改号；权力按包含全部代码的区域判断 / a split, a merge, other numbers; under the power over the
    narrowest area that contains all of the codes."""
    root = rules_of(request).profile.root_area

    async def work(tx: Tx) -> RekeyingOut:
        moves = [AreaMove(old=trim(m.old), new=trim(m.new), heir=m.heir, buildings=m.buildings) for m in body.moves]
        names = [NewArea(area=trim(a.area), name=a.name, name_en=a.name_en) for a in body.areas]
        authority = await desk.act(tx, command, REKEY_AREA, DIVISIONS, _within(moves, names, root))
        if (under_way := await store_rekeyings.announced(tx.conn)) is not None:
            raise Refusal("rekeying_under_way", rekeying=under_way.id)
        register = await store_rekeyings.register(tx.conn)
        change = announce(new_id(), moves, names, register, root=root, now=tx.now)
        await _stand_there(tx, moves)
        return RekeyingOut.of(await store.rekeyings.add(tx, change, authority))

    return await desk.carry_out(command, work, status=201)


@router.get("/rekeyings", response_model=RekeyingPage, summary="区划调整列表 / List re-keyings")
async def list_rekeyings(request: Request, cursor: paging.Cursor = "", limit: paging.Limit = 50) -> RekeyingPage:
    """最新的在前 / the newest first."""
    async with parts_of(request).database.read() as conn:
        found = await store_rekeyings.listed(conn, paging.decode(cursor), limit + 1)
    page, following = paging.cut(found, limit, lambda one: one.id)
    return RekeyingPage(items=[RekeyingOut.of(one) for one in page], next=following)


@router.get("/rekeyings/{rekeying_id}", response_model=RekeyingOut, summary="区划调整 / A re-keying")
async def get_rekeying(request: Request, response: Response, rekeying_id: str) -> RekeyingOut:
    """`ETag` 为版本 / is its version."""
    async with parts_of(request).database.read() as conn:
        found = await store.rekeyings.get(conn, desk.key_of(rekeying_id, "rekeying"))
    response.headers["ETag"] = etag(found.version)
    return RekeyingOut.of(found)


def _within(moves: list[AreaMove], names: list[NewArea], root: str) -> str:
    """Errors: `area_outside`."""
    codes = [code for move in moves for code in (move.old, move.new)] + [name.area for name in names]
    for code in codes:
        if not code.startswith(root):
            raise Refusal("area_outside", area=code, root=root)
    return common(codes)


async def _stand_there(tx: Tx, moves: list[AreaMove]) -> None:
    """Errors: `elsewhere`."""
    for move in moves:
        if len(move.old) == GRID and move.buildings:
            there = await store_rekeyings.standing_in(tx.conn, move.old, move.buildings)
            if away := sorted(set(move.buildings) - there):
                raise Refusal("elsewhere", what="building", id=away[0], grid=move.old)
