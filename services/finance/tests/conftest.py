"""The real service on each database: its app over ASGI, its replica and its handlers, with the founding books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from finance.app import build
from finance.bootstrap import bootstrap, publish_tariffs
from suizhuan.kernel.clock import ManualClock
from suizhuan.ports.log import Log
from suizhuan.seed import Seed, load_seed
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import AuthorityLog, Published, feed, issuer_in, published, record
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import patient

SEED = Path(__file__).parents[3] / "deploy" / "seed" / "xiangli.seed.yaml"
ISSUER = "https://id.test.example"
ROOT_AREA, NANGUAN = "321302", "321302002907"
FINANCE, SANITATION, COMMUNITY, FIRM = "dept-finance", "dept-sanitation", "community-nanguan", "firm-xingfujiayuan"
POST, ALLOCATE = "finance.entry.post", "finance.budget.allocate"


@dataclass
class Api:
    """The service as somebody with a token meets it."""

    service: Service
    log: AuthorityLog
    http: httpx.AsyncClient
    clock: ManualClock
    key: ECKey
    seed: Seed

    async def found(self) -> None:
        """What the founding document says, and what mandates says of organisations and powers."""
        await self.service.migrate()
        await bootstrap(self.service, self.seed)
        await publish_tariffs(self.service)
        for org in self.seed.organisations:
            data = {
                "org": org.id,
                "name": org.name.zh,
                "areas": list(org.areas),
                "kind": org.kind,
                "parent": org.parent,
            }
            await self.hears("mandates.organisation.registered", org.id, data)
        await self.log.grant("root:gov.budget", FINANCE, "gov.budget", ROOT_AREA, [POST, ALLOCATE])
        await self.log.grant("m-accounts", COMMUNITY, "community.accounts", NANGUAN, [POST])
        await published(self.service.parts)

    async def close(self) -> None:
        await self.http.aclose()
        await self.service.close()

    def token(self, org: str | None, subject: str | None = None, kind: str = "staff") -> str:
        claims = {
            "iss": ISSUER,
            "aud": "suizhuan",
            "sub": subject or f"staff-of-{org}",
            "kind": kind,
            "org": org,
            "exp": self.clock.now().timestamp() + 3600,
        }
        head = {"alg": "ES256", "kid": "k1"}
        return jwt.encode(head, {k: v for k, v in claims.items() if v is not None}, self.key, algorithms=["ES256"])

    async def post(
        self, path: str, org: str, body: object, *, subject: str | None = None, key: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token(org, subject)}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return await patient(lambda: self.http.post(path, headers=headers, json=body))

    async def get(self, path: str, **params: Any) -> httpx.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {self.token(FINANCE)}"}, params=params)

    async def read(self, path: str, **params: Any) -> dict[str, Any]:
        answer = await self.get(path, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def hears(self, name: str, key: str, data: dict[str, Any]) -> list[Published]:
        """Feed one event; what finance said about it."""
        await feed(self.service, record(f"{name}.v1", data, key=key, time=self.clock.now()))
        return await published(self.service.parts)


def made(url: str, folder: Path, seed: Seed) -> Api:
    """The service on that database."""
    key, issuer = issuer_in(folder, ISSUER)
    settings = load_settings(
        ServiceSettings,
        "finance",
        database_url=url,
        data_dir=folder,
        issuers=(issuer,),
    )
    clock, unused = ManualClock(), object()
    broker: Log = unused  # type: ignore[assignment]  # the service is driven by hand
    service = build(settings, broker=broker, clock=clock)
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=service.app), base_url="http://finance")
    return Api(service, AuthorityLog(service.parts), http, clock, key, seed)


@pytest.fixture(scope="session")
def seed() -> Seed:
    """The whole founding document."""
    return load_seed(SEED)


@pytest.fixture
async def api(databases: Databases, tmp_path: Path, seed: Seed) -> AsyncIterator[Api]:
    """The books as they are founded; the finance department and 南关社区 hold their powers."""

    async def founded(url: str) -> AuthorityLog:
        first = made(url, tmp_path, seed)
        await first.found()
        await first.close()
        return first.log

    url, log = await databases.filled("finance, founded", founded)
    api = made(url, tmp_path, seed)
    api.log = AuthorityLog(api.service.parts, log.sequence, dict(log.terms))
    await api.log.beat()
    yield api
    await api.close()
