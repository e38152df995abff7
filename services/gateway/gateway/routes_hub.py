"""上联: what a smart-city hub subscribes to, and the receipts of what it was given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, NoReturn

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import store_hub
from gateway.appending import KAFKA, own_topic, there
from gateway.callers import purpose_of
from gateway.domain import cursor
from gateway.domain.purposes import Purpose
from gateway.domain.sight import patterns
from gateway.domain.subscription import ACTIVE, Subscription
from gateway.endpoints import checked, vetted
from gateway.positions import ends, moment_of, resumed, since
from gateway.schemas_hub import (
    PurposeOut,
    PurposesOut,
    ReceiptOut,
    ReceiptPage,
    SubscribeIn,
    SubscriptionOut,
    SubscriptionPage,
    SubscriptionWithSecret,
)
from gateway.settings import Settings
from gateway.signing import secret_of
from gateway.stream import Streams
from suizhuan import paging
from suizhuan.authority import grants as granted
from suizhuan.commands import CommandDep
from suizhuan.context import new_id
from suizhuan.identity import Caller, Identity, caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import holding, route
from suizhuan.service import Parts
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["hub 上联"], dependencies=[Depends(caller)])
Cursor = Annotated[str, Query(alias="cursor", max_length=400, description="上一页的 next / `next` of the page before")]
READ_RECEIPTS, SHARING = "gateway.receipt.read", "gov.data-sharing"


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


@router.get("/purposes", summary="用途目录 / purposes a hub may read for", response_model=PurposesOut)
async def purposes(request: Request, _: Caller) -> PurposesOut:
    """每一用途可见的事件与字段，其余遮蔽 / what each covers; the rest is masked."""
    return PurposesOut(items=[PurposeOut.model_validate(p) for p in _parts(request).profile.hub.purposes])


@router.post("/subscriptions", status_code=201, summary="订阅推送 / subscribe by webhook, or at one's own topic")
async def subscribe(request: Request, command: CommandDep, body: SubscribeIn) -> Response:
    """以机器身份与用途订阅；签名密钥只在此时与更换时给出 / its secret is shown now; signed after Standard Webhooks.

    自某日起、自某一游标起，或从现在起 / from a date, from a cursor (of a snapshot), or from now on.

    Errors: `wrong_kind`, `purpose_unknown`, `endpoint_refused`, `too_many_subscriptions`, `cursor_malformed`,
    `log_unreachable`."""
    purpose = _hub(request, command.identity)
    own: Settings = request.app.state.own_settings
    most = own.max_subscriptions
    kafka = body.url == KAFKA
    url = own_topic(command.identity.subject) if kafka else checked(body.url, inside=own.webhook_inside)
    async with _parts(request).database.glance() as conn:
        full = await store_hub.count(conn, command.identity.subject) >= most
    if full:  # before anything is looked up or read; but a repeat gets its answer again
        return _with_secret(request, await command.run(partial(_no_more, most), status=201))
    await (there(_parts(request).broker, url) if kafka else vetted(url, inside=own.webhook_inside))
    types = patterns(body.types)
    area = trim(body.area) if body.area else None
    begin = moment_of(body.from_) if body.from_ else None
    start = await _start(request, body, begin)

    async def work(tx: Tx) -> SubscriptionOut:
        await store_hub.lock(tx.conn, command.identity.subject)
        if await store_hub.count(tx.conn, command.identity.subject) >= most:
            await _no_more(most, tx)
        made = Subscription(
            id=new_id(),
            hub=command.identity.subject,
            purpose=purpose.code,
            url=url,
            types=types,
            area=area,
            since=begin,
            state=ACTIVE,
            cursor=start,
            generation=1,
            created_at=tx.now,
        )
        await store_hub.add(tx.conn, made)
        return SubscriptionOut.model_validate(made)

    return _with_secret(request, await command.run(work, status=201))


async def _no_more(most: int, _: Tx) -> NoReturn:
    raise Refusal("too_many_subscriptions", limit=most)


async def _start(request: Request, body: SubscribeIn, begin: datetime | None) -> str:
    """Where it begins. Errors: `cursor_malformed`, `log_unreachable`."""
    streams: Streams = request.app.state.streams
    broker = _parts(request).broker
    if body.cursor:
        await resumed(broker, cursor.decode(body.cursor, streams.topics), streams.topics)
        return body.cursor
    found = await since(broker, begin, streams.topics) if begin else await ends(broker, streams.topics)
    return cursor.encode(found)


@router.get("/subscriptions", summary="订阅 / subscriptions", response_model=SubscriptionPage)
async def subscriptions(
    request: Request, identity: Caller, cursor_: Cursor = "", limit: paging.Limit = 50
) -> SubscriptionPage:
    """上联平台只见自己的；有权查阅共享的组织可见全部 / a hub sees its own, who may read receipts all of them."""
    after = paging.decode(cursor_)
    async with _parts(request).database.read() as conn:
        hub = await _whose(request, conn, identity)
        found = await store_hub.page(conn, hub=hub, after=after, limit=limit + 1)
    page, following = paging.cut(found, limit, lambda s: s.id)
    return SubscriptionPage(items=[SubscriptionOut.model_validate(s) for s in page], next=following)


@router.post("/subscriptions/{id_}/resume", summary="恢复 / go on where it stopped")
async def resume(request: Request, command: CommandDep, id_: str) -> Response:
    """停推（parked）的订阅以令牌的用途从中断处继续；推送中且用途不变的不受影响。

    A parked one goes on for its purpose now, nothing left out; one that is at work for that purpose stays as it is."""
    purpose = _hub(request, command.identity)

    async def work(tx: Tx) -> SubscriptionOut:
        after = await _changed(tx, request, command.identity, id_, lambda s: s.resumed(purpose.code))
        return SubscriptionOut.model_validate(after)

    return await command.run(work)


@router.post("/subscriptions/{id_}/secret", summary="更换密钥 / a new secret")
async def rotate(request: Request, command: CommandDep, id_: str) -> Response:
    """旧密钥即时失效 / the old one is used no more."""

    async def work(tx: Tx) -> SubscriptionOut:
        return SubscriptionOut.model_validate(await _changed(tx, request, command.identity, id_, Subscription.rotated))

    return _with_secret(request, await command.run(work))


@router.post("/subscriptions/{id_}/end", summary="终止订阅 / end it")
async def end(request: Request, command: CommandDep, id_: str) -> Response:
    """不再推送 / nothing is pushed any more."""

    async def work(tx: Tx) -> SubscriptionOut:
        return SubscriptionOut.model_validate(await _changed(tx, request, command.identity, id_, Subscription.ended))

    return await command.run(work)


@router.get("/receipts", summary="共享回执 / what was given to whom", response_model=ReceiptPage)
async def receipts(
    request: Request,
    identity: Caller,
    service: Annotated[str | None, Query(max_length=40, description="数据所属服务 / whose data")] = None,
    hub: Annotated[str | None, Query(max_length=200)] = None,
    cursor_: Cursor = "",
    limit: paging.Limit = 50,
) -> ReceiptPage:
    """谁因何用途得到了哪些事件；新的在前 / newest first; a hub sees its own.

    查阅全部须有 gateway.receipt.read；数据所属部门以 `service=` 查阅本服务的，须有 `<service>.receipt.read` /
    power for all: gateway.receipt.read; for those of one service, by `service=`: `<service>.receipt.read`."""
    for word in (service, hub):
        if word is not None and not word.isprintable():
            raise Refusal("invalid_request", reason="not plain text")
    after = paging.decode(cursor_)
    async with _parts(request).database.read() as conn:
        own = await _whose(request, conn, identity, service)
        if own is not None and hub not in (None, own):
            found = []
        else:
            found = await store_hub.receipts(conn, hub=own or hub, service=service, after=after, limit=limit + 1)
    page, following = paging.cut(found, limit, lambda r: str(r["id"]))
    return ReceiptPage(items=[ReceiptOut(**r) for r in page], next=following)


def _hub(request: Request, identity: Identity) -> Purpose:
    """Errors: `wrong_kind`, `purpose_unknown`."""
    purpose = purpose_of(request, identity)
    if purpose is None:
        raise Refusal("wrong_kind")
    return purpose


async def _whose(request: Request, conn: AsyncConnection, identity: Identity, service: str | None = None) -> str | None:
    """The hub whose things are shown; None for all of them, of this service at least.

    Errors: `wrong_kind`, `missing_power`."""
    if identity.kind == "hub":
        return identity.subject
    if identity.kind != "staff" or identity.org is None:
        raise Refusal("wrong_kind")
    parts = _parts(request)
    area, now = parts.profile.root_area, parts.clock.now()
    found = await granted.covering(conn, SHARING, area)
    enough = [READ_RECEIPTS] + ([f"{service}.receipt.read"] if service is not None else [])
    if not any(holding(found, identity.org, power, SHARING, area, now) for power in enough):
        lead = route(found, SHARING, area, now)
        holder = lead.holder if lead else None
        raise Refusal("missing_power", power=READ_RECEIPTS, affair=SHARING, area=area, org=identity.org, holder=holder)
    return None


async def _changed(
    tx: Tx, request: Request, identity: Identity, id_: str, change: Callable[[Subscription], Subscription]
) -> Subscription:
    """Of the hub itself. Errors: `wrong_kind`, `not_found`, `subscription_ended`."""
    _hub(request, identity)
    found = await store_hub.find(tx.conn, id_, lock=True) if id_.isprintable() and len(id_) <= 80 else None
    if found is None or found.hub != identity.subject:
        raise Refusal("not_found", what="subscription", id=id_[:80] if id_.isprintable() else "?")
    after = change(found)
    if after != found:
        await store_hub.save(tx.conn, after)
    return after


def _with_secret(request: Request, answer: Response) -> Response:
    """The secret is added to what was done, also to a repeat of it: what is remembered for repeats holds none."""
    shown = SubscriptionOut.model_validate_json(bytes(answer.body))
    secret = secret_of(request.app.state.webhook_key, shown.id, shown.generation)
    body = SubscriptionWithSecret(**shown.model_dump(), secret=secret).model_dump_json()
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return Response(body, answer.status_code, headers)
