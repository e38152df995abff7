"""The log on Apache Kafka, over aiokafka. A broker that is away is waited for by whoever calls again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalStateError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
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
COMMIT_S = 2.0
STOP_S = 5.0
GRACE_S = 0.05  # aiokafka's own timeout shall come first
BATCH_BYTES = 512 * 1024

# aiokafka's clients: most of their methods have no types.
AdminClient: TypeAlias = Any
ConsumerClient: TypeAlias = Any
ProducerClient: TypeAlias = Any


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Kafka's errors in the port's words."""
    try:
        yield
    except (UnknownTopicOrPartitionError, InvalidTopicError) as error:
        raise UnknownTopic(str(error)) from error
    except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
        raise ValueError(f"larger than the broker takes: {error}") from error  # no later try will help
    except (KafkaError, ConsumerStoppedError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"{type(error).__name__}: {error}"[:300]) from error


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
        async with _translated():
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
        listener = _Listener(client, on_assigned, on_revoked)
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
        async with _translated():
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
        async with _translated():
            admin = await self._client()
            wanted = [self._new(spec) for spec in specs]
            for topic in (await admin.create_topics(wanted)).to_object()["topic_errors"]:
                error = for_code(topic["error_code"]) if topic["error_code"] else None
                if error is InvalidTopicError:
                    raise ValueError(f"Kafka takes no topic of this name: {topic['topic']}")
                if error not in (None, TopicAlreadyExistsError):
                    raise error(topic["topic"])

    def _new(self, spec: TopicSpec) -> NewTopic:
        configs = _configs(spec)
        return NewTopic(spec.name, spec.partitions, self.replication, topic_configs=configs)  # type: ignore[no-untyped-call]

    async def _described(self, specs: Sequence[TopicSpec]) -> dict[str, dict[str, Any]]:
        """Topics just made: brokers learn of them a moment after their creation was answered."""
        async with _translated(), asyncio.timeout(REQUEST_MS / 1000):
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
                await _stop(asker)

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
            fetch_max_wait_ms=100,  # a fetch under way holds up a partition just assigned, sought or resumed
            **more,
            **self.security,
        )
        async with _translated():
            try:
                await client.start()
            except BaseException:
                await _stop(client)
                raise
        return client


async def _stop(client: ConsumerClient) -> None:
    """Stop a consumer's client, in good order if that can be had within `STOP_S`.

    While a fetch is backing off, as it is when the broker is away, aiokafka 0.14 ends `stop` half way by a
    CancelledError that nobody asked for: it would end the task of whoever closes. The rest of it is done here.
    """
    stopping = asyncio.ensure_future(client.stop())
    await asyncio.wait({stopping}, timeout=STOP_S)
    if not stopping.done():
        stopping.cancel()
        await asyncio.wait({stopping})
    if not stopping.cancelled():
        stopping.result()
        return
    names = ("_coordination_task", "_heartbeat_task", "_commit_refresh_task")
    tasks = [task for name in names if (task := getattr(client._coordinator, name, None)) is not None]
    if client._fetcher is not None:
        tasks += [client._fetcher._fetch_task, *client._fetcher._pending_tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await client._client.close()


def _check(specs: Sequence[TopicSpec], found: Mapping[str, dict[str, Any]]) -> None:
    for spec in specs:
        if spec.name in found and (count := len(found[spec.name]["partitions"])) != spec.partitions:
            raise ValueError(f"{spec.name} has {count} partitions, not {spec.partitions}")


def _configs(spec: TopicSpec) -> dict[str, str]:
    if spec.compacted:
        return {
            "cleanup.policy": "compact",
            "min.compaction.lag.ms": str(int(spec.min_compaction_lag_s * 1000)),
        }
    return {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


class KafkaProducer:
    """Idempotent, acks=all. Within one `append`, one batch at a time is in flight per partition.

    A batch that is not acknowledged within `DELIVERY_S` counts as not taken, though a broker may have taken it and
    lost the answer: appending it again is right, and its readers drop repeats. In either case the records come for the
    first time in the order they were given.
    """

    def __init__(self, log: KafkaLog, client_id: str) -> None:
        self._log = log
        self._client_id = client_id
        self._client: ProducerClient | None = None
        self._abandoned: asyncio.Task[None] | None = None
        self._appending = asyncio.Lock()  # one batch in flight per partition, whoever calls
        log._open.add(self)

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        async with self._appending:
            return await self._append(records)

    async def _append(self, records: Sequence[NewRecord]) -> Appended:
        result = Appended([None] * len(records))
        places: dict[TopicPartition, list[int]] = {}
        for index, record in enumerate(records):
            places.setdefault(TopicPartition(record.topic, record.partition), []).append(index)
        try:
            self._log._check_open()
            await self._log._must_exist(list(places))
            async with _translated():
                client = self._client or await self._start()
        except LogUnavailable as error:
            result.errors = dict.fromkeys(places, error)
            return result
        try:
            await asyncio.gather(*(self._partition(client, tp, ids, records, result) for tp, ids in places.items()))
        except BaseException:
            self._abandon()  # cancelled: what still lies in the client's queue may not be sent later
            raise
        if result.errors:
            # What failed may still lie in this client's queue: nothing of it may be sent after what comes next. And
            # after a refused batch the broker expects a sequence number that this client has already used.
            self._abandon()
            for tp in result.errors:
                self._log._known.pop(tp.topic, None)  # the reason may be that the topic is gone
        return result

    async def _start(self) -> ProducerClient:
        if self._abandoned is not None:
            await asyncio.wait({self._abandoned}, timeout=DELIVERY_S)
            if not self._abandoned.done():
                raise LogUnavailable("the connection of an append that failed is not yet closed")
        client: ProducerClient = AIOKafkaProducer(  # type: ignore[no-untyped-call]
            bootstrap_servers=self._log.bootstrap,
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            request_timeout_ms=REQUEST_MS,
            metadata_max_age_ms=30_000,
            **self._log.security,
        )
        try:
            async with asyncio.timeout(DELIVERY_S):  # it would ask for its producer id for ever
                await client.start()
        except BaseException:
            await client.stop()
            raise
        self._client = client
        return client

    async def _partition(
        self,
        client: ProducerClient,
        tp: TopicPartition,
        indexes: list[int],
        records: Sequence[NewRecord],
        result: Appended,
    ) -> None:
        """Append one partition's records batch by batch; after a failure nothing more is sent to it."""
        left = list(indexes)
        try:
            while left:
                batch = client.create_batch()
                count = 0
                while count < len(left):
                    record = records[left[count]]
                    # The first record always fits: how large one may be is for the broker to say.
                    headers = list(record.headers)
                    if batch.append(key=record.key, value=record.value, timestamp=None, headers=headers) is None:
                        break
                    count += 1
                batch.close()
                async with _translated(), asyncio.timeout(DELIVERY_S):
                    answer = await (await client.send_batch(batch, tp.topic, partition=tp.partition))
                for offset, index in enumerate(left[:count], answer.offset):
                    result.offsets[index] = offset
                left = left[count:]
        except AssertionError as error:  # the client knows the topic as it was before it was made anew
            result.errors[tp] = LogUnavailable(f"{tp}: {error}")
        except Exception as error:
            result.errors[tp] = error

    def _abandon(self) -> None:
        """Let go of the client without sending what it still holds (its `stop` would wait for that)."""
        client, self._client = self._client, None
        if client is not None:
            self._abandoned = asyncio.create_task(_end(client))  # up to 15 s when a broker is frozen

    async def close(self) -> None:
        self._log._open.discard(self)
        async with self._appending:  # which ends within `DELIVERY_S` a batch
            client, self._client = self._client, None
            if client is not None:
                await client.stop()  # every append has ended, so nothing is left to wait for
            if self._abandoned is not None:
                await self._abandoned


async def _end(client: ProducerClient) -> None:
    client._closed = True
    await asyncio.gather(client._sender.close(), return_exceptions=True)  # its errors were told to the append
    await client.client.close()


class _Listener(ConsumerRebalanceListener):
    """Seeks to where the database says before the first record is handed out.

    aiokafka calls it from its own task, not from `poll`, and lets fetching begin before it has answered. So a new
    partition is first paused, and given a position so that aiokafka looks for none itself.
    """

    def __init__(self, client: ConsumerClient, on_assigned: OnAssigned, on_revoked: OnRevoked) -> None:
        self._client = client
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked
        self._asked: frozenset[TopicPartition] = frozenset()
        self.owned: frozenset[TopicPartition] = frozenset()
        self.failed: Exception | None = None

    async def on_partitions_revoked(self, revoked: set[KafkaPartition]) -> None:
        lost, self._asked = self.owned, frozenset()
        try:
            if lost:
                await self._on_revoked(lost)
        except Exception as error:
            self.failed = error  # told by the next poll: aiokafka would only log it
        finally:
            self.owned = frozenset()

    async def on_partitions_assigned(self, assigned: set[KafkaPartition]) -> None:
        for tp in assigned:
            self._client.pause(tp)
            self._client.seek(tp, 0)
        self._asked = frozenset(TopicPartition(*tp) for tp in assigned)
        try:
            await self._begin()
        except Exception as error:
            self.failed = error

    async def check(self) -> None:
        """Tell what a callback raised; and ask once more where to begin, if it was that."""
        failed, self.failed = self.failed, None
        if failed is None:
            return
        if not self._asked:
            raise failed
        try:
            await self._begin()
        except Exception as error:
            self.failed = error
            raise

    async def _begin(self) -> None:
        tps = self._asked
        starts = await self._on_assigned(tps) if tps else {}
        if tps is not self._asked:
            return  # taken away again while we asked
        self.owned, self._asked = tps, frozenset()
        for tp in tps:
            self._client.seek(KafkaPartition(*tp), starts.get(tp, 0))
            self._client.resume(KafkaPartition(*tp))


class _Reads:
    """Polling, for members and readers alike."""

    def __init__(self, log: KafkaLog, client: ConsumerClient) -> None:
        self._log = log
        self._client = client
        log._open.add(self)

    async def _poll(self, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        async with _translated():
            try:
                with _fetch_counted(self._client):
                    async with asyncio.timeout(timeout + GRACE_S):  # a rebalance under way knows no timeout
                        found = await self._client.getmany(timeout_ms=int(timeout * 1000), max_records=max_records)
            except TimeoutError:
                return {}
        return {
            TopicPartition(tp.topic, tp.partition): [_record(message) for message in messages]
            for tp, messages in found.items()
            if messages
        }

    async def close(self) -> None:
        self._log._open.discard(self)
        async with _translated():
            await _stop(self._client)


@contextmanager
def _fetch_counted(client: ConsumerClient) -> Iterator[None]:
    """aiokafka 0.14 does not count a fetch that raised as ended, and would take its member for busy ever after."""
    subscription = client._subscription
    under_way = subscription._fetch_count
    try:
        yield
    except BaseException:
        subscription._fetch_count = under_way
        subscription._last_fetch_ended = time.monotonic()
        raise


class KafkaConsumer(_Reads):
    """A member of a group. `on_revoked` may be called while its owner handles a batch."""

    def __init__(self, log: KafkaLog, client: ConsumerClient, listener: _Listener) -> None:
        super().__init__(log, client)
        self._listener = listener
        self._committing: asyncio.Task[None] | None = None

    def assignment(self) -> frozenset[TopicPartition]:
        return self._listener.owned

    async def poll(self, *, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        await self._listener.check()
        return await self._poll(timeout, max_records)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        if tp not in self._listener.owned:
            raise ValueError(f"{tp} is not ours")
        self._client.seek(KafkaPartition(*tp), offset)

    def pause(self, *tps: TopicPartition) -> None:
        self._client.pause(*(KafkaPartition(*tp) for tp in self._listener.owned.intersection(tps)))

    def resume(self, *tps: TopicPartition) -> None:
        self._client.resume(*(KafkaPartition(*tp) for tp in self._listener.owned.intersection(tps)))

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        # aiokafka would wait for its coordinator for ever. It is not cancelled, for on Python 3.11 the error of what it
        # shields would then be nobody's; while one waits, others are left out: a later one says more.
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit(offsets))
            await asyncio.wait({self._committing}, timeout=COMMIT_S)

    async def _commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        try:
            await self._client.commit({KafkaPartition(*tp): offset for tp, offset in offsets.items()})
        except (KafkaError, ConsumerStoppedError, IllegalStateError):
            return  # advisory: after a rebalance or an outage the database still knows

    async def close(self) -> None:
        await super().close()
        if self._committing is not None:
            await asyncio.wait({self._committing}, timeout=GRACE_S)  # its connection is closed
            self._committing.cancel()
            await asyncio.wait({self._committing})


class KafkaReader(_Reads):
    """A reader outside any group."""

    def __init__(self, log: KafkaLog, client: ConsumerClient, positions: dict[TopicPartition, int]) -> None:
        super().__init__(log, client)
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
