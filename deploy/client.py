"""A caller of the gateway, as the tour and the end-to-end tests use it: tokens, commands, and the event stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx

Json = dict[str, Any]


class ProblemAnswer(Exception):
    """The platform said no: the problem details and the status."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status} {body.get('code')}: {body.get('detail')}")
        self.status = status
        self.body = body
        self.code = str(body.get("code"))


@dataclass(slots=True)
class Caller:
    """Somebody with a token."""

    http: httpx.AsyncClient
    token: str
    name: str

    async def get(self, path: str, **params: str) -> Json:
        return await self._ask("GET", path, params=params)

    async def post(self, path: str, body: Json | None = None, *, key: str | None = None) -> Json:
        headers = {"Idempotency-Key": key} if key else {}
        return await self._ask("POST", path, json=body or {}, headers=headers)

    async def refused(self, path: str, body: Json | None = None) -> ProblemAnswer:
        """The refusal of a command that must be refused. Errors: AssertionError when it was not."""
        try:
            answer = await self.post(path, body)
        except ProblemAnswer as no:
            return no
        raise AssertionError(f"{self.name}: POST {path} should have been refused, but: {answer}")

    async def _ask(self, method: str, path: str, **how: Any) -> Json:
        headers = {"Authorization": f"Bearer {self.token}", **how.pop("headers", {})}
        answer = await self.http.request(method, path, headers=headers, **how)
        if answer.status_code >= 400:
            try:
                body = answer.json()
            except ValueError:
                body = {"code": "not_json", "detail": answer.text[:200]}
            raise ProblemAnswer(answer.status_code, body)
        return dict(answer.json())


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

        Errors: TimeoutError naming what did not come.
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
    """The gateway at `base`, and the demonstration issuer that signs people in."""

    def __init__(self, base: str, issuer: str | None = None) -> None:
        self.base = base.rstrip("/")
        self.issuer = (issuer or f"{self.base}/demo-issuer").rstrip("/")
        self.http = httpx.AsyncClient(base_url=self.base, timeout=30.0)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()

    async def sign_in(self, subject: str, *, kind: str | None = None, org: str | None = None) -> Caller:
        """A caller with a token of the demonstration issuer."""
        form = {"subject": subject, **({"kind": kind} if kind else {}), **({"org": org} if org else {})}
        answer = await self.http.post(f"{self.issuer}/token", data=form)
        return Caller(self.http, str(answer.raise_for_status().json()["access_token"]), subject)

    @asynccontextmanager
    async def listening(self, hub: Caller) -> AsyncIterator[Listener]:
        """Follow every event from now on; the stream is open when the block begins."""
        listener = Listener()
        opened = asyncio.Event()
        task = asyncio.create_task(self._follow(hub, listener, opened))
        waiting = asyncio.create_task(opened.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED, timeout=30)
            if not opened.is_set():
                await task
                raise ConnectionError("the event stream did not open")
            yield listener
        finally:
            for job in (task, waiting):
                job.cancel()
            await asyncio.gather(task, waiting, return_exceptions=True)

    async def _follow(self, hub: Caller, listener: Listener, opened: asyncio.Event) -> None:
        """Read the stream; a connection that breaks is taken up again where it was."""
        last: str | None = None  # the cursor after the newest frame
        while True:
            headers = {"Authorization": f"Bearer {hub.token}", **({"Last-Event-ID": last} if last else {})}
            try:
                async with self.http.stream(
                    "GET", "/events", headers=headers, params={} if last else {"from": "now"}, timeout=None
                ) as answer:
                    if answer.status_code != 200:
                        await answer.aread()
                        raise ProblemAnswer(answer.status_code, answer.json())
                    opened.set()
                    async for cursor, event in _frames(answer):
                        last = cursor or last
                        if event is not None:
                            listener.add(event)
            except ProblemAnswer as error:
                if error.status < 500:
                    listener.fail(error)
                    raise
            except httpx.TransportError as error:
                if not opened.is_set():
                    listener.fail(error)
                    raise
            await asyncio.sleep(0.5)


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
