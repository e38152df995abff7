"""The log on Apache Kafka, over aiokafka. A broker that is away is waited for by whoever calls again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from suizhuan.adapters.kafka_client import REQUEST_MS, SESSION_MS, AdminClient, ConsumerClient, translated
from suizhuan.adapters.kafka_consumer import KafkaConsumer, KafkaReader, Listener, stop_client
from suizhuan.adapters.kafka_metadata import TopicIdsRequest
from suizhuan.adapters.kafka_producer import KafkaProducer
from suizhuan.ports.log import (
    LogUnavailable,
    OnAssigned,
    OnRevoked,
    TopicPartition,
    TopicSpec,
    UnknownTopic,
)


class _Closes(Protocol):
    async def close(self) -> None: ...


class KafkaLog:
    """A Kafka cluster. Usable from the start, also while no broker answers: then calls raise `LogUnavailable`.

    `security` goes to every aiokafka client as it is (`security_protocol`, `ssl_context`, `sasl_mechanism`, …).
    """

    def __init__(self, bootstrap: str, *, replication: int = 1, security: Mapping[str, Any] | None = None) -> None:
        self.bootstrap = bootstrap
        self.replication = replication  # of topics made here; a city says 3
        self.security = dict(security or {})
        self._admin: AdminClient | None = None
        self._asker: ConsumerClient | None = None  # asks for end offsets
        self._starting = asyncio.Lock()
        self._known: dict[str, int] = {}  # partitions of topics seen
        self._open: set[_Closes] = set()
        self._closed = False

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        found = await self._describe([spec.name for spec in topics])
        _check(topics, found)
        missing = [spec for spec in topics if spec.name not in found]
        if missing:
            await self._create(missing)
            _check(missing, await self._described(missing))  # another process may have been faster, and of another mind

    async def topic_id(self, topic: str) -> str:
        return str((await self._one(topic))["topic_id"])

    async def partitions(self, topic: str) -> list[TopicPartition]:
        count = self._known.get(topic) or len((await self._one(topic))["partitions"])
        return [TopicPartition(topic, p) for p in range(count)]

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        if not tps:
            return {}
        await self._must_exist(tps)
        async with translated():
            asker = await self._asking()
            try:
                ends = await asker.end_offsets([KafkaPartition(*tp) for tp in tps])
            except (KafkaError, OSError, TimeoutError):
                await self._forget_clients()
                raise
        return {TopicPartition(tp.topic, tp.partition): offset for tp, offset in ends.items()}

    async def producer(self, client_id: str) -> KafkaProducer:
        self._check_open()
        return KafkaProducer(self, client_id)

    async def consumer(
        self, group: str, topics: Sequence[str], *, on_assigned: OnAssigned, on_revoked: OnRevoked, client_id: str
    ) -> KafkaConsumer:
        for topic in topics:
            await self._one(topic)
        client = await self._started_consumer(group_id=group, client_id=client_id)
        listener = Listener(client, on_assigned, on_revoked)
        client.subscribe(topics=list(topics), listener=listener)
        return KafkaConsumer(self, client, listener)

    async def reader(self, start: Mapping[TopicPartition, int]) -> KafkaReader:
        await self._must_exist(start)
        client = await self._started_consumer(group_id=None)
        client.assign([KafkaPartition(*tp) for tp in start])
        for tp, offset in start.items():
            client.seek(KafkaPartition(*tp), offset)
        return KafkaReader(self, client, dict(start))

    async def close(self) -> None:
        self._closed = True
        await asyncio.gather(*(made.close() for made in list(self._open)))
        await self._forget_clients()

    def _check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("the log is closed")

    async def _must_exist(self, tps: Sequence[TopicPartition] | Mapping[TopicPartition, int]) -> None:
        """Errors: `UnknownTopic` unless all these partitions exist."""
        for topic in sorted({tp.topic for tp in tps}):
            there = set(await self.partitions(topic))
            for tp in tps:
                if tp.topic == topic and tp not in there:
                    raise UnknownTopic(f"{topic} has no partition {tp.partition}")

    async def _one(self, topic: str) -> dict[str, Any]:
        """Errors: `UnknownTopic`, `LogUnavailable`."""
        found = await self._describe([topic])
        if topic not in found:
            self._known.pop(topic, None)
            raise UnknownTopic(topic)
        return found[topic]

    async def _describe(self, topics: list[str]) -> dict[str, dict[str, Any]]:
        """Id and partitions of those of the topics that exist. Errors: `LogUnavailable`."""
        async with translated():
            admin = await self._client()
            try:
                answer = (await admin._send_request(TopicIdsRequest(topics))).to_object()
            except (KafkaError, OSError, TimeoutError):
                await self._forget_clients()
                raise
            found = {}
            for topic in answer["topics"]:
                error = for_code(topic["error_code"]) if topic["error_code"] else None
                if error in (UnknownTopicOrPartitionError, InvalidTopicError):
                    continue
                if error is not None:
                    raise error(topic["topic"])
                found[topic["topic"]] = topic
                self._known[topic["topic"]] = len(topic["partitions"])
            return found

    async def _create(self, specs: Sequence[TopicSpec]) -> None:
        async with translated():
            admin = await self._client()
            wanted = [self._new(spec) for spec in specs]
            for topic in (await admin.create_topics(wanted)).to_object()["topic_errors"]:
                error = for_code(topic["error_code"]) if topic["error_code"] else None
                if error is InvalidTopicError:
                    raise ValueError(f"Kafka takes no topic of this name: {topic['topic']}")
                if error not in (None, TopicAlreadyExistsError):
                    raise error(topic["topic"])

    def _new(self, spec: TopicSpec) -> NewTopic:
        configs = topic_configs(spec)
        return NewTopic(spec.name, spec.partitions, self.replication, topic_configs=configs)  # type: ignore[no-untyped-call]

    async def _described(self, specs: Sequence[TopicSpec]) -> dict[str, dict[str, Any]]:
        """Topics just made: brokers learn of them a moment after their creation was answered."""
        async with translated(), asyncio.timeout(REQUEST_MS / 1000):
            while True:
                found = await self._describe([spec.name for spec in specs])
                partitions = [p for topic in found.values() for p in topic["partitions"]]
                if len(found) == len(specs) and not any(p["error_code"] for p in partitions):
                    return found
                await asyncio.sleep(0.02)

    async def _client(self) -> AdminClient:
        self._check_open()
        async with self._starting:
            if self._admin is None:
                admin: AdminClient = AIOKafkaAdminClient(
                    bootstrap_servers=self.bootstrap, request_timeout_ms=REQUEST_MS, **self.security
                )
                try:
                    await admin.start()
                except BaseException:
                    await admin._client.close()
                    raise
                self._admin = admin
            return self._admin

    async def _asking(self) -> ConsumerClient:
        async with self._starting:
            if self._asker is None:
                self._asker = await self._started_consumer(group_id=None)
            return self._asker

    async def _forget_clients(self) -> None:
        """The next call begins with new connections."""
        async with self._starting:
            admin, self._admin = self._admin, None
            asker, self._asker = self._asker, None
            if admin is not None:
                await admin.close()
            if asker is not None:
                await stop_client(asker)

    async def _started_consumer(self, **more: Any) -> ConsumerClient:
        self._check_open()
        client: ConsumerClient = AIOKafkaConsumer(  # type: ignore[no-untyped-call]
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            # An offset the log does not hold is told, never replaced by another one.
            auto_offset_reset="none",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 4,
            request_timeout_ms=REQUEST_MS,
            max_poll_interval_ms=300_000,
            metadata_max_age_ms=30_000,
            # A fetch under way holds up a partition just assigned, sought or resumed; more of them keep a broker busy
            # where nothing happens: at 100 ms twice as busy as at 500, where members change places in twice the time.
            fetch_max_wait_ms=300,
            **more,
            **self.security,
        )
        async with translated():
            try:
                await client.start()
            except BaseException:
                await stop_client(client)
                raise
        return client


def _check(specs: Sequence[TopicSpec], found: Mapping[str, dict[str, Any]]) -> None:
    for spec in specs:
        if spec.name in found and (count := len(found[spec.name]["partitions"])) != spec.partitions:
            raise ValueError(f"{spec.name} has {count} partitions, not {spec.partitions}")


def topic_configs(spec: TopicSpec) -> dict[str, str]:
    """What Kafka is told of a topic beside its partitions."""
    if spec.compacted:
        return {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": str(int(spec.min_compaction_lag_s * 1000)),
        }
    return {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
