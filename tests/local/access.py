"""What a login may do at a broker, found by trying; and what it should be able to do, by the topology."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from deploy.topology import GATEWAY, HUBS, SERVICES
from suizhuan.adapters.kafka_client import security
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.ports.log import LogUnavailable
from suizhuan.ports.log import TopicPartition as Partition

WRITES = {service.name: {topic.name for topic in service.topics} for service in SERVICES} | {hub: set() for hub in HUBS}
READS = {service.name: {*service.read, *WRITES[service.name]} for service in SERVICES}
TOPICS = sorted(set().union(*WRITES.values()) | {f"hub.{hub}" for hub in HUBS})
WRITES[GATEWAY] |= {f"hub.{hub}" for hub in HUBS}
READS |= {hub: {f"hub.{hub}"} for hub in HUBS}
GROUPS: dict[str, str | None] = {group: service.name for service in SERVICES for group in service.groups}
GROUPS |= {f"hub.{hub}.dashboards": hub for hub in HUBS} | {"hub": None, "hub.anybody": None, "anybody": None}


class Guarded(Protocol):
    """A broker that wants logins: where it is, and their passwords."""

    @property
    def url(self) -> str: ...

    @property
    def passwords(self) -> Mapping[str, str]: ...


async def fill(broker: Guarded, admin: str) -> None:
    """A record into every topic, so that there is something to read."""
    async with AIOKafkaProducer(bootstrap_servers=broker.url, **as_(broker, admin)) as producer:
        for topic in TOPICS:
            await producer.send_and_wait(topic, b"there", key=b"one", partition=0)


def as_(broker: Guarded, login: str) -> dict[str, Any]:
    return security(login, broker.passwords[login])


async def may_write(broker: Guarded, login: str) -> set[str]:
    """To which topics the broker lets it append."""
    found = set()
    async with AIOKafkaProducer(bootstrap_servers=broker.url, acks="all", **as_(broker, login)) as producer:
        for topic in TOPICS:
            try:
                await producer.send_and_wait(topic, b"forged", key=b"one", partition=0)
                found.add(topic)
            except TopicAuthorizationFailedError:
                continue
    return found


async def may_read(broker: Guarded, login: str) -> set[str]:
    """Of which topics it is given the first record. Who is not told that a topic exists may not read it either."""
    found = set()
    log = KafkaLog(broker.url, security=as_(broker, login))
    for topic in TOPICS:
        try:
            await log.partitions(topic)
        except LogUnavailable as refused:
            assert "TopicAuthorizationFailed" in str(refused)
            continue
        reader = await log.reader({Partition(topic, 0): 0})
        try:
            if await reader.poll(timeout=10, max_records=1):
                found.add(topic)
        except LogUnavailable as refused:  # it may only write there
            assert "TopicAuthorizationFailed" in str(refused)
        await reader.close()
    await log.close()
    return found


async def may_join(broker: Guarded, login: str) -> set[str]:
    """In which groups it may say how far it is."""
    topic, found = min(READS[login]), set()
    for group in GROUPS:
        place = TopicPartition(topic, 0)
        async with consumer(broker, login, group_id=group) as client:
            client.assign([place])
            try:
                await client.commit({place: 0})
                found.add(group)
            except GroupAuthorizationFailedError:
                continue
    return found


@asynccontextmanager
async def consumer(broker: Guarded, login: str, **more: Any) -> AsyncIterator[AIOKafkaConsumer]:
    client = AIOKafkaConsumer(bootstrap_servers=broker.url, enable_auto_commit=False, **more, **as_(broker, login))
    await client.start()
    try:
        yield client
    finally:
        await client.stop()
