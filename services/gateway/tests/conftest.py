"""The real gateway on an embedded log and a database of its own; what the services say is written by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.app import build
from gateway.auditor.reading import TOPICS
from gateway.settings import Settings
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.kernel.clock import Clock, SystemClock
from suizhuan.ports.log import NewRecord, TopicSpec
from suizhuan.service import Service
from suizhuan.settings import IssuerSettings, load_settings

from .story import SINGLE, Story, Written, found, true_history

ISSUER = "https://id.test"
DEPARTMENTS = ("property.bill", "volunteers.bill")


@dataclass(repr=False)
class World:
    """Folder, log and key; gateways are made from them, several if need be."""

    folder: Path
    log: EmbeddedLog
    key: ECKey
    database_url: str
    written: int = 0
    services: list[Service] = field(default_factory=list)

    def settings(self, **more: Any) -> Settings:
        given = {
            "data_dir": self.folder,
            "database_url": self.database_url,
            "issuers": (IssuerSettings(issuer=ISSUER, jwks_file=self.folder / "jwks.json"),),
            "stream_heartbeat": 0.2,
            "topics": DEPARTMENTS,
            "upstream_connect_timeout": 0.5,
            **more,
        }
        return load_settings(Settings, "gateway", **given)

    def gateway(
        self,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        *,
        clock: Clock | None = None,
        **settings: Any,
    ) -> Service:
        made = build(self.settings(**settings), broker=self.log, clock=clock or SystemClock(), upstreams=transports)
        self.services.append(made)
        return made

    async def append(self, *written: Written) -> None:
        """Put events onto the log, in this order."""
        producer = await self.log.producer("test")
        records = [w.record() for w in written]
        await producer.append([NewRecord(r.topic, r.partition, r.key, r.value, r.headers) for r in records])
        await producer.close()

    async def tell(self, story: Story) -> None:
        """Append what is new in the story."""
        await self.append(*story.written[self.written :])
        self.written = len(story.written)

    def token(self, kind: str = "staff", org: str | None = None, subject: str = "somebody", **claims: Any) -> str:
        now = SystemClock().now().timestamp()
        if kind == "hub":
            claims.setdefault("purpose", "city-operations")
        whole = {"iss": ISSUER, "aud": "suizhuan", "sub": subject, "kind": kind, "org": org, "exp": now + 600, **claims}
        plain = {k: v for k, v in whole.items() if v is not None}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, plain, self.key, algorithms=["ES256"])

    def headers(self, kind: str = "staff", org: str | None = None, **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(kind, org)}", **more}


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    key = ECKey.generate_key("P-256", {"kid": "test"})
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{**key.as_dict(private=False), "alg": "ES256"}]}))
    log = EmbeddedLog(tmp_path / "log.db")
    await log.ensure_topics([TopicSpec(name, 1 if name in SINGLE else 3) for name in (*TOPICS, *DEPARTMENTS)])
    made = World(tmp_path, log, key, database_url)
    yield made
    for service in made.services:
        await service.app.state.upstreams.close()
        await service.close()
    await log.close()


@pytest.fixture
async def story(world: World) -> Story:
    """A whole true history on the log."""
    made = true_history()
    await world.tell(made)
    return made


@pytest.fixture
async def beginning(world: World) -> Story:
    """Only the founding on the log."""
    made = Story()
    found(made)
    await world.tell(made)
    return made


def client(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=service.app), base_url="http://gateway")


@asynccontextmanager
async def at_work(service: Service) -> AsyncIterator[Service]:
    """Its consumers run."""
    await service.migrate()
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def until(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What `check` gives as soon as it gives something."""
    async with asyncio.timeout(seconds):
        while True:
            found_ = check()
            found_ = await found_ if asyncio.iscoroutine(found_) else found_
            if found_:
                return found_
            await asyncio.sleep(0.02)


async def caught_up(service: Service) -> None:
    """The projection has everything that is on the log."""
    broker, database = service.parts.broker, service.parts.database
    from gateway.asof import positions
    from gateway.snapshot import PROJECTED

    async def there() -> bool:
        tps = [tp for topic in PROJECTED for tp in await broker.partitions(topic)]
        ends = await broker.end_offsets(tps)
        async with database.read() as conn:
            read = await positions(conn)
        return all(read.get((tp.topic, tp.partition), 0) >= end for tp, end in ends.items())

    await until(there, 60)


@dataclass
class SseClient:
    """Reads an event stream over ASGI, as slowly as it is told."""

    service: Service
    blocks: list[dict[str, str]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    status: int = 0
    body: bytes = b""
    ended: bool = False
    stuck: asyncio.Event | None = None
    _task: asyncio.Task[None] | None = None
    _leave: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self, path: str, query: str = "", headers: Mapping[str, str] | None = None) -> SseClient:
        raw = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(b"host", b"gateway"), *raw],
            "server": ("gateway", 80),
            "client": ("test", 1),
        }
        self._task = asyncio.create_task(self._run(scope))
        return self

    async def _run(self, scope: dict[str, Any]) -> None:
        async def receive() -> dict[str, Any]:
            await self._leave.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                return
            if self.stuck is not None:
                await self.stuck.wait()
            self._take(message.get("body", b""))

        await self.service.app(scope, receive, send)
        self.ended = True

    def _take(self, part: bytes) -> None:
        self.body += part
        while b"\n\n" in self.body and self.status == 200:
            raw, self.body = self.body.split(b"\n\n", 1)
            fields: dict[str, str] = {}
            for line in raw.decode().split("\n"):
                if line.startswith(":"):
                    self.comments.append(line[1:].strip())
                else:
                    name, _, value = line.partition(":")
                    fields[name] = value.strip()
            if fields:
                self.blocks.append(fields)

    @property
    def events(self) -> list[dict[str, str]]:
        return [b for b in self.blocks if "data" in b]

    @property
    def live(self) -> list[dict[str, str]]:
        return [b for b in self.events if not b["event"].startswith("snapshot.")]

    @property
    def ids(self) -> list[str]:
        return [json.loads(b["data"])["id"] for b in self.live]

    @property
    def last_id(self) -> str:
        return next(b["id"] for b in reversed(self.blocks) if "id" in b)

    async def gets(self, count: int, seconds: float = 10.0) -> list[str]:
        """Wait for so many live events."""
        await until(lambda: len(self.live) >= count, seconds)
        return self.ids

    async def leave(self) -> None:
        self._leave.set()
        if self._task is not None:
            await asyncio.wait_for(self._task, 5)
