"""The event streams."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from gateway import asof, shared, snapshot
from gateway.callers import bearer_of, reader, sight_of
from gateway.domain import cursor
from gateway.domain.sight import Sight, Wanted, patterns
from gateway.positions import moment_of, resumed, since
from gateway.receipts import STREAM
from gateway.schemas import HubAnswer, SnapshotOut
from gateway.settings import Settings
from gateway.share import Share
from gateway.stream import EventStream, Look, Pace, Streams
from suizhuan.areas import Codes, codes
from suizhuan.identity import Caller, Identity
from suizhuan.kernel.area import trim
from suizhuan.service import Parts

router = APIRouter(tags=["events 事件流"])

From = Annotated[
    str | None,
    Query(
        alias="from",
        max_length=40,
        description="From this date (midnight in Shanghai) or time on, instead of a snapshot / 从某日或某时起",
        examples=["2026-03-02"],
    ),
]
Types = Annotated[
    list[str] | None,
    Query(
        alias="type",
        max_length=50,
        description="Types, with a wildcard at the end; repeated or with commas / 事件类型",
        examples=[["complaints.case.*"]],
    ),
]
Area = Annotated[
    str | None, Query(max_length=15, description="Events in this area / 区域内的事件", examples=["321302002907"])
]
LastEventId = Annotated[
    str | None, Header(max_length=cursor.MAX_TEXT, description="Go on after this event / 从该事件之后续传")
]


@router.get(
    "/events",
    summary="事件流 / live events (SSE)",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "事件流 / an event stream"}},
)
async def events(
    request: Request,
    identity: Caller,
    from_: From = None,
    type_: Types = None,
    area: Area = None,
    last_event_id: LastEventId = None,
) -> Response:
    """With `Last-Event-ID`: everything after that event, on whichever instance. With `from`: everything since then.
    Else a snapshot (`snapshot.mandate`, `snapshot.case`, `snapshot.end`), then everything after it.

    Staff get events in their organisation's areas and those that concern it; services get all. A hub gets all for the
    purpose that its token names, and what that does not cover is null and named in `masked`; each part that it gets
    leaves a receipt. A reader that is too slow is cut and comes back with its last id. Errors: `wrong_kind`,
    `purpose_unknown`, `cursor_malformed`, `moment_malformed`, `filter_malformed`, `area_malformed`,
    `too_many_streams`, `log_unreachable`."""
    share = reader(request, identity)
    own: Settings = request.app.state.own_settings
    parts: Parts = request.app.state.parts
    streams: Streams = request.app.state.streams
    begin = moment_of(from_) if from_ else None
    wanted = Wanted(patterns(type_ or ()), trim(area) if area else None, begin)
    given = cursor.decode(last_event_id, streams.topics) if last_event_id else None
    look = _look(parts, bearer_of(request))
    sight = await _sight(parts, identity)
    streams.take()
    try:
        first: list[bytes] = []
        if given is not None:
            positions = await resumed(parts.broker, given, streams.topics)
        elif begin is not None:
            positions = await since(parts.broker, begin, streams.topics)
        else:
            found, positions = await snapshot.take(
                parts.database,
                parts.broker,
                sight,
                area=wanted.area,
                limit=own.snapshot_rows,
                topics=streams.topics,
            )
            shown = found if share is None else await _given(share, found, wanted.area)
            first = snapshot.blocks(shown)
    except BaseException:
        streams.give_back()
        raise
    pace = Pace(own.stream_heartbeat, own.stream_send_timeout, own.stream_retry)
    purpose, receipts = None, None
    if share is not None:
        purpose, receipts = share.purpose, replace(share.receipts, how=STREAM)
    return _Answer(
        EventStream(streams, look, partial(_codes, parts), sight, wanted, positions, pace, first, purpose, receipts)
    )


@router.get("/events/snapshot", summary="快照 / what can be seen now, and where the stream goes on")
async def snapshot_now(
    request: Request, response: Response, identity: Caller, area: Area = None
) -> SnapshotOut | HubAnswer:
    """The stream's snapshot as one JSON document; `cursor` goes into `Last-Event-ID`. A hub gets what its purpose
    covers, behind a receipt.

    Errors: `wrong_kind`, `purpose_unknown`, `area_malformed`, `log_unreachable`."""
    share = reader(request, identity)
    own: Settings = request.app.state.own_settings
    parts: Parts = request.app.state.parts
    streams: Streams = request.app.state.streams
    sight = await _sight(parts, identity)
    place = trim(area) if area else None
    found, _ = await snapshot.take(
        parts.database,
        parts.broker,
        sight,
        area=place,
        limit=own.snapshot_rows,
        topics=streams.topics,
    )
    response.headers[asof.HEADER] = asof.header(found.as_of)
    return found if share is None else await _given(share, found, place)


async def _given(share: Share, found: SnapshotOut, area: str | None) -> HubAnswer:
    return await share.give(f"/events/snapshot?area={area or ''}", shared.snapshot(share, found))


class _Answer(Response):
    """A response that is an ASGI app of its own."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__()
        self._stream = stream

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        await self._stream(scope, receive, send)


async def _sight(parts: Parts, identity: Identity) -> Sight:
    async with parts.database.read() as conn:
        return await sight_of(conn, identity)


async def _codes(parts: Parts) -> Codes:
    async with parts.database.glance() as conn:
        return await codes(conn)


def _look(parts: Parts, token: str) -> Look:
    async def look() -> Sight:
        return await _sight(parts, await parts.verifier.verify(token))

    return look
