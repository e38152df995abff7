"""Every login against every topic and every group, on a broker of its own: what is not granted is refused by it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from deploy.access import LOGINS, rules
from deploy.local import Kafka, Unavailable
from deploy.local.granting import grant
from deploy.local.kafka import ADMIN
from deploy.local.topics import make_all
from deploy.topology import GATEWAY, HUBS, SERVICES
from gateway.appending import there
from suizhuan.adapters.kafka_client import security
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import LogUnavailable
from suizhuan.ports.log import TopicPartition as Partition

pytestmark = pytest.mark.real
in_one_loop = pytest.mark.asyncio(loop_scope="module")

WRITES = {service.name: {topic.name for topic in service.topics} for service in SERVICES} | {hub: set() for hub in HUBS}
READS = {service.name: {*service.read, *WRITES[service.name]} for service in SERVICES}
TOPICS = sorted(set().union(*WRITES.values()) | {f"hub.{hub}" for hub in HUBS})
WRITES[GATEWAY] |= {f"hub.{hub}" for hub in HUBS}
READS |= {hub: {f"hub.{hub}"} for hub in HUBS}
GROUPS: dict[str, str | None] = {group: service.name for service in SERVICES for group in service.groups}
GROUPS |= {f"hub.{hub}.dashboards": hub for hub in HUBS} | {"hub": None, "hub.anybody": None, "anybody": None}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """With a login for each service and for a hub, all topics, a record in each, and what the topology allows."""
    kafka = Kafka(tmp_path_factory.mktemp("guarded") / "kafka", brief=True, logins=LOGINS)
    try:
        kafka.start()
    except Unavailable as reason:
        pytest.skip(str(reason))
    yield kafka
    kafka.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def granted(broker: Kafka) -> Kafka:
    admin = as_(broker, ADMIN)
    await make_all(broker.url, admin)
    await grant(broker.url, rules(), admin)
    async with AIOKafkaProducer(bootstrap_servers=broker.url, **admin) as producer:
        for topic in TOPICS:
            await producer.send_and_wait(topic, b"there", key=b"one", partition=0)
    return broker


def as_(broker: Kafka, login: str) -> dict[str, Any]:
    return security(login, broker.passwords[login])


async def may_write(broker: Kafka, login: str) -> set[str]:
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


async def may_read(broker: Kafka, login: str) -> set[str]:
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


async def may_join(broker: Kafka, login: str) -> set[str]:
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
async def consumer(broker: Kafka, login: str, **more: Any) -> AsyncIterator[AIOKafkaConsumer]:
    client = AIOKafkaConsumer(bootstrap_servers=broker.url, enable_auto_commit=False, **more, **as_(broker, login))
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@in_one_loop
@pytest.mark.parametrize("login", LOGINS)
async def test_a_login_writes_its_own_topics_only(granted: Kafka, login: str) -> None:
    assert await may_write(granted, login) == WRITES[login]


@in_one_loop
@pytest.mark.parametrize("login", LOGINS)
async def test_a_login_reads_what_was_declared_only(granted: Kafka, login: str) -> None:
    assert await may_read(granted, login) == READS[login]


@in_one_loop
@pytest.mark.parametrize("login", LOGINS)
async def test_a_login_takes_part_in_its_own_groups_only(granted: Kafka, login: str) -> None:
    assert await may_join(granted, login) == {group for group, owner in GROUPS.items() if owner == login}


@in_one_loop
@pytest.mark.parametrize("how", [{}, security("finance", "guessed"), security("nobody", "guessed")])
async def test_nobody_comes_in_without_a_login(granted: Kafka, how: dict[str, Any]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=granted.url, request_timeout_ms=3000, **how)
    with pytest.raises(KafkaConnectionError if not how else KafkaError):
        await producer.start()
    await producer.stop()


@in_one_loop
async def test_a_hub_without_a_topic_is_told_apart_from_a_broker_that_is_away(granted: Kafka) -> None:
    for broker, url, code in (
        (granted.url, "kafka:hub.nobody", "endpoint_refused"),
        ("127.0.0.1:1", f"kafka:hub.{HUBS[0]}", "log_unreachable"),
    ):
        log = KafkaLog(broker, security=as_(granted, GATEWAY))
        with pytest.raises(Refusal) as caught:
            await there(log, url)
        assert caught.value.code == code
        await log.close()


def test_a_folder_keeps_the_logins_it_was_made_with(broker: Kafka, tmp_path: Path) -> None:
    assert Kafka(broker.folder, logins=LOGINS).passwords == broker.passwords
    with pytest.raises(Unavailable, match="newcomer"):
        Kafka(broker.folder, logins=[*LOGINS, "newcomer"])
    (tmp_path / "server.properties").write_text("listeners=CLIENT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n")
    assert Kafka(tmp_path, logins=LOGINS).passwords == {}  # made before there were any


def test_passwords_are_for_the_eyes_of_their_owner(broker: Kafka) -> None:
    secret: list[Path] = [broker.folder / "logins.json", broker.folder / "server.properties"]
    assert [oct(file.stat().st_mode & 0o777) for file in secret] == ["0o600"] * 2
    assert len(set(broker.passwords.values())) == len(LOGINS) + 2
