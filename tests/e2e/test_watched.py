"""A real Prometheus watches the real profile: after the tour no dashboard has an empty panel, and nothing is wrong.

When something is, it is told; when it is mended, no more."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.access import LOGINS
from deploy.grafana.__main__ import BOARDS
from deploy.grafana.hub import NONE
from deploy.local import Kafka, Unavailable
from deploy.local.platform import ISSUER_NAME, Platform
from deploy.local.prometheus import Prometheus
from deploy.story import Client, Silent, tell
from deploy.topology import HUBS

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

PATIENCE_S = 90.0
TOLD_S = 300.0  # an event may wait for a minute, and that for another
REPORT = {"category": "01-02", "area": "321302002907001", "description": "垃圾"}
# As in containers: who answers, and who works.
ROLES = {"gateway": ("api", "worker"), "complaints": ("api", "worker")}


async def test_after_the_tour_all_is_shown_and_no_alert_fires_until_something_is_wrong(
    postgres_url: str, redis_url: str, tmp_path: Path, not_to_be_had: Callable[[Exception], None]
) -> None:
    kafka = Kafka(tmp_path / "kafka", brief=True, logins=LOGINS)
    try:
        await asyncio.to_thread(kafka.start)
        servers = {"kafka": kafka.url, "postgres": postgres_url, "redis": redis_url}
        async with Platform(tmp_path, **servers, passwords=kafka.passwords, roles=ROLES) as platform:
            with Prometheus(tmp_path / "prometheus", targets(platform)) as prometheus:
                async with (
                    Client(platform.base, platform.issuer) as client,
                    httpx.AsyncClient(base_url=prometheus.url, timeout=30.0) as http,
                ):
                    await everybody_is_read(http, sum(map(len, targets(platform).values())))
                    await tell(client, Silent(), patience=PATIENCE_S)
                    await subscribed(client)
                    await everything_is_shown(http)
                    await all_rules_work_and_none_fires(http)
                    await what_is_wrong_is_told(http, client, platform, kafka)
    except Unavailable as reason:
        not_to_be_had(reason)
    finally:
        await asyncio.to_thread(kafka.kill)


def targets(platform: Platform) -> dict[str, list[str]]:
    """By job; who does both is asked as a worker."""
    programs = [name for name in platform.programs if name != ISSUER_NAME]
    ports = {name: platform.ports.get(name) or platform.ports[name.removesuffix("-api")] for name in programs}
    return {
        "api": [f"127.0.0.1:{port}" for name, port in ports.items() if name.endswith("-api")],
        "worker": [f"127.0.0.1:{port}" for name, port in ports.items() if not name.endswith("-api")],
    }


async def everybody_is_read(http: httpx.AsyncClient, programs: int) -> None:
    """Once at least: what is counted before that is no increase."""
    async with asyncio.timeout(PATIENCE_S):
        while len(await numbers(http, "up == 1")) < programs:  # noqa: ASYNC110 - of another program
            await asyncio.sleep(0.5)  # twice as often as it asks the services


async def subscribed(client: Client) -> None:
    """What the tour does not do: a hub that has something pushed to it."""
    hub = await client.sign_in_program(HUBS[0], "demo-hub-secret")
    await hub.post("/subscriptions", {"url": "kafka:", "types": ["complaints.case.reported"]})
    await reported(client)


async def reported(client: Client) -> None:
    resident = await client.sign_in("resident-nanguan-01")
    await resident.post("/complaints/cases", REPORT)


async def everything_is_shown(http: httpx.AsyncClient) -> None:
    """Every expression of every dashboard has a number, also where nothing at all would be shown as 0."""
    empty = {query.expr.removesuffix(NONE) for board in BOARDS for query in board.queries()}
    empty -= {'count(ALERTS{alertstate="firing"})'}  # no alert
    assert len(empty) > 50
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                empty = {expression for expression in empty if not await numbers(http, expression)}
                if not empty:
                    return
                await asyncio.sleep(1)  # as often as it asks the services
    except TimeoutError:
        raise AssertionError(f"shown empty: {sorted(empty)}") from None


async def numbers(http: httpx.AsyncClient, expression: str) -> list[float]:
    answer = (await asked(http, "query", query=expression))["result"]
    return [value for one in answer if math.isfinite(value := float(one["value"][1]))]


async def all_rules_work_and_none_fires(http: httpx.AsyncClient) -> None:
    rules = [rule for group in (await asked(http, "rules"))["groups"] for rule in group["rules"]]
    assert rules and {rule["health"] for rule in rules} == {"ok"}, [r.get("lastError") for r in rules]
    assert [rule["name"] for rule in rules if rule.get("state") == "firing"] == []


async def what_is_wrong_is_told(http: httpx.AsyncClient, client: Client, platform: Platform, kafka: Kafka) -> None:
    """One service is dead and Kafka is away, while a case is reported; then both are back."""
    wrong = {"ServiceDown", "OutboxOld"}
    await platform.kill("property")
    await asyncio.to_thread(kafka.stop)
    await reported(client)
    await until(http, lambda firing: wrong <= firing)
    await asyncio.to_thread(kafka.start)
    await platform.start_service("property")
    await until(http, lambda firing: not wrong & firing)


async def until(http: httpx.AsyncClient, holds: Callable[[set[str]], bool]) -> None:
    """Of the names of the alerts that fire."""
    firing: set[str] = set()
    try:
        async with asyncio.timeout(TOLD_S):
            while True:
                alerts = (await asked(http, "alerts"))["alerts"]
                firing = {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}
                if holds(firing):
                    return
                await asyncio.sleep(1)  # as often as it asks the services
    except TimeoutError:
        raise AssertionError(f"firing: {sorted(firing)}") from None


async def asked(http: httpx.AsyncClient, what: str, **params: str) -> dict[str, Any]:
    answer = await http.get(f"/api/v1/{what}", params=params)
    return dict(answer.raise_for_status().json()["data"])
