"""The real service on each database: its app over ASGI, its replica, its handlers and its deadline rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from stdnum.iso7064 import mod_11_2

from population.app import build
from population.domain import powers
from suizhuan.deadlines import Deadlines
from suizhuan.kernel.clock import ManualClock
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import AuthorityLog, Published, feed, issuer_in, published, record
from suizhuan.testing_databases import Databases

ROOT, STREET, NANGUAN, XIANGLI = "321302", "321302002", "321302002907", "321302002909"
GRID, GRID_2, FOREIGN = NANGUAN + "001", NANGUAN + "002", XIANGLI + "001"
OWNER, COMMUNITY, OTHER = "dept-civil-affairs", "community-nanguan", "community-xiangli"
AREAS = (ROOT, STREET, NANGUAN, XIANGLI, GRID, GRID_2, FOREIGN)
ALL_POWERS = {
    powers.DIVISIONS: [powers.REGISTER_AREA],
    powers.REGISTER: [
        powers.REGISTER_BUILDING,
        powers.REGISTER_HOUSEHOLD,
        powers.REGISTER_PERSON,
        powers.READ_PERSON,
        powers.IMPORT,
        powers.DECIDE_REQUEST,
    ],
    powers.FILES: [powers.KEEP_FILE, powers.VISIT_FILE],
    powers.PERMITS: [powers.ISSUE_PERMIT],
}
ISSUER = "https://id.test.example"
DAY = 86_400.0


def id_number(serial: int, born: str = "20000101", place: str = "321302") -> str:
    """A number that is right, and nobody's: its sequence is `serial`."""
    head = f"{place}{born}{serial:03d}"
    return head + mod_11_2.calc_check_digit(head)


class NoLog:
    """The service is driven by hand here: nothing may reach for a log."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the log was asked for {name}")


@dataclass
class World:
    """One service, and those around it as it hears them."""

    make: Callable[[], Service]
    clock: ManualClock
    key: ECKey
    service: Service = field(init=False)
    log: AuthorityLog = field(init=False)
    http: httpx.AsyncClient = field(init=False)
    sequence: int = 0
    people: int = 0

    async def begin(self) -> None:
        self.service = self.make()
        await self.service.migrate()
        self.log = AuthorityLog(self.service.parts)
        self._connect()

    def go_on_from(self, other: World) -> None:
        """On a copy of its database."""
        self.service = self.make()
        self.log = AuthorityLog(self.service.parts, other.log.sequence, dict(other.log.terms))
        self._connect()

    def _connect(self) -> None:
        transport = httpx.ASGITransport(app=self.service.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://population")

    async def restart(self) -> None:
        """A new process on the same database."""
        await self.close()
        self.service = self.make()
        self.log.parts = self.service.parts
        self._connect()

    async def close(self) -> None:
        await self.http.aclose()
        await self.service.close()

    # --- what is heard -------------------------------------------------------------------------------------------

    async def hear(
        self, name: str, key: str, data: dict[str, Any], *, event_id: str | None = None, sequence: int | None = None
    ) -> None:
        """An event of another service."""
        self.sequence += 1
        number = self.sequence if sequence is None else sequence
        made = record(f"{name}.v1", data, key=key, time=self.clock.now(), event_id=event_id, sequence=number)
        await feed(self.service, made)

    async def found(self) -> None:
        """The city as it begins: the owner at the root, two communities with all affairs, two grids and one."""
        for affair, held in ALL_POWERS.items():
            await self.log.grant(f"root:{affair}", OWNER, affair, ROOT, held)
        await self._first_areas()
        for affair, held in ALL_POWERS.items():
            for community, area in ((COMMUNITY, NANGUAN), (OTHER, XIANGLI)):
                await self.log.grant(f"m-{affair}-{area}", community, affair, area, held)
        await self.events()

    async def _first_areas(self) -> None:
        for area in AREAS:
            await self.post("/areas", OWNER, {"area": area, "name": f"区域{area}", "name_en": f"Area {area}"})

    async def events(self) -> list[Published]:
        """What was emitted since the last call, without the replica's own."""
        found = await published(self.service.parts)
        return [e for e in found if not e.name.startswith("population.replica")]

    async def names(self) -> list[str]:
        return [e.name.removeprefix("population.") for e in await self.events()]

    async def deadlines(self, *, rounds: int = 60) -> None:
        """Carry out every row that is due now."""
        runner = Deadlines(self.service.parts.uow, self.service.deadlines, self.clock)
        for _ in range(rounds):
            if await runner.step() != 0.0:
                return
        raise AssertionError("deadline rows never come to rest")

    async def deadlines_once(self) -> None:
        """Carry out the row that is due first."""
        await Deadlines(self.service.parts.uow, self.service.deadlines, self.clock).step()

    async def at(self, seconds: float) -> None:
        """That much later, with mandates alive, and all rows due by then carried out."""
        self.clock.advance(seconds)
        await self.log.beat()
        await self.deadlines()

    # --- what is asked -------------------------------------------------------------------------------------------

    def token(self, org: str | None, *, kind: str = "staff", subject: str | None = None) -> str:
        claims = {
            "iss": ISSUER,
            "aud": "suizhuan",
            "sub": subject or f"{kind}-{org}",
            "kind": kind,
            "org": org,
            "exp": self.clock.now().timestamp() + 3600,
        }
        head = {"alg": "ES256", "kid": "k1"}
        return jwt.encode(head, {k: v for k, v in claims.items() if v is not None}, self.key, algorithms=["ES256"])

    async def ask(
        self,
        method: str,
        path: str,
        org: str | None = COMMUNITY,
        body: object = None,
        *,
        kind: str = "staff",
        subject: str | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
        **params: Any,
    ) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {self.token(org, kind=kind, subject=subject)}", **(headers or {})}
        if method == "GET":
            return await self.http.get(path, headers=bearer, params=params or None)
        if content is not None:
            return await self.http.post(path, headers=bearer, content=content, params=params or None)
        return await self.http.post(path, headers=bearer, json={} if body is None else body, params=params or None)

    async def post(self, path: str, org: str | None = COMMUNITY, body: object = None, **more: Any) -> dict[str, Any]:
        """A command that must pass."""
        answer = await self.ask("POST", path, org, body, **more)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    async def refused(
        self, path: str, org: str | None = COMMUNITY, body: object = None, **more: Any
    ) -> tuple[int, str]:
        answer = await self.ask("POST", path, org, body, **more)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    async def get(self, path: str, org: str | None = COMMUNITY, **params: Any) -> dict[str, Any]:
        answer = await self.ask("GET", path, org, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def not_got(self, path: str, org: str | None = COMMUNITY, **params: Any) -> tuple[int, str]:
        answer = await self.ask("GET", path, org, **params)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    # --- what there is -------------------------------------------------------------------------------------------

    def someone(self, **more: Any) -> dict[str, Any]:
        """Somebody new, to be registered."""
        self.people += 1
        return {
            "grid": GRID,
            "registration": "registered",
            "name": f"张三{self.people}",
            "id_number": id_number(self.people),
            "phone": f"1380000{self.people:04d}",
            "details": {"employment": "retired"},
            **more,
        }

    async def person(self, org: str = COMMUNITY, **more: Any) -> dict[str, Any]:
        return await self.post("/people", org, self.someone(**more))

    async def building(self, name: str = "3号楼", grid: str = GRID) -> dict[str, Any]:
        return await self.post("/buildings", COMMUNITY, {"grid": grid, "name": name, "floors": 6})

    async def household(self, number: str = "H1", grid: str = GRID, **more: Any) -> dict[str, Any]:
        return await self.post("/households", COMMUNITY, {"grid": grid, "number": number, **more})


def of(events: list[Published], name: str) -> list[Published]:
    return [e for e in events if e.name == f"population.{name}"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(url: str, folder: Path, clock: ManualClock, **more: Any) -> World:
    """A service on that database, which has heard nothing of the world yet."""
    key, issuer = issuer_in(folder, ISSUER)
    settings = load_settings(
        ServiceSettings, "population", database_url=url, data_dir=folder, issuers=(issuer,), **more
    )
    return World(lambda: build(settings, broker=NoLog(), clock=clock), clock, key)  # type: ignore[arg-type]


@pytest.fixture
async def empty(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """A service that has heard nothing yet."""
    world = made(database_url, tmp_path, clock)
    await world.begin()
    yield world
    await world.close()


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """All tests share one founded database: so they share the key of its ID hash."""
    monkeypatch.setenv("SUIZHUAN_POPULATION_ID_SECRET", "a key that only tests know")


@pytest.fixture
async def world(databases: Databases, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """The city as it begins, at 09:00 on a Monday."""

    async def founded(url: str) -> World:
        first = made(url, tmp_path, clock)
        await first.begin()
        await first.found()
        await first.close()
        return first

    url, first = await databases.filled("population, founded", founded)
    world = made(url, tmp_path, clock)
    world.go_on_from(first)
    await world.log.beat()
    yield world
    await world.close()
