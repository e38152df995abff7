"""The runbook's steps for the containers, run as they are written, while somebody uses the platform."""

from __future__ import annotations

import asyncio
from collections import Counter

import asyncpg
import pytest
import redis
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from deploy.containers import IMAGES
from deploy.story import Client
from deploy.story.client import Caller, ProblemAnswer
from suizhuan.adapters.kafka_client import security
from tests.pages import block

from .stack import Broker, Stack, stand_ins
from .story import PATIENCE_S, client, told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ROTATING, CONFIGS = "rotating.md", "/opt/kafka/bin/kafka-configs.sh"
NANGUAN = "321302002907"


async def done(stack: Stack, script: str) -> str:
    return await asyncio.to_thread(stack.shell, script)


async def test_a_service_gets_another_login_at_kafka(stack: Stack) -> None:
    before = stack.secret("kafka_complaints")
    script = block(ROTATING, "Kafka")
    if stand_ins(IMAGES["kafka"])[IMAGES["kafka"]]:  # its script names a class that Kafka 4.3.1 does not have
        assert CONFIGS in script
        script = script.replace(CONFIGS, 'java -cp "/opt/kafka/libs/*" kafka.admin.ConfigCommand')
    await done(stack, script)
    after = stack.secret("kafka_complaints")
    assert after != before
    broker = Broker(stack)
    with broker.named():
        assert await signs_in(broker.url, "complaints", after)
        assert not await signs_in(broker.url, "complaints", before)
    await told(stack)


async def signs_in(url: str, login: str, password: str) -> bool:
    producer = AIOKafkaProducer(bootstrap_servers=url, request_timeout_ms=3000, **security(login, password))
    try:
        await producer.start()
    except KafkaError:
        return False
    finally:
        await producer.stop()
    return True


async def test_a_database_gets_another_password(stack: Stack) -> None:
    before = stack.secret("postgres_complaints")
    await done(stack, block(ROTATING, "database password"))
    after = stack.secret("postgres_complaints")
    how = {"host": stack.address("postgres"), "user": "complaints", "database": "complaints"}
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**how, password=before)
    await (await asyncpg.connect(**how, password=after)).close()
    await told(stack)


async def test_redis_gets_another_password(stack: Stack) -> None:
    before = stack.secret("redis")
    await done(stack, block(ROTATING, "Redis"))
    for password, known in ((before, False), (stack.secret("redis"), True)):
        with redis.Redis(host=stack.address("redis"), password=password) as cache:
            if not known:
                with pytest.raises(redis.AuthenticationError):
                    cache.ping()
            else:
                assert cache.ping()
                assert cache.client_list(), "nobody uses it"
    await told(stack)


async def test_the_main_key_of_webhooks_is_another(stack: Stack) -> None:
    async with client(stack) as caller:
        hub, body = await hub_of(caller), {"url": "kafka:", "types": ["complaints.case.reported"]}
        made = await hub.post("/subscriptions", body, key="rotated")
        assert (await hub.post("/subscriptions", body, key="rotated"))["secret"] == made["secret"]
        await done(stack, block(ROTATING, "Webhook"))
        again = await hub.post("/subscriptions", body, key="rotated")
        assert (again["id"], again["generation"]) == (made["id"], made["generation"])
        assert again["secret"] != made["secret"]
        await hub.post(f"/subscriptions/{made['id']}/end")
    await told(stack)


async def test_a_backup_is_restored_and_its_service_works_at_once(stack: Stack) -> None:
    async with client(stack) as caller, caller.listening(await hub_of(caller)) as stream:
        kept = await reported(caller)
        await done(stack, block("backup.md", "Back up", "docker compose"))
        lost = await reported(caller)
        await stream.wait("complaints.case.reported", lambda event: event.key == lost, timeout=PATIENCE_S)
        said = await done(stack, block("backup.md", "恢复 / Restore", "docker compose"))
        assert "complaints.case.reported" in said, said
        later = await reported(caller)
        clerk = await caller.sign_in("staff-street-03")
        for case in (kept, lost, later):  # the second one came back from the log
            assert (await clerk.get(f"/complaints/cases/{case}"))["id"] == case
    assert await replaced(stack) == 1
    await told(stack)


async def replaced(stack: Stack) -> int:
    """How many times what was there stands aside, in its own schema."""
    how = {"host": stack.address("postgres"), "user": "complaints", "database": "complaints"}
    connection = await asyncpg.connect(**how, password=stack.secret("postgres_complaints"))
    try:
        found = "SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'before_restore_%'"
        return int(await connection.fetchval(found))
    finally:
        await connection.close()


async def hub_of(caller: Client) -> Caller:
    return await caller.sign_in_program("hub-smart-city", "demo-hub-secret")


async def reported(caller: Client) -> str:
    resident = await caller.sign_in("resident-nanguan-01")
    body = {"category": "01-02", "area": NANGUAN, "channel": "wechat", "description": "probe"}
    return str((await resident.post("/complaints/cases", body))["id"])


async def test_a_service_is_upgraded_and_nobody_notices(stack: Stack) -> None:
    first, second = (block("upgrade.md", "In containers", words) for words in ("SUIZHUAN_VERSION", "complaints=1"))
    asking = Asking(stack)
    working = asyncio.create_task(asking.run())
    await done(stack, f"{first}\n{second}")
    asking.over = True
    await working
    assert set(asking.answers) == {"done"}, asking.answers
    assert stack.containers()["complaints"]["Config"]["Image"].endswith(":next")
    await told(stack)
    await done(stack, "docker compose up -d --no-deps --wait complaints complaints-worker")  # back
    assert not stack.containers()["complaints"]["Config"]["Image"].endswith(":next")
    await told(stack)


class Asking:
    """Reports one case after another, and never says it twice."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.over = stack, False
        self.answers: Counter[str] = Counter()

    async def run(self) -> None:
        async with client(self.stack, patience=0) as caller:
            while not self.over:
                try:
                    await reported(caller)
                    self.answers["done"] += 1
                except ProblemAnswer as no:
                    self.answers[str(no)] += 1
                await asyncio.sleep(0.5)  # the pace of reporting


async def test_kafka_is_away_for_a_while(stack: Stack) -> None:
    stop, start = block("broker-lost.md", "停了一会儿", "docker compose").strip().splitlines()
    async with client(stack) as caller, caller.listening(await hub_of(caller)) as stream:
        await done(stack, stop)
        case = await reported(caller)
        await done(stack, start)
        await stream.wait("complaints.case.reported", lambda event: event.key == case, timeout=PATIENCE_S)
    await told(stack)


async def test_dead_letters_are_listed(stack: Stack) -> None:
    for command in (
        "docker compose run --rm --no-deps complaints dead-letters",
        "docker compose exec -T complaints-worker python -m complaints dead-letters",
    ):
        assert "0 条死信 / dead letters" in await done(stack, command)
