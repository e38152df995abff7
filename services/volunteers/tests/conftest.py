"""The real service on each database: its app over ASGI, its replica, its handlers and its deadline rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from stdnum.cn import ric

from suizhuan.deadlines import Deadlines
from suizhuan.kernel.clock import ManualClock, utc_text
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import AuthorityLog, Published, feed, issuer_in, published, record
from suizhuan.testing_databases import Databases
from volunteers.app import build
from volunteers.desk import ARRANGE, GIVE_AWARD, LEAD_TEAM, PAIRING, READ, RUN, SERVICE, TRAIN

ROOT_AREA, STREET, NANGUAN, XIANGLI = "321302", "321302002", "321302002907", "321302002909"
CIVIL, COMMUNITY, OTHER, STREET_ORG = "dept-civil-affairs", "community-nanguan", "community-xiangli", "street-xiangli"
POWERS = [RUN, LEAD_TEAM, TRAIN, GIVE_AWARD, READ]
MANDATE, PAIRING_MANDATE = "m-nanguan", "m-pairing"
ISSUER = "https://id.test.example"
TOPICS = ("finance.bill", "mandates.mandate", "mandates.organisation", "population.file")
HOUR = 3600.0
Answer = dict[str, Any]


class NoLog:
    """The service is driven by hand here: nothing may reach for a log."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the log was asked for {name}")


def id_number(born: date, sequence: int = 1) -> str:
    """A well-formed ID of nobody: its district does not exist."""
    body = f"320000{born:%Y%m%d}{sequence:03d}"
    return body + ric.calc_check_digit(body + "0")


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
        self.sequence = other.sequence
        self._connect()

    def _connect(self) -> None:
        transport = httpx.ASGITransport(app=self.service.app)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://volunteers")

    async def close(self) -> None:
        await self.http.aclose()
        await self.service.close()

    # --- what is heard ------------------------------------------------------------------------------------------------

    async def hear(self, name: str, key: str, data: Answer, *, event_id: str | None = None) -> None:
        """An event of another service."""
        self.sequence += 1
        made = record(f"{name}.v1", data, key=key, time=self.clock.now(), event_id=event_id, sequence=self.sequence)
        await feed(self.service, made)

    async def bill(self, what: str, bill: str, *, service: str = "volunteers", **more: Any) -> None:
        """An answer of finance."""
        await self.hear(f"finance.bill.{what}", f"{service}:{bill}", {"service": service, "bill": bill, **more})

    async def mandate_ended(self, mandate: str = MANDATE) -> None:
        now = utc_text(self.clock.now())
        await self.hear("mandates.mandate.ended", mandate, {"mandate": mandate, "ended_at": now})

    async def organisations(self) -> None:
        for org, kind, areas in (
            (CIVIL, "department", [ROOT_AREA]),
            (STREET_ORG, "street", [STREET]),
            (COMMUNITY, "community", [NANGUAN]),
            (OTHER, "community", [XIANGLI]),
        ):
            data = {"org": org, "name": org, "name_en": org, "kind": kind, "parent": None, "areas": areas}
            await self.hear("mandates.organisation.registered", org, data)

    async def found(self) -> None:
        """The city as it begins: two communities that run voluntary service, one of which pairs."""
        await self.organisations()
        for affair, powers in ((SERVICE, POWERS), (PAIRING, [ARRANGE])):
            await self.log.grant(f"root:{affair}", CIVIL, affair, ROOT_AREA, powers)
        await self.log.grant(MANDATE, COMMUNITY, SERVICE, NANGUAN, POWERS)
        await self.log.grant("m-xiangli", OTHER, SERVICE, XIANGLI, POWERS)
        await self.log.grant(PAIRING_MANDATE, COMMUNITY, PAIRING, NANGUAN, [ARRANGE])
        await self.events()

    async def events(self) -> list[Published]:
        """What was emitted since the last call, without the replica's own."""
        found = await published(self.service.parts)
        return [e for e in found if not e.name.startswith("volunteers.replica")]

    async def names(self) -> list[str]:
        return [e.name.removeprefix("volunteers.") for e in await self.events()]

    async def deadlines(self) -> None:
        """Carry out every row that is due now."""
        runner = Deadlines(self.service.parts.uow, self.service.deadlines, self.clock)
        for _ in range(50):
            if await runner.step() != 0.0:
                return
        raise AssertionError("deadline rows never come to rest")

    async def later(self, seconds: float) -> None:
        """That much later, with mandates alive, and all rows due by then carried out."""
        self.clock.advance(seconds)
        await self.log.beat()
        await self.deadlines()

    async def at(self, moment: datetime) -> None:
        await self.later((moment - self.clock.now()).total_seconds())

    # --- what is asked ------------------------------------------------------------------------------------------------

    def token(self, org: str | None, *, kind: str = "staff", subject: str | None = None) -> str:
        claims = {
            "iss": ISSUER,
            "aud": "suizhuan",
            "sub": subject or f"{kind}-{org}",
            "kind": kind,
            "org": org,
            "exp": self.clock.now().timestamp() + HOUR,
        }
        head = {"alg": "ES256", "kid": "k1"}
        return jwt.encode(head, {k: v for k, v in claims.items() if v is not None}, self.key, algorithms=["ES256"])

    async def ask(
        self,
        method: str,
        path: str,
        who: str | None = COMMUNITY,
        body: object = None,
        *,
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> httpx.Response:
        """`who`: an organisation, for which a member of its staff asks, or a resident (`r:…`)."""
        resident = who is not None and who.startswith("r:")
        bearer = self.token(None, kind="resident", subject=who) if resident else self.token(who)
        headers = {"Authorization": f"Bearer {bearer}", **(headers or {})}
        if method == "GET":
            return await self.http.get(path, headers=headers, params=params)
        return await self.http.post(path, headers=headers, json={} if body is None else body)

    async def post(self, path: str, who: str, body: object = None, **more: Any) -> Answer:
        """A command that must pass."""
        answer = await self.ask("POST", path, who, body, **more)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    async def refused(self, path: str, who: str | None, body: object = None, **more: Any) -> tuple[int, str]:
        answer = await self.ask("POST", path, who, body, **more)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    async def get(self, path: str, who: str = COMMUNITY, **params: Any) -> Answer:
        answer = await self.ask("GET", path, who, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def pages(self, path: str, who: str = COMMUNITY, *, limit: int = 2, **params: Any) -> list[Answer]:
        """Every item of a list, page by page."""
        found: list[Answer] = []
        cursor = ""
        while True:
            page = await self.get(path, who, limit=limit, cursor=cursor, **params)
            assert len(page["items"]) <= limit
            found += page["items"]
            if page["next"] is None:
                return found
            cursor = page["next"]

    # --- what people do -----------------------------------------------------------------------------------------------

    def registration(self, **more: Any) -> Answer:
        self.people += 1
        body = {
            "name": f"志愿者{self.people}",
            "id_number": id_number(date(1990, 5, 1), self.people),
            "phone": f"1390000{self.people:04d}",
            "area": NANGUAN,
            "skills": [],
        }
        return {**body, **more}

    async def register(self, who: str, *, trained: bool = True, **more: Any) -> str:
        """A volunteer; with the training that comes before any service."""
        made = await self.post("/volunteers", who, self.registration(**more))
        if trained:
            await self.train(str(made["id"]))
        return str(made["id"])

    async def train(self, volunteer: str, training: str = "orientation") -> Answer:
        course = await self.course(training=training)
        return await self.post(f"/courses/{course['id']}/attendance", COMMUNITY, {"volunteer": volunteer})

    async def course(self, *, by: str = COMMUNITY, **more: Any) -> Answer:
        body = {
            "title": "培训",
            "training": "orientation",
            "area": NANGUAN,
            "starts_at": self.moment(-1),
            "ends_at": self.moment(1),
        }
        return await self.post("/courses", by, {**body, **more})

    def moment(self, hours: float) -> str:
        """So many hours from now."""
        return utc_text(self.clock.now() + timedelta(hours=hours))

    def activity_body(self, **more: Any) -> Answer:
        body = {
            "title": "清洁家园",
            "affair": SERVICE,
            "area": NANGUAN,
            "kind": "clean-up",
            "planned_fen": 20_000,
            "starts_at": self.moment(24),
            "ends_at": self.moment(28),
        }
        return {**body, **more}

    async def activity(self, *, by: str = COMMUNITY, held: bool = True, **more: Any) -> Answer:
        """An activity whose money is held."""
        made = await self.post("/activities", by, self.activity_body(**more))
        if held and made["bill"]:
            await self.bill("held", made["bill"], mandate=made["mandate"], amount_fen=made["planned_fen"])
            made = await self.get(f"/activities/{made['id']}")
        return made

    async def shift(self, activity: Answer, *, by: str = COMMUNITY, capacity: int = 5, **more: Any) -> Answer:
        body = {"starts_at": activity["starts_at"], "ends_at": activity["ends_at"], "capacity": capacity}
        return await self.post(f"/activities/{activity['id']}/shifts", by, {**body, **more})

    async def code(self, shift: str, *, by: str = COMMUNITY) -> str:
        return str((await self.get(f"/shifts/{shift}/code", by))["code"])

    async def serve(self, shift: Answer, who: str, volunteer: str, *, minutes: int = 120) -> Answer:
        """Signed up, checked in when the shift begins, out that many minutes later, and confirmed."""
        await self.post(f"/shifts/{shift['id']}/sign-up", who)
        code = {"code": await self.code(shift["id"])}
        await self.at(datetime.fromisoformat(shift["starts_at"]))
        await self.post(f"/shifts/{shift['id']}/check-in", who, code)
        await self.later(minutes * 60)
        await self.post(f"/shifts/{shift['id']}/check-out", who, code)
        return await self.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, {"volunteer": volunteer})


def of(events: list[Published], name: str) -> list[Published]:
    return [e for e in events if e.name == f"volunteers.{name}"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(url: str, folder: Path, clock: ManualClock, profile: str = "demonstration") -> World:
    """A service on that database, which has heard nothing of the world yet."""
    key, issuer = issuer_in(folder, ISSUER)
    settings = load_settings(
        ServiceSettings,
        "volunteers",
        database_url=url,
        data_dir=folder,
        issuers=(issuer,),
        topics=TOPICS,
        profile=profile,
    )
    return World(lambda: build(settings, broker=NoLog(), clock=clock), clock, key)  # type: ignore[arg-type]


@pytest.fixture
async def empty(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """A service that has heard nothing yet."""
    world = made(database_url, tmp_path, clock)
    await world.begin()
    yield world
    await world.close()


@pytest.fixture
async def world(databases: Databases, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """The city as it begins, at 09:00 on a Monday."""

    async def founded(url: str) -> World:
        first = made(url, tmp_path, clock)
        await first.begin()
        await first.found()
        await first.close()
        return first

    url, first = await databases.filled("volunteers, founded", founded)
    world = made(url, tmp_path, clock)
    world.go_on_from(first)
    await world.log.beat()
    yield world
    await world.close()
