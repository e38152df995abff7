"""The live stream over Server-Sent Events: a snapshot, then every event, in the order of each partition.

One log reader per client, pulled: nothing is fetched before the last piece was taken, so a client costs one batch
at most, and one that does not take its piece in time is cut. The id of each event is the position after it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.types import Message, Receive, Scope, Send

from gateway.domain import cursor
from gateway.domain.cursor import TOPICS, Positions
from gateway.domain.purposes import Purpose
from gateway.domain.sight import Sight, Wanted
from gateway.hub_view import as_json, encoded
from gateway.receipts import Given, Receipts
from suizhuan.areas import Codes
from suizhuan.authority.records import BEAT
from suizhuan.cloudevents import Event, decode
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Log, LogReader, LogUnavailable, Record, TopicPartition

log = structlog.get_logger(__name__)

BATCH = 200
PIECE_BYTES = 32_768
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
# Verifies the caller's token again and gives what it may see now. Errors: the refusals of a token.
Look = Callable[[], Awaitable[Sight]]
Known = Callable[[], Awaitable[Codes]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between heartbeats, for taking one piece, and before a reader comes back."""

    heartbeat: float
    send_timeout: float
    retry: float


class Streams:
    """Counts the open streams of this process; `topics` are those that a stream reads."""

    def __init__(self, broker: Log, limit: int, topics: tuple[str, ...] = TOPICS) -> None:
        self.broker = broker
        self.topics = topics
        self.limit = limit
        self.open = 0

    def take(self) -> None:
        """Errors: `too_many_streams`."""
        if self.open >= self.limit:
            raise Refusal("too_many_streams", limit=self.limit, retry_after=5)
        self.open += 1

    def give_back(self) -> None:
        self.open -= 1


def block(event: str, data: Mapping[str, Any], id_: str | None = None) -> bytes:
    """One event in the form of an event stream. JSON has no line breaks of its own, so one line of data is enough."""
    head = f"id: {id_}\n" if id_ is not None else ""
    return f"{head}event: {event}\ndata: ".encode() + encoded(data) + b"\n\n"


def bundled(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole blocks together, about `PIECE_BYTES` at a time."""
    piece = bytearray()
    for one in blocks:
        if piece and len(piece) + len(one) > PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
        piece += one
    if piece:
        yield bytes(piece)


class EventStream:
    """The response. `snapshot` comes first where there is one; `positions` is where the stream goes on."""

    def __init__(
        self,
        streams: Streams,
        look: Look,
        known: Known,
        sight: Sight,
        wanted: Wanted,
        positions: Positions,
        pace: Pace,
        snapshot: list[bytes] | None = None,
        purpose: Purpose | None = None,
        receipts: Receipts | None = None,
    ) -> None:
        self.streams = streams
        self.look = look
        self.known = known
        self.sight = sight
        self.wanted = wanted
        self.positions = positions
        self.pace = pace
        self.snapshot = snapshot or []
        self.purpose = purpose
        self.receipts = receipts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until the client goes, is too slow, or its token is not good any more."""
        try:
            await self._respond(receive, send)
        finally:
            self.streams.give_back()

    async def _respond(self, receive: Receive, send: Send) -> None:
        leaving = asyncio.ensure_future(_gone(receive))
        sending = asyncio.ensure_future(self._send_all(send))
        try:
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                await sending
        finally:
            for task in (leaving, sending):
                task.cancel()
            await asyncio.gather(leaving, sending, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(HEADERS)})
        try:
            async for piece in self._pieces():
                async with asyncio.timeout(self.pace.send_timeout):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await asyncio.sleep(0)  # a send that need not wait lets nobody say that the client has gone
        except TimeoutError:
            log.info("stream_cut", reason="the reader is too slow")
            return  # unfinished: the server breaks the connection, and the reader comes back where it was
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.pace.send_timeout):
                await send(_LAST)

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        yield f"retry: {int(self.pace.retry * 1000)}\n\n".encode()
        for piece in bundled(self.snapshot):
            yield piece
        try:
            # What a resumed reader has, it has; this tells a new one where it begins.
            yield f": from\nid: {cursor.encode(self.positions)}\n\n".encode()
            async with contextlib.aclosing(self._events()) as events:
                async for piece in events:
                    yield piece
        except LogUnavailable:
            yield b": the log cannot be read now\n\n"
        except Refusal as refusal:
            yield f": {refusal.code}\n\n".encode()

    async def _events(self) -> AsyncGenerator[bytes, None]:
        reader = await self.streams.broker.reader(
            {TopicPartition(topic, p): offset for (topic, p), offset in self.positions.items()}
        )
        try:
            async with contextlib.aclosing(self._from(reader)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await reader.close()

    async def _from(self, reader: LogReader) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        looked = spoke = loop.time()
        while True:
            batch = await reader.poll(timeout=self.pace.heartbeat, max_records=BATCH)
            now = loop.time()
            if now - looked >= self.pace.heartbeat:
                self.sight, looked = await self.look(), now
            blocks, given = await self._taken(batch)
            if self.receipts is not None:
                await self.receipts.note(given)
            for piece in bundled(blocks):
                spoke = now
                yield piece
            if now - spoke >= self.pace.heartbeat:
                spoke = now
                yield f": heartbeat\nid: {cursor.encode(self.positions)}\n\n".encode()

    async def _taken(self, batch: Mapping[TopicPartition, list[Record]]) -> tuple[list[bytes], list[Given]]:
        """The blocks of a batch. A position moves with every record, also with those that are not shown.

        An event keeps the code of its day: that, what is wanted and what is seen are compared by those of today."""
        codes: Codes | None = None  # beats come all the time, and for them nobody asks
        pieces, given = [], []
        for tp in sorted(batch):
            for record in batch[tp]:
                self.positions[tp.topic, tp.partition] = record.offset + 1
                event = readable(record)
                if event is None:
                    continue
                if codes is None:
                    codes = await self.known()
                    wanted, sight = self.wanted.today(codes.now), self.sight.today(codes.now)
                area = place_of(event, codes)
                if wanted.takes(event.type, area, event.time) and sight.sees(area, event.attribute("org"), event.data):
                    body = as_json(event, self.purpose)
                    given.append(Given(event, len(body.get("masked", ()))))
                    pieces.append(block(event.type, body, cursor.encode(self.positions)))
        return pieces, given


def place_of(event: Event, codes: Codes) -> str | None:
    """The area of an event by the code that it has now, under whatever code it was said."""
    said = event.attribute("area")
    return codes.now(said) if said is not None else None


def readable(record: Record) -> Event | None:
    """The event, unless it is a beat or nobody can read it."""
    try:
        event = decode(record)
    except Refusal:
        return None
    return None if event.name == BEAT else event


_LAST: Message = {"type": "http.response.body", "body": b"", "more_body": False}


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
