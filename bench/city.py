"""The real profile for a measurement: every service a process of its own, with the people who act in it."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bench.stage import Servers
from bench.watch import Sight, Watch
from deploy.local.packages import LOCAL
from deploy.local.platform import Platform
from deploy.local.redis import Redis
from deploy.story.client import Client

SERVICES = ("mandates", "finance", "complaints", "gateway")
HANDLE, AFFAIR, CATEGORY = "complaints.case.handle", "env.exposed-rubbish", "01-02"
COMMUNITY, FIRM, GRID = "community-nanguan", "firm-jiecheng", "321302002907500"
TOLD = ("complaints.case.started", "complaints.case.handover_requested", "complaints.case.handed_over")
HISTORY = Sight("case_history", "INSERT", "NEW.event || ' ' || NEW.case_id", f"NEW.event IN {TOLD}")
STEP = Sight("case_step", "INSERT", "'seen ' || NEW.type || ' ' || NEW.\"case\"", "NEW.topic = 'complaints.case'")
OPENED = Sight("switch", "INSERT OR UPDATE", "'opened ' || NEW.mandate", "NEW.state = 'open' AND NOT NEW.on_log")


@dataclass(slots=True)
class City:
    """Who acts, where, and what is seen of it."""

    platform: Platform
    watch: Watch
    http: httpx.AsyncClient
    tokens: dict[str, str]

    async def post(self, who: str, service: str, path: str, body: object = None) -> dict[str, Any]:
        """A command to a service itself. Errors: SystemExit when it was refused."""
        answer = await self.http.post(
            f"{self.platform.url(service)}/{service}{path}",
            json={} if body is None else body,
            headers={"Authorization": f"Bearer {self.tokens[who]}"},
        )
        if answer.status_code >= 300:
            raise SystemExit(f"{who}: POST {path}: {answer.status_code} {answer.text[:500]}")
        return dict(answer.json())

    async def report(self, count: int, area: str) -> list[str]:
        """Cases of residents, when the gateway has seen them all."""
        body = {"category": CATEGORY, "area": area, "channel": "wechat", "description": "垃圾"}
        gate = asyncio.Semaphore(4)

        async def one() -> str:
            async with gate:
                return str((await self.post("resident", "complaints", "/cases", body))["id"])

        cases = await asyncio.gather(*(one() for _ in range(count)))
        await self.watch.wait(*(f"seen complaints.case.routed.v1 {case}" for case in cases))
        return list(cases)

    async def mandate(self, area: str, amount_fen: int) -> str:
        """An active one of the community for an area; its power is there in every service."""
        end = datetime.now(UTC) + timedelta(days=30)
        terms = {"affair": AFFAIR, "area": area, "holder": COMMUNITY, "powers": [HANDLE], "staff": ["staff-nanguan-01"]}
        made = await self.post(
            "sanitation", "mandates", "/mandates", {**terms, "amount_fen": amount_fen, "ends_at": end.isoformat()}
        )
        mandate = str(made["id"])
        await self.post("street", "mandates", f"/mandates/{mandate}/admission", {"decision": "admit"})
        await self.watch.wait(*everywhere(mandate, live=True))
        return mandate


def everywhere(mandate: str, *, live: bool) -> Sequence[str]:
    """What every service's replica says when it has applied the record that moved the mandate."""
    return [f"{service} {mandate} {str(live).lower()}" for service in SERVICES]


@asynccontextmanager
async def city(servers: Servers) -> AsyncIterator[City]:
    """Founded, with everybody signed in. Its broker must hold no other platform."""
    redis = Redis(LOCAL / "bench" / str(os.getpid()) / "redis")
    watch = Watch()
    with tempfile.TemporaryDirectory(prefix="suizhuan-bench-") as folder:
        try:
            await asyncio.to_thread(redis.start)
            async with (
                Platform(Path(folder), kafka=servers.kafka, postgres=servers.postgres, redis=redis.url) as platform,
                Client(platform.base, platform.issuer) as client,
                httpx.AsyncClient(timeout=60.0, trust_env=False) as http,
            ):
                subjects = {
                    "sanitation": "staff-sanitation-01",
                    "street": "staff-street-02",
                    "crew": "staff-jiecheng-02",
                    "resident": "resident-nanguan-01",
                }
                tokens = {who: (await client.sign_in(subject)).token for who, subject in subjects.items()}
                for service in SERVICES:
                    url = platform.database_url(service).replace("postgresql+asyncpg", "postgresql")
                    await watch.begin(url, _sights(service))
                yield City(platform, watch, http, tokens)
                await watch.close()
        finally:
            await asyncio.to_thread(redis.remove)


def _sights(service: str) -> list[Sight]:
    words = f"'{service} ' || NEW.mandate || ' ' || NEW.live"
    sights = [Sight("authority_grant", "INSERT OR UPDATE", words, "NEW.role = 'lead'")]
    own = {"complaints": HISTORY, "gateway": STEP, "mandates": OPENED}
    return [*sights, *([own[service]] if service in own else [])]
