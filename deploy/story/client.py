"""A caller of the gateway: tokens, commands, and the event stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx

Json = dict[str, Any]

NOWHERE = "999999"  # an area of nobody: only the place in the stream is wanted, not what is there
SILENCE_S = 60.0  # the stream sends a heartbeat more often than this
RETRY_S = 0.5
AWAY = (502, 503, 504)  # whoever would answer is away, or has not caught up yet


class ProblemAnswer(Exception):
    """The platform said no: the problem details and the status."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body.get('code')}: {body.get('detail')}")
        self.status = status
        self.body = body
        self.code = str(body.get("code"))


@dataclass(slots=True)
class Caller:
    """Somebody with a token. Every command has a key, so it can be said again until it is answered: for `patience`
    seconds while nobody is there to answer.
    """

    http: httpx.AsyncClient
    token: str
    name: str
    patience: float = 0.0

    async def get(self, path: str, **params: str) -> Json:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> Json:
        return await self._ask("POST", path, json=body or {}, headers={"Idempotency-Key": key or str(uuid4())})

    async def _ask(self, method: str, path: str, **how: Any) -> Json:
        headers = {"Authorization": f"Bearer {self.token}", **how.pop("headers", {})}
        until = time.monotonic() + self.patience
        while True:
            try:
                answer = await self.http.request(method, path, headers=headers, **how)
            except httpx.TransportError:
                if time.monotonic() >= until:
                    raise
            else:
                if answer.status_code < 400:
                    return dict(answer.json())
                if answer.status_code not in AWAY or time.monotonic() >= until:
                    raise ProblemAnswer(answer.status_code, _body(answer.content))
            await asyncio.sleep(RETRY_S)  # the pace of asking again


def _body(content: bytes) -> Json:
    try:
        return dict(json.loads(content))
    except ValueError:
        return {"code": "not_json", "detail": content[:200].decode(errors="replace")}


@dataclass(slots=True)
class Seen:
    """An event as it came over the stream."""

    id: str
    type: str
    key: str
    data: Json
    raw: Json

    @property
    def name(self) -> str:
        return self.type.rsplit(".v", 1)[0]


@dataclass(slots=True)
class Listener:
    """Follows the event stream from now on and lets others wait for what comes."""

    seen: list[Seen] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _failed: BaseException | None = None

    async def wait(self, name: str, matches: Callable[[Seen], bool] = lambda _: True, *, timeout: float = 30.0) -> Seen:
        """The first event of that name that matches, whether it came already or not.

        Errors: TimeoutError; ConnectionError when the stream was refused.
        """
        async with asyncio.timeout(timeout):
            while True:
                news = self._news
                for event in self.seen:
                    if event.name == name and matches(event):
                        return event
                if self._failed is not None:
                    raise ConnectionError(f"the event stream ended: {self._failed!r}")
                await news.wait()

    def add(self, event: Seen) -> None:
        self.seen.append(event)
        news, self._news = self._news, asyncio.Event()
        news.set()

    def fail(self, error: BaseException) -> None:
        self._failed = error
        self._news.set()


class Client:
    """The gateway at `base`, and the demonstration issuer that signs people in. `patience` is that of its callers."""

    def __init__(self, base: str, issuer: str | None = None, *, patience: float = 0.0) -> None:
        self.patience = patience
        self.base = base.rstrip("/")
        self.issuer = (issuer or f"{self.base}/demo-issuer").rstrip("/")
        self.http = httpx.AsyncClient(base_url=self.base, timeout=30.0)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def sign_in(self, subject: str) -> Caller:
        """A person of the demonstration, with a token of its issuer. Errors: httpx.HTTPError."""
        return await self._signed_in(subject, {"subject": subject})

    async def sign_in_program(self, client: str, secret: str) -> Caller:
        """A program, with its own credentials. Errors: httpx.HTTPError."""
        return await self._signed_in(
            client, {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        )

    async def _signed_in(self, name: str, form: dict[str, str]) -> Caller:
        answer = await self.http.post(f"{self.issuer}/token", data=form)
        return Caller(self.http, str(answer.raise_for_status().json()["access_token"]), name, self.patience)

    @asynccontextmanager
    async def listening(self, hub: Caller) -> AsyncIterator[Listener]:
        """Every event from now on, also over breaks: the stream is taken up again where it was.

        Errors: ProblemAnswer, httpx.HTTPError when it cannot be had at all.
        """
        listener = Listener()
        begin = str((await hub.get("/events/snapshot", area=NOWHERE))["cursor"])
        task = asyncio.create_task(self._follow(hub, listener, begin))
        try:
            yield listener
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self, hub: Caller, listener: Listener, cursor: str) -> None:
        while True:
            headers = {"Authorization": f"Bearer {hub.token}", "Last-Event-ID": cursor}
            try:
                async with self.http.stream("GET", "/events", headers=headers, timeout=SILENCE_S) as answer:
                    if answer.status_code != 200:
                        raise ProblemAnswer(answer.status_code, _body(await answer.aread()))
                    async for after, event in _frames(answer):
                        cursor = after or cursor
                        if event is not None:
                            listener.add(event)
            except httpx.TransportError:
                pass  # the gateway is away: it is asked again, from the same place
            except ProblemAnswer as no:
                if no.status < 500:
                    listener.fail(no)
                    return
            await asyncio.sleep(RETRY_S)  # the pace of asking again, not a wait for anything


async def _frames(answer: httpx.Response) -> AsyncIterator[tuple[str | None, Seen | None]]:
    """The events of an SSE stream, each with the cursor after it."""
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(":")
            if name:
                value = value.removeprefix(" ")
                fields[name] = f"{fields[name]}\n{value}" if name == "data" and "data" in fields else value
            continue
        if "data" in fields:
            raw = json.loads(fields["data"])
            event = None
            if "type" in raw and "id" in raw:
                event = Seen(raw["id"], raw["type"], raw.get("subject", ""), raw.get("data", {}), raw)
            yield fields.get("id"), event
        elif "id" in fields:
            yield fields["id"], None
        fields = {}
