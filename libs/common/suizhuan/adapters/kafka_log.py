"""The log on Apache Kafka, over aiokafka. A broker that is away is waited for by whoever calls again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    UnknownTopicOrPartitionError,
    for_code,
)

from suizhuan.adapters.kafka_metadata import TopicIdsRequest
from suizhuan.ports.log import (
    Appended,
    LogUnavailable,
    NewRecord,
    OnAssigned,
    OnRevoked,
    Record,
    TopicPartition,
    TopicSpec,
    UnknownTopic,
)

REQUEST_MS = 10_000
SESSION_MS = 10_000
DELIVERY_S = 5.0  # aiokafka's idempotent producer would wait for its broker for ever
BATCH_BYTES = 512 * 1024
TOPIC_EXISTS = 36


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Kafka's errors in the port's words."""
    try:
        yield
    except UnknownTopicOrPartitionError as error:
        raise UnknownTopic(str(error)) from error
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"{type(error).__name__}: {error}"[:300]) from error


class KafkaLog:
    """A Kafka cluster. Usable from the start, also while no broker answers: then calls raise `LogUnavailable`."""

    def __init__(self, bootstrap: str, *, replication: int = 1, security: Mapping[str, Any] | None = None) -> None:
        self.bootstrap = bootstrap
        self.replication = replication  # of topics made here; a city says 3
        self.security = dict(security or {})
        self._admin: AIOKafkaAdminClient | None = None
        self._admin_lock = asyncio.Lock()
        self._known: dict[str, int] = {}  # partitions of topics seen

    async def _client(self) -> AIOKafkaAdminClient:
        async with self._admin_lock:
            if self._admin is None:
                admin = AIOKafkaAdminClient(
                    bootstrap_servers=self.bootstrap, request_timeout_ms=REQUEST_MS, **self.security
                )
                try:
                    await admin.start()
                except BaseException:
                    await admin._client.close()
                    raise
                self._admin = admin
            return self._admin

    async def _forget_client(self) -> None:
        async with self._admin_lock:
            admin, self._admin = self._admin, None
        if admin is not None:
            await admin.close()

    async def _describe(self, topics: list[str]) -> dict[str, dict[str, Any]]:
        """Id and partitions of each topic. Errors: `UnknownTopic`, `LogUnavailable`."""
        async with _translated():
            admin = await self._client()
            try:
                answer = (await admin._send_request(TopicIdsRequest(topics))).to_object()
            except (KafkaError, OSError, TimeoutError):
                await self._forget_client()
                raise
            found = {}
            for topic in answer["topics"]:
                if topic["error_code"]:
                    raise for_code(topic["error_code"])(topic["topic"])
                found[topic["topic"]] = topic
                self._known[topic["topic"]] = len(topic["partitions"])
            return found

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        missing = []
        for spec in topics:
            try:
                found = (await self._describe([spec.name]))[spec.name]
            except UnknownTopic:
                missing.append(spec)
                continue
            if len(found["partitions"]) != spec.partitions:
                raise ValueError(f"{spec.name} has {len(found['partitions'])} partitions, not {spec.partitions}")
        if missing:
            await self._create(missing)

    async def _create(self, specs: Sequence[TopicSpec]) -> None:
        async with _translated():
            admin = await self._client()
            answer = (
                await admin.create_topics(
                    [NewTopic(s.name, s.partitions, self.replication, topic_configs=_configs(s)) for s in specs]
                )
            ).to_object()
            for topic in answer["topic_errors"]:
                if topic["error_code"] not in (0, TOPIC_EXISTS):
                    raise for_code(topic["error_code"])(topic["topic"])
        for spec in specs:
            await self._until_known(spec.name)

    async def _until_known(self, topic: str) -> None:
        """Brokers learn of a new topic a moment after its creation was answered."""
        async with asyncio.timeout(REQUEST_MS / 1000):
            while True:
                try:
                    found = (await self._describe([topic]))[topic]
                    if all(not p["error_code"] for p in found["partitions"]):
                        return
                except UnknownTopic:
                    pass
                await asyncio.sleep(0.02)

    async def topic_id(self, topic: str) -> str:
        return str((await self._describe([topic]))[topic]["topic_id"])

    async def partitions(self, topic: str) -> list[TopicPartition]:
        count = self._known.get(topic) or len((await self._describe([topic]))[topic]["partitions"])
        return [TopicPartition(topic, p) for p in range(count)]

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        if not tps:
            return {}
        for topic in {tp.topic for tp in tps}:
            await self.partitions(topic)
        consumer = self._consumer(None, {})
        async with _translated():
            try:
                await consumer.start()
                ends = await consumer.end_offsets([KafkaPartition(*tp) for tp in tps])
            finally:
                await consumer.stop()
        return {TopicPartition(tp.topic, tp.partition): offset for tp, offset in ends.items()}

    def _consumer(self, group: str | None, more: Mapping[str, Any]) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=SESSION_MS // 4,
            request_timeout_ms=REQUEST_MS,
            max_poll_interval_ms=300_000,
            metadata_max_age_ms=30_000,
            fetch_max_wait_ms=100,
            **more,
            **self.security,
        )

    async def producer(self, client_id: str) -> KafkaProducer:
        return KafkaProducer(self, client_id)

    async def consumer(
        self, group: str, topics: Sequence[str], *, on_assigned: OnAssigned, on_revoked: OnRevoked, client_id: str
    ) -> KafkaConsumer:
        for topic in topics:
            await self._describe([topic])
        client = self._consumer(group, {"client_id": client_id})
        listener = _Listener(client, on_assigned, on_revoked)
        async with _translated():
            try:
                await client.start()
            except BaseException:
                await client.stop()
                raise
            client.subscribe(topics=list(topics), listener=listener)
        return KafkaConsumer(client, listener)

    async def reader(self, start: Mapping[TopicPartition, int]) -> KafkaReader:
        client = self._consumer(None, {})
        async with _translated():
            try:
                await client.start()
            except BaseException:
                await client.stop()
                raise
        client.assign([KafkaPartition(*tp) for tp in start])
        for tp, offset in start.items():
            client.seek(KafkaPartition(*tp), offset)
        return KafkaReader(client, dict(start))

    async def close(self) -> None:
        await self._forget_client()


def _configs(spec: TopicSpec) -> dict[str, str]:
    if spec.compacted:
        return {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": str(int(spec.min_compaction_lag_s * 1000)),
        }
    return {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


class KafkaProducer:
    """Idempotent, acks=all. Within one `append`, one batch at a time is in flight per partition."""

    def __init__(self, log: KafkaLog, client_id: str) -> None:
        self._log = log
        self._client_id = client_id
        self._client: AIOKafkaProducer | None = None
        self._appending = asyncio.Lock()  # one batch in flight per partition, whoever calls

    async def _start(self) -> AIOKafkaProducer:
        client = AIOKafkaProducer(
            bootstrap_servers=self._log.bootstrap,
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_MS,
            **self._log.security,
        )
        try:
            await client.start()
        except BaseException:
            await client.stop()
            raise
        self._client = client
        return client

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        async with self._appending:
            return await self._append(records)

    async def _append(self, records: Sequence[NewRecord]) -> Appended:
        result = Appended([None] * len(records))
        places: dict[TopicPartition, list[int]] = {}
        for index, record in enumerate(records):
            places.setdefault(TopicPartition(record.topic, record.partition), []).append(index)
        try:
            async with _translated():
                for topic in sorted({tp.topic for tp in places}):
                    await self._log.partitions(topic)
                client = self._client or await self._start()
        except LogUnavailable as error:
            result.errors = dict.fromkeys(places, error)
            return result
        await asyncio.gather(*(self._partition(client, tp, ids, records, result) for tp, ids in places.items()))
        if result.errors:
            # What failed may still lie in this client's queue: nothing of it may be sent after what comes next.
            await self._abandon()
        return result

    async def _partition(
        self,
        client: AIOKafkaProducer,
        tp: TopicPartition,
        indexes: list[int],
        records: Sequence[NewRecord],
        result: Appended,
    ) -> None:
        """Append one partition's records batch by batch; after a failure nothing more is sent to it."""
        left = list(indexes)
        try:
            async with _translated():
                while left:
                    batch = client.create_batch()
                    taken = 0
                    for index in left:
                        record = records[index]
                        added = batch.append(
                            key=record.key, value=record.value, timestamp=None, headers=list(record.headers)
                        )
                        if added is None:
                            break
                        taken += 1
                    if not taken:
                        raise ValueError(f"a record of {tp} is larger than {BATCH_BYTES} bytes")
                    batch.close()
                    sent = await client.send_batch(batch, tp.topic, partition=tp.partition)
                    answer = await asyncio.wait_for(sent, DELIVERY_S)
                    for position, index in enumerate(left[:taken]):
                        result.offsets[index] = answer.offset + position
                    left = left[taken:]
        except Exception as error:
            result.errors[tp] = error

    async def _abandon(self) -> None:
        """Let go of the client without sending what it still holds (its `stop` would wait for that)."""
        client, self._client = self._client, None
        if client is not None:
            client._closed = True
            await client._sender.close()
            await client.client.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            async with _translated():
                await client.stop()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Seeks to where the database says before the first record is handed out."""

    def __init__(self, client: AIOKafkaConsumer, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        self._client = client
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self.failed: BaseException | None = None

    async def on_partitions_revoked(self, revoked: set[KafkaPartition]) -> None:
        if revoked:
            await self._on_revoked(frozenset(TopicPartition(*tp) for tp in revoked))

    async def on_partitions_assigned(self, assigned: set[KafkaPartition]) -> None:
        try:
            starts = await self._on_assigned(frozenset(TopicPartition(*tp) for tp in assigned))
        except Exception as error:
            self.failed = error  # told by the next poll: aiokafka would only log it
            return
        for tp in assigned:
            self._client.seek(tp, starts.get(TopicPartition(*tp), 0))


class _Reads:
    """Polling, for members and readers alike."""

    def __init__(self, client: AIOKafkaConsumer) -> None:
        self._client = client

    async def _poll(self, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        async with _translated():
            found = await self._client.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
        return {
            TopicPartition(tp.topic, tp.partition): [_record(message) for message in messages]
            for tp, messages in found.items()
            if messages
        }

    async def close(self) -> None:
        async with _translated():
            await self._client.stop()


class KafkaConsumer(_Reads):
    """A member of a group."""

    def __init__(self, client: AIOKafkaConsumer, listener: _Listener) -> None:
        super().__init__(client)
        self._listener = listener

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(TopicPartition(*tp) for tp in self._client.assignment())

    async def poll(self, *, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        batch = await self._poll(timeout, max_records)
        if self._listener.failed is not None:
            raise self._listener.failed
        return batch

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self._client.seek(KafkaPartition(*tp), offset)

    def pause(self, *tps: TopicPartition) -> None:
        self._client.pause(*self._ours(tps))

    def resume(self, *tps: TopicPartition) -> None:
        self._client.resume(*self._ours(tps))

    def _ours(self, tps: Sequence[TopicPartition]) -> list[KafkaPartition]:
        assigned = self._client.assignment()
        return [KafkaPartition(*tp) for tp in tps if KafkaPartition(*tp) in assigned]

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            await self._client.commit({KafkaPartition(*tp): offset for tp, offset in offsets.items()})
        except (KafkaError, IllegalStateError):
            return  # advisory: after a rebalance or an outage the database still knows


class KafkaReader(_Reads):
    """A reader outside any group."""

    def __init__(self, client: AIOKafkaConsumer, positions: dict[TopicPartition, int]) -> None:
        super().__init__(client)
        self._positions = positions

    async def poll(self, *, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        batch = await self._poll(timeout, max_records)
        for tp, records in batch.items():
            self._positions[tp] = records[-1].offset + 1
        return batch

    def position(self, tp: TopicPartition) -> int:
        return self._positions[tp]


def _record(message: Any) -> Record:
    return Record(
        message.topic,
        message.partition,
        message.offset,
        message.key or b"",
        message.value or b"",
        tuple(message.headers),
        message.timestamp,
    )
