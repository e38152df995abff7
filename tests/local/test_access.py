"""Every login against every topic and every group, on a broker of its own: what is not granted is refused by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError

from deploy.access import LOGINS, rules
from deploy.local import Kafka, Unavailable
from deploy.local.granting import grant
from deploy.local.kafka import ADMIN
from deploy.local.topics import make_all
from deploy.topology import GATEWAY, HUBS
from gateway.appending import there
from suizhuan.adapters.kafka_client import security
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.kernel.refusal import Refusal

from .access import GROUPS, READS, WRITES, as_, fill, may_join, may_read, may_write

pytestmark = pytest.mark.real
in_one_loop = pytest.mark.asyncio(loop_scope="module")


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
    await fill(broker, ADMIN)
    return broker


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
