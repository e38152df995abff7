"""上联 by Kafka: what a hub has subscribed to comes on a topic of its own, masked, behind receipts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from gateway import store_hub
from gateway.appending import HEADERS
from gateway.domain import cursor
from gateway.domain.cursor import TOPICS
from gateway.domain.subscription import ACTIVE, Subscription
from gateway.positions import since
from suizhuan.kernel.clock import SystemClock
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import Record, TopicSpec

from .conftest import World, at_work, client, until
from .story import true_history
from .test_hub import hub

pytestmark = pytest.mark.either_database

TOPIC = "hub.hub-1"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def subscribed(http: httpx.AsyncClient, world: World, purpose: str, **more: Any) -> httpx.Response:
    return await http.post("/subscriptions", headers=hub(world, purpose), json={"url": "kafka:", **more})


async def records(world: World, topic: str = TOPIC) -> list[Record]:
    """All that is there."""
    tps = await world.log.partitions(topic)
    ends = await world.log.end_offsets(tps)
    reader = await world.log.reader(dict.fromkeys(tps, 0))
    found: list[Record] = []
    while any(reader.position(tp) < ends[tp] for tp in tps):
        for batch in (await reader.poll(timeout=1, max_records=500)).values():
            found += batch
    await reader.close()
    return found


def bodies(found: list[Record]) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in found]


async def test_a_hub_reads_on_its_own_topic_what_its_purpose_covers(world: World) -> None:
    await world.log.ensure_topics([TopicSpec(TOPIC)])
    await world.tell(true_history())
    gateway = world.gateway()
    async with at_work(gateway), client(gateway) as http:
        made = await subscribed(http, world, "statistics", types=["finance.hold.*"], **{"from": "2026-01-01"})
        assert (made.status_code, made.json()["url"]) == (201, f"kafka:{TOPIC}")

        async def delivered() -> list[Record]:
            found = await records(world)
            page = (await http.get("/subscriptions", headers=hub(world, "statistics"))).json()
            return found if found and page["items"][0]["delivered"] == len(found) else []

        found = await until(delivered)
        shown = bodies(found)
        assert {body["type"].rpartition(".")[0].rpartition(".")[0] for body in shown} == {"finance.hold"}
        masked = [body for body in shown if "masked" in body]
        assert masked
        assert all(body["data"][field] is None for body in masked for field in body["masked"] if field in body["data"])
        assert all("actor" not in body for body in shown)
        assert {record.headers for record in found} == {HEADERS}
        receipts = (await http.get("/receipts", headers=hub(world, "statistics"))).json()["items"]
        assert {(r["how"], r["purpose"], r["service"]) for r in receipts} == {("kafka", "statistics", "finance")}
        assert sum(r["events"] for r in receipts) == len(found)


async def test_an_aggregate_s_events_come_in_order_in_one_partition(world: World) -> None:
    await world.log.ensure_topics([TopicSpec(TOPIC)])
    await world.tell(true_history())
    gateway = world.gateway()
    async with at_work(gateway), client(gateway) as http:
        await subscribed(http, world, "city-operations", types=["complaints.case.*"], **{"from": "2026-01-01"})
        found = await until(lambda: records(world))
    by_key: dict[bytes, list[int]] = {}
    for record in found:
        assert record.partition == partition_for(record.key, 3)
        by_key.setdefault(record.key, []).append(int(json.loads(record.value)["sequence"]))
    assert by_key
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


async def test_a_hub_without_a_topic_of_its_own_is_refused(world: World) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    async with client(gateway) as http:
        for wanted in ("kafka:", "kafka:hub.hub-2", "kafka:mandates.authority"):
            answer = await http.post("/subscriptions", headers=hub(world, "statistics"), json={"url": wanted})
            assert (answer.status_code, answer.json()["code"]) == (422, "endpoint_refused"), wanted


async def test_a_topic_that_is_gone_stops_the_subscription_with_its_reason(world: World) -> None:
    await world.tell(true_history())
    gateway = world.gateway()
    await gateway.migrate()
    start = cursor.encode(await since(world.log, LONG_AGO, TOPICS))
    async with gateway.parts.database.write() as conn:
        now = SystemClock().now()
        await store_hub.add(
            conn,
            Subscription("s", "hub-1", "statistics", f"kafka:{TOPIC}", (), None, None, ACTIVE, start, 1, now),
        )
    async with at_work(gateway), client(gateway) as http:

        async def failing() -> Any:
            page = (await http.get("/subscriptions", headers=hub(world, "statistics"))).json()
            return [one for one in page["items"] if one["why"]]

        (stopped,) = await until(failing)
        assert (stopped["why"], stopped["state"], stopped["delivered"]) == ("no topic for this hub", "active", 0)
