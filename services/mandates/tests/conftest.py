"""Mandates with everything real but the log: the tests carry its records, and play finance and the other replicas."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import select

from mandates.app import build
from mandates.bootstrap import bootstrap
from mandates.switch_waits import SwitchWaits
from mandates.tables import mandate as mandate_table
from suizhuan.authority import records
from suizhuan.cloudevents import decode
from suizhuan.context import Context
from suizhuan.deadlines import Deadlines
from suizhuan.kernel.clock import Clock, ManualClock, utc_text
from suizhuan.ports.log import Log
from suizhuan.seed import Seed, load_seed
from suizhuan.service import Parts, Service
from suizhuan.settings import IssuerSettings, ServiceSettings, load_settings
from suizhuan.testing import Published, feed, published, record
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import patient

SEED = Path(__file__).parents[3] / "deploy" / "seed" / "xiangli.seed.yaml"
ISSUER = "https://id.test"
RUBBISH, NANGUAN, STREET, DISTRICT = "env.exposed-rubbish", "321302002907", "321302002", "321302"
OTHERS = ("complaints:postgres:1", "finance:postgres:1")
STAFF_OF = {
    "dept-sanitation": "staff-sanitation-01",
    "street-xiangli": "staff-street-02",
    "community-nanguan": "staff-nanguan-01",
    "district-sucheng": "staff-sucheng-01",
    "dept-civil-affairs": "staff-civil-affairs-01",
    "dept-urban-management": "staff-urban-management-01",
}


@dataclass(slots=True, repr=False)
class World:
    """The service, and the world around it."""

    service: Service
    clock: Any  # a ManualClock, but where the service runs by itself
    key: ECKey
    http: httpx.AsyncClient
    seen: list[Published] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)  # replicas that do not answer
    cases: bool = False  # complaints has open cases in every slot
    money: bool = True  # finance has money for everything
    offset: int = 0

    @property
    def parts(self) -> Parts:
        return self.service.parts

    @property
    def waits(self) -> SwitchWaits:
        return cast(SwitchWaits, self.service.extra[1])

    async def close(self) -> None:
        await self.http.aclose()
        await self.service.close()

    # --- the world's side -------------------------------------------------------------------------------------

    async def beat(self) -> None:
        """Mandates beats, and the log carries it."""
        self.clock.advance(self.parts.profile.authority.beat_interval_s)
        await self.service.extra[0].step()  # type: ignore[attr-defined]
        await self.carry()

    async def carry(self) -> None:
        """Carry what was published to whom it concerns, and let the due rows be done, until all is quiet."""
        deadlines = Deadlines(self.parts.uow, self.service.deadlines, self.clock)
        while True:
            for _ in range(200):
                if await deadlines.step() > 0.0:
                    break
            else:
                raise AssertionError("the deadlines never come to rest")
            news = await published(self.parts)
            if not news:
                return
            for event in news:
                self.seen.append(event)
                await self._deliver(event)

    async def _deliver(self, event: Published) -> None:
        if event.attributes["type"].startswith(("mandates.switch.", "mandates.authority.")):
            await self._apply(event)
            if event.name == records.OPENED:
                for replica in OTHERS:
                    if replica not in self.silent:
                        await self.acknowledge(event.data["switch"], replica)
        elif event.name.startswith("mandates.replica.") and "mandates" not in self.silent:
            await self.hear(event.attributes["type"], event.data, key=event.key)
        elif event.name == "mandates.mandate.admitted":
            await self.finance(event.data)

    async def _apply(self, event: Published) -> None:
        """Mandates' own replica reads the log, too."""
        self.offset += 1
        made = record(
            event.attributes["type"],
            event.data,
            key=event.key,
            time=self.clock.now(),
            topic=records.TOPIC,
            event_id=event.id,
            offset=self.offset,
            sequence=event.attributes["sequence"],
        )
        read = decode(made)
        async with self.parts.uow.begin(Context.of_event("mandates", read), limited=False) as tx:
            await self.parts.replica.apply(tx, read)

    async def hear(self, type_: str, data: dict[str, Any], *, key: str = "k") -> None:
        """An event reaches mandates."""
        await feed(self.service, record(type_, data, key=key, time=self.clock.now()))

    async def join(self, *replicas: str) -> None:
        for replica in replicas:
            service = replica.split(":")[0]
            await self.hear(f"{service}.replica.joined.v1", {"replica": replica, "service": service})
        await self.beat()

    async def acknowledge(self, switch: str, replica: str) -> None:
        service = replica.split(":", maxsplit=1)[0]
        pending = self.cases and service == "complaints"
        data = {"replica": replica, "service": service, "switch": switch, "opened_sequence": 1}
        await self.hear(f"{service}.replica.acknowledged.v1", {**data, "pending_cases": pending})

    async def cases_ready(self, switch: str) -> None:
        await self.hear("complaints.switch.cases_ready.v1", {"switch": switch, "cases": 1})
        await self.carry()

    async def finance(self, admitted: dict[str, Any]) -> None:
        """Finance's answer to an admission."""
        if self.money:
            await self.fund(admitted["mandate"], admitted["amount_fen"])
        else:
            data = {"mandate": admitted["mandate"], "payer": admitted["giver"], "amount_fen": admitted["amount_fen"]}
            await self.hear("finance.earmark.refused.v1", {**data, "available_fen": 0, "shortfall_fen": 500})

    async def fund(self, mandate: str, amount_fen: int = 100) -> None:
        data = {"earmark": mandate, "mandate": mandate, "payer": "p", "holder": "h", "amount_fen": amount_fen}
        await self.hear("finance.earmark.funded.v1", {**data, "basis": "lump", "entry": None})

    async def settle_money(self, mandate: str, returned_fen: int = 7) -> None:
        data = {"earmark": mandate, "mandate": mandate, "captured_fen": 0, "returned_fen": returned_fen}
        await self.hear("finance.earmark.settled.v1", data)
        await self.carry()

    # --- the callers' side ------------------------------------------------------------------------------------

    def token(self, org: str | None, subject: str | None = None, kind: str = "staff") -> str:
        now = self.clock.now().timestamp()
        who = subject or STAFF_OF.get(org or "", "somebody")
        claims = {"iss": ISSUER, "aud": "suizhuan", "sub": who, "kind": kind, "org": org, "exp": now + 3600}
        plain = {k: v for k, v in claims.items() if v is not None}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, plain, self.key, algorithms=["ES256"])

    async def get(self, path: str, org: str = "dept-sanitation", **params: Any) -> httpx.Response:
        return await self.http.get(path, params=params, headers={"Authorization": f"Bearer {self.token(org)}"})

    async def post(self, path: str, body: object, org: str = "dept-sanitation", **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.token(org)}", **headers}
        return await patient(lambda: self.http.post(path, json=body, headers=sent))

    def proposal(self, **changed: Any) -> dict[str, Any]:
        """A whole proposal: exposed rubbish for 南关社区."""
        end = utc_text(self.clock.now().replace(year=self.clock.now().year + 1))
        whole = {
            "affair": RUBBISH,
            "area": NANGUAN,
            "holder": "community-nanguan",
            "powers": ["complaints.case.handle"],
            "staff": ["staff-nanguan-01"],
            "ends_at": end,
            "amount_fen": 3_000_000,
            **changed,
        }
        return {k: v for k, v in whole.items() if v is not None}

    async def propose(self, org: str = "dept-sanitation", **changed: Any) -> dict[str, Any]:
        response = await self.post("/mandates", self.proposal(**changed), org)
        assert response.status_code == 201, response.text
        return dict(response.json())

    async def admit(self, mandate: str, org: str = "street-xiangli") -> httpx.Response:
        response = await self.post(f"/mandates/{mandate}/admission", {"decision": "admit"}, org)
        await self.carry()
        return response

    async def activate(self, **changed: Any) -> str:
        """A mandate on its whole way to active (as far as the replicas let it)."""
        mandate = str((await self.propose(**changed))["id"])
        response = await self.admit(mandate)
        assert response.status_code == 200, response.text
        return mandate

    async def state(self, mandate: str) -> str:
        return str((await self.row(mandate))["state"])

    async def row(self, mandate: str) -> dict[str, Any]:
        async with self.parts.database.read() as conn:
            query = select(mandate_table).where(mandate_table.c.id == mandate)
            return (await conn.execute(query)).one()._asdict()

    async def responsible(self, area: str = NANGUAN, affair: str = RUBBISH) -> str:
        answer = (await self.get("/routing", affair=affair, area=area)).json()
        return str(answer["responsible"]["holder"])

    def facts(self, *names: str) -> list[Published]:
        """What was published under these names (without their first two words), in order."""
        return [e for e in self.seen if e.name.split(".", 1)[1] in names]

    def last(self, name: str) -> dict[str, Any]:
        return self.facts(name)[-1].data


KEPT = ("gov.", "community.accounts", RUBBISH, "env.accumulated-waste", "street.parking", "forbidden.revenue")
KEPT_CERTIFICATES = ("certificate.residence", "forbidden-certificate.dog")
KEPT_ORGS = (*STAFF_OF, "dept-finance", "center-city-operations", "community-xiangli", "firm-jiecheng", "firm-lvjie")


@pytest.fixture(scope="session")
def seed() -> Seed:
    """The whole founding document."""
    return load_seed(SEED)


@pytest.fixture(scope="session")
def small_seed(seed: Seed) -> Seed:
    """As much of it as the tests use: founding the whole takes a second each time."""
    orgs = tuple(o for o in seed.organisations if o.id in KEPT_ORGS)
    kept = tuple(a for a in seed.affairs if a.code.startswith(KEPT) or a.code in KEPT_CERTIFICATES)
    codes, ids = {a.code for a in kept}, {o.id for o in orgs}
    return seed.model_copy(
        update={
            "organisations": orgs,
            "staff": tuple(s for s in seed.staff if s.org in ids),
            "affairs": kept,
            "mandates": tuple(m for m in seed.mandates if m.affair in codes and m.holder in ids),
        }
    )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def make_service(url: str, folder: Path, clock: Clock, log: Log | None = None) -> tuple[Service, ECKey]:
    """The service on that database, with the test profile (S = 4 s, A = 2 s), trusting a key of our own."""
    keys = folder / "jwks.json"
    if keys.exists():
        key = ECKey.import_key(json.loads((folder / "key.json").read_text()))
    else:
        key = ECKey.generate_key("P-256", {"kid": "k1"})
        keys.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
        (folder / "key.json").write_text(json.dumps(key.as_dict(private=True)))
    settings = load_settings(
        ServiceSettings,
        "mandates",
        database_url=url,
        data_dir=folder,
        profile="test",
        topics=("population.rekeying",),
        issuers=(IssuerSettings(issuer=ISSUER, jwks_file=keys),),
    )
    return build(settings, broker=log or cast(Log, object()), clock=clock), key


def made(url: str, folder: Path, clock: Clock) -> World:
    """The service on that database."""
    service, key = make_service(url, folder, clock)
    transport = httpx.ASGITransport(app=service.app)
    return World(service, clock, key, httpx.AsyncClient(transport=transport, base_url="http://mandates"))


@pytest.fixture
async def empty(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """Mandates with empty tables."""
    world = made(database_url, tmp_path, clock)
    await world.service.migrate()
    yield world
    await world.close()


@pytest.fixture
async def world(databases: Databases, tmp_path: Path, clock: ManualClock, small_seed: Seed) -> AsyncIterator[World]:
    """项里街道, founded, with complaints and finance as replicas beside mandates' own."""

    async def founded(url: str) -> int:
        first = made(url, tmp_path, clock)
        await first.service.migrate()
        await bootstrap(first.service, small_seed)
        await first.carry()
        await first.close()
        return first.offset

    url, offset = await databases.filled("mandates, founded", founded)
    world = made(url, tmp_path, clock)
    world.offset = offset
    await world.beat()
    await world.join(*OTHERS)
    world.seen.clear()
    yield world
    await world.close()
