"""A whole service for tests, driven by hand: asked over its API, told what others say, and moved in time.

Its app, database, replica, handlers and deadline rows are the real ones; nothing reaches for a log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass, field, fields
from datetime import datetime
from http import HTTPStatus
from typing import Any, ClassVar, Self, TypeVar

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import Table, select

from suizhuan.deadlines import Deadlines
from suizhuan.kernel.clock import ManualClock, SystemClock
from suizhuan.ports.log import Log
from suizhuan.relay import Relay
from suizhuan.service import Service
from suizhuan.testing import AuthorityLog, Published, feed, published, record
from suizhuan.testing_databases import Databases

ISSUER = "https://id.test.example"
USUAL = "the usual one"
"""Stands for the organisation for which a world asks when a test names none."""


class NoLog:
    """Nothing may reach for a log."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the log was asked for {name}")


@dataclass(repr=False)
class ServiceWorld:
    """One service, and those around it as it hears them. Each service's tests add what is of its trade."""

    usual: ClassVar[str | None] = None

    make: Callable[[], Service]
    clock: ManualClock
    key: ECKey
    service: Service = field(init=False)
    log: AuthorityLog = field(init=False)
    http: httpx.AsyncClient = field(init=False)
    sequence: int = 0

    async def begin(self) -> None:
        """On an empty database."""
        self.service = self.make()
        await self.service.migrate()
        self.log = AuthorityLog(self.service.parts)
        self._connect()

    async def found(self) -> None:
        """The city as it begins."""
        raise NotImplementedError

    def go_on_from(self, other: Self) -> None:
        """On a copy of its database."""
        self.service = self.make()
        self.log = AuthorityLog(self.service.parts, other.log.sequence, dict(other.log.terms))
        for kept in fields(self):
            if kept.init and kept.name not in ("make", "clock", "key"):
                setattr(self, kept.name, getattr(other, kept.name))
        self._connect()

    async def restart(self) -> None:
        """A new process on the same database."""
        await self.close()
        self.service = self.make()
        self.log.parts = self.service.parts
        self._connect()

    async def close(self) -> None:
        await self.http.aclose()
        await self.service.close()

    def _connect(self) -> None:
        transport = httpx.ASGITransport(app=self.service.app)
        self.http = httpx.AsyncClient(transport=transport, base_url=f"http://{self.service.parts.name}")

    # --- what is heard and said -----------------------------------------------------------------------------------

    async def hear(
        self, name: str, key: str, data: dict[str, Any], *, event_id: str | None = None, sequence: int | None = None
    ) -> None:
        """An event of another service, its first version."""
        self.sequence += 1
        number = self.sequence if sequence is None else sequence
        made = record(f"{name}.v1", data, key=key, time=self.clock.now(), event_id=event_id, sequence=number)
        await feed(self.service, made)

    async def organisation(self, org: str, kind: str, areas: list[str], *, sequence: int | None = None) -> None:
        """Mandates registers an organisation."""
        data = {"org": org, "name": org, "name_en": org, "kind": kind, "parent": None, "areas": areas}
        await self.hear("mandates.organisation.registered", org, data, sequence=sequence)

    async def events(self) -> list[Published]:
        """What was emitted since the last call, without the replica's own."""
        replica = f"{self.service.parts.name}.replica"
        return [e for e in await published(self.service.parts) if not e.name.startswith(replica)]

    async def names(self) -> list[str]:
        """Of those events, without the service's."""
        return [e.name.removeprefix(f"{self.service.parts.name}.") for e in await self.events()]

    # --- time -----------------------------------------------------------------------------------------------------

    async def deadlines(self, *, rounds: int = 300) -> None:
        """Carry out every row that is due now."""
        runner = self._runner()
        for _ in range(rounds):
            if await runner.step() != 0.0:
                assert not runner._failing, runner._failing
                return
        raise AssertionError("deadline rows never come to rest")

    async def deadlines_once(self) -> None:
        """Carry out the row that is due first."""
        await self._runner().step()

    def _runner(self) -> Deadlines:
        return Deadlines(self.service.parts.uow, self.service.deadlines, self.clock)

    async def later(self, seconds: float, *, beat: bool = True) -> None:
        """That much later, with mandates alive (or not), and all rows due by then carried out."""
        self.clock.advance(seconds)
        if beat:
            await self.log.beat()
        await self.deadlines()

    # --- what is asked --------------------------------------------------------------------------------------------

    def token(self, org: str | None, *, kind: str = "staff", subject: str | None = None) -> str:
        claims = {
            "iss": ISSUER,
            "aud": "suizhuan",
            "sub": subject or f"{kind}-{org}",
            "kind": kind,
            "org": org,
            "exp": self.clock.now().timestamp() + 3600,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, said, self.key, algorithms=["ES256"])

    async def ask(
        self,
        method: str,
        path: str,
        who: str | None = USUAL,
        body: object = None,
        *,
        caller: str = "staff",
        subject: str | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        **params: Any,
    ) -> httpx.Response:
        """As one of the organisation `who`, or another kind of `caller`; with `content` as it is, or `body` as JSON."""
        signed = self.token(self.usual if who == USUAL else who, kind=caller, subject=subject)
        sent: dict[str, Any] = {}
        if method != "GET":
            sent = {"json": {} if body is None else body} if content is None else {"content": content}
        bearer = {"Authorization": f"Bearer {signed}", **(headers or {})}
        return await patient(lambda: self.http.request(method, path, headers=bearer, params=params or None, **sent))

    async def post(self, path: str, who: str | None = USUAL, body: object = None, **more: Any) -> dict[str, Any]:
        """A command that must pass."""
        answer = await self.ask("POST", path, who, body, **more)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    async def refused(self, path: str, who: str | None = USUAL, body: object = None, **more: Any) -> tuple[int, str]:
        """A command that must be refused: status and code."""
        return self._no(await self.ask("POST", path, who, body, **more))

    async def get(self, path: str, who: str | None = USUAL, **params: Any) -> dict[str, Any]:
        """A read that must pass."""
        answer = await self.ask("GET", path, who, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def not_got(self, path: str, who: str | None = USUAL, **params: Any) -> tuple[int, str]:
        """A read that must be refused: status and code."""
        return self._no(await self.ask("GET", path, who, **params))

    @staticmethod
    def _no(answer: httpx.Response) -> tuple[int, str]:
        assert answer.status_code >= 400, answer.text
        return answer.status_code, str(answer.json()["code"])

    async def pages(self, path: str, who: str | None = USUAL, *, limit: int = 2, **params: Any) -> list[dict[str, Any]]:
        """Every item of a list, page by page; each page but the last is full."""
        found: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(200):
            page = await self.get(path, who, limit=limit, cursor=cursor, **params)
            assert len(page["items"]) <= limit
            found += page["items"]
            if page["next"] is None:
                return found
            assert len(page["items"]) == limit
            cursor = page["next"]
        raise AssertionError("the pages never end")


async def patient(ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """The answer; asked once more where the database was not there. On a machine that stands still for a second, an
    act is called off by PostgreSQL's limits: nothing has happened then, and a careful caller asks again."""
    answer = await ask()
    said = answer.json() if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return await ask() if said.get("params", {}).get("reason") == "database" else answer


World = TypeVar("World", bound=ServiceWorld)
Given = TypeVar("Given")


async def begun(world: World) -> AsyncIterator[World]:
    """A service that has heard nothing yet, closed afterwards."""
    await world.begin()
    yield world
    await world.close()


async def founded(name: str, databases: Databases, made: Callable[[str], World]) -> AsyncIterator[World]:
    """The city as it begins, on a copy of a database that was founded once for all tests; closed afterwards."""

    async def nothing(_: World) -> None: ...

    world, _ = await played(f"{name}, founded", databases, made, nothing)
    yield world
    await world.close()


async def played(
    name: str, databases: Databases, made: Callable[[str], World], play: Callable[[World], Awaitable[Given]]
) -> tuple[World, Given]:
    """The city after `play`, which under this name is played once for all tests, and what it gave. To be closed."""

    async def fill(url: str) -> tuple[World, datetime, Given]:
        first = made(url)
        await first.begin()
        await first.found()
        given = await play(first)
        await first.close()
        return first, first.clock.now(), given

    url, (first, then, given) = await databases.filled(name, fill)
    world = made(url)
    world.go_on_from(first)
    world.clock.advance((then - world.clock.now()).total_seconds())
    await world.log.beat()
    return world, given


async def publish(service: Service, log: Log) -> None:
    """Append to the log all that waits in the outbox."""
    p = service.parts
    relay = Relay(p.name, p.database, log, list(p.registry.topics.values()), SystemClock(), p.metrics)
    async with p.database.engine.connect() as plain:
        conn = plain if p.database.is_sqlite else await plain.execution_options(isolation_level="AUTOCOMMIT")
        while await relay.publish_once(conn):
            continue
    if relay._producer is not None:
        await relay._producer.close()


async def said_of(service: Service, code: str) -> set[str]:
    """Where in this service's tables, but for the record of what was given up, an area's code stands, or one in it."""
    found = set[str]()
    async with service.parts.database.read() as conn:
        for column in service.placed:
            values = (await conn.execute(select(column))).scalars().all()
            codes = [code for value in values for code in (value if isinstance(value, list) else [value])]
            if any(str(said).startswith(code) for said in codes):
                found.add(f"{column.table}.{column.name}")
    return found


async def rows(service: Service, table: Table, without: Collection[str] = ()) -> list[dict[str, Any]]:
    """All rows of a table in one order, `without` some columns."""
    async with service.parts.database.read() as conn:
        found = [dict(row._mapping) for row in await conn.execute(select(table))]
    return sorted(({k: v for k, v in row.items() if k not in without} for row in found), key=repr)
