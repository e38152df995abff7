"""The real service on each database: its app over ASGI, its replica, its handlers and its deadline rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from complaints.app import build
from suizhuan.deadlines import Deadlines
from suizhuan.kernel.clock import ManualClock
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import AuthorityLog, Published, feed, issuer_in, published, record
from suizhuan.testing_databases import Databases

AFFAIR, OTHER = "env.exposed-rubbish", "env.accumulated-waste"
HANDLE, VERIFY, SUPERVISE = "complaints.case.handle", "complaints.case.verify", "complaints.case.supervise"
ROOT_AREA, STREET, NANGUAN = "321302", "321302002", "321302002907"
GRID, XIANGLI = NANGUAN + "001", "321302002909"
SANITATION, COMMUNITY, FIRM, STREET_ORG, CENTRE = (
    "dept-sanitation",
    "community-nanguan",
    "firm-jiecheng",
    "street-xiangli",
    "center-city-operations",
)
GAP = 5.1  # s: 2ε + A of the demonstration profile
PRICE, OTHER_PRICE = 8_000, 30_000
LEAD_MANDATE, ASSIST_MANDATE = "m-nanguan", "m-jiecheng"
ISSUER = "https://id.test.example"


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
        self.http = httpx.AsyncClient(transport=transport, base_url="http://complaints")

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

    async def hear(self, name: str, key: str, data: dict[str, Any], *, event_id: str | None = None) -> None:
        """An event of another service."""
        self.sequence += 1
        made = record(f"{name}.v1", data, key=key, time=self.clock.now(), event_id=event_id, sequence=self.sequence)
        await feed(self.service, made)

    async def found(self) -> None:
        """The city as it begins: registers, roots, one community that leads and one firm that assists."""
        for org, kind, areas in (
            (SANITATION, "department", [ROOT_AREA]),
            (CENTRE, "department", [ROOT_AREA]),
            (STREET_ORG, "street", [STREET]),
            (COMMUNITY, "community", [NANGUAN, XIANGLI]),
            (FIRM, "company", [STREET]),
        ):
            await self.hear(
                "mandates.organisation.registered",
                org,
                {"org": org, "name": org, "name_en": org, "kind": kind, "parent": None, "areas": areas},
            )
        for affair, owner, price in ((AFFAIR, SANITATION, PRICE), (OTHER, SANITATION, OTHER_PRICE)):
            await self.hear(
                "mandates.affair.listed",
                affair,
                {"affair": affair, "name": affair, "name_en": affair, "owner": owner, "list": "own"},
            )
            await self.hear("finance.tariff.set", affair, {"affair": affair, "price_fen": price})
            await self.log.grant(f"root:{affair}", owner, affair, ROOT_AREA, [HANDLE])
        await self.log.grant("root:gov.verification", CENTRE, "gov.verification", ROOT_AREA, [VERIFY, SUPERVISE])
        await self.log.grant("m-verify", STREET_ORG, "gov.verification", STREET, [VERIFY, SUPERVISE])
        await self.log.grant(LEAD_MANDATE, COMMUNITY, AFFAIR, NANGUAN, [HANDLE])
        await self.log.grant(ASSIST_MANDATE, FIRM, AFFAIR, STREET, [HANDLE], role="assist")
        await self.events()

    async def events(self) -> list[Published]:
        """What was emitted since the last call, without the replica's own."""
        found = await published(self.service.parts)
        return [e for e in found if not e.name.startswith("complaints.replica")]

    async def names(self) -> list[str]:
        return [e.name.removeprefix("complaints.") for e in await self.events()]

    async def deadlines(self, *, rounds: int = 50) -> None:
        """Carry out every row that is due now."""
        runner = Deadlines(self.service.parts.uow, self.service.deadlines, self.clock)
        for _ in range(rounds):
            if await runner.step() != 0.0:
                return
        raise AssertionError("deadline rows never come to rest")

    async def at(self, seconds: float, *, beat: bool = True) -> None:
        """That much later, with mandates alive (or not), and all rows due by then carried out."""
        self.clock.advance(seconds)
        if beat:
            await self.log.beat()
        await self.deadlines()

    async def placed(
        self, ref: str, case: str, case_term: int, amount: int, *, hold: str = "h1", purpose: str = "handover"
    ) -> None:
        await self.hear(
            "finance.hold.placed",
            case,
            {
                "hold": hold,
                "purpose": purpose,
                "ref": ref,
                "case": case,
                "case_term": case_term,
                "payer": "x",
                "mandate": None,
                "amount_fen": amount,
            },
        )

    async def short(self, ref: str, case: str, case_term: int, missing: int, *, purpose: str = "handover") -> None:
        await self.hear(
            "finance.hold.refused",
            case,
            {
                "purpose": purpose,
                "ref": ref,
                "case": case,
                "case_term": case_term,
                "payer": "x",
                "mandate": None,
                "amount_fen": missing,
                "available_fen": 0,
                "shortfall_fen": missing,
            },
        )

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
        org: str | None = STREET_ORG,
        body: object = None,
        *,
        kind: str = "staff",
        headers: dict[str, str] | None = None,
        **params: Any,
    ) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {self.token(org, kind=kind)}", **(headers or {})}
        if method == "GET":
            return await self.http.get(path, headers=bearer, params=params)
        return await self.http.post(path, headers=bearer, json={} if body is None else body)

    async def post(self, path: str, org: str | None, body: object = None, **more: Any) -> dict[str, Any]:
        """A command that must pass."""
        answer = await self.ask("POST", path, org, body, **more)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    async def refused(self, path: str, org: str | None, body: object = None, **more: Any) -> tuple[int, str]:
        answer = await self.ask("POST", path, org, body, **more)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["code"]

    async def get(self, path: str, org: str | None = STREET_ORG, **params: Any) -> dict[str, Any]:
        answer = await self.ask("GET", path, org, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def case(self, case: str) -> dict[str, Any]:
        return await self.get(f"/cases/{case}")

    async def report(self, area: str = GRID, category: str = "01-02", **more: Any) -> str:
        body = {"category": category, "area": area, "channel": "wechat", "description": "楼下垃圾三天没人清", **more}
        return str((await self.post("/cases", None, body, kind="resident"))["id"])

    async def request(self, case: str, to: str = FIRM, by: str = COMMUNITY, **more: Any) -> dict[str, Any]:
        return await self.post(f"/cases/{case}/handovers", by, {"to": to, **more})

    async def hand_over(self, case: str, to: str = FIRM, by: str = COMMUNITY, *, hold: str = "h1", **more: Any) -> str:
        """Requested, held, moved."""
        asked = await self.request(case, to, by, **more)
        await self.placed(asked["id"], case, asked["case_term"], asked["needed_fen"], hold=hold)
        assert (await self.case(case))["responsible"] == to
        return str(asked["id"])

    async def finish(self, case: str, by: str = COMMUNITY, *, checker: str = STREET_ORG) -> None:
        await self.post(f"/cases/{case}/start", by)
        await self.post(f"/cases/{case}/result", by)
        await self.post(f"/cases/{case}/verification", checker, {"result": "passed", "satisfied": True})

    def lead_slot(self, area: str = NANGUAN) -> dict[str, Any]:
        return {"affair": AFFAIR, "area": area, "role": "lead"}

    def old(self, mandate: str = LEAD_MANDATE, holder: str = COMMUNITY) -> dict[str, Any]:
        return {"mandate": mandate, "holder": holder, "term": 1, "powers": [HANDLE]}

    def new(self, mandate: str, holder: str, area: str = NANGUAN, **more: Any) -> dict[str, Any]:
        return self.log.holding(mandate, holder, AFFAIR, area, [HANDLE], **more)

    @staticmethod
    def clock_delta(seconds: float) -> timedelta:
        return timedelta(seconds=seconds)

    async def ends_at(self, moment: datetime, powers: Iterable[str] = (HANDLE,)) -> None:
        """The community's mandate stands anew, with a planned end."""
        slot = self.lead_slot()
        holding = self.log.holding("m-planned", COMMUNITY, AFFAIR, NANGUAN, powers, ends_at=moment)
        await self.log.opened("s-planned", [slot])
        await self.log.done("s-planned", [{**slot, "old": self.old(), "new": holding}])
        await self.log.beat()
        await self.events()


def of(events: list[Published], name: str) -> list[Published]:
    return [e for e in events if e.name == f"complaints.{name}"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def made(url: str, folder: Path, clock: ManualClock, topics: tuple[str, ...] = ()) -> World:
    """A service on that database, which has heard nothing of the world yet."""
    key, issuer = issuer_in(folder, ISSUER)
    settings = load_settings(
        ServiceSettings,
        "complaints",
        database_url=url,
        data_dir=folder,
        issuers=(issuer,),
        topics=topics,
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

    url, first = await databases.filled("complaints, founded", founded)
    world = made(url, tmp_path, clock)
    world.go_on_from(first)
    await world.log.beat()
    yield world
    await world.close()


MINUTE, HOUR = 60.0, 3600.0
DAY = timedelta(days=1)
