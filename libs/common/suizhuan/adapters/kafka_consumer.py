"""Reading from Kafka: members of groups, and readers of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from aiokafka import ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
)

from suizhuan.adapters.kafka_client import COMMIT_EVERY_S, COMMIT_S, GRACE_S, STOP_S, ConsumerClient, translated
from suizhuan.ports.log import (
    OnAssigned,
    OnRevoked,
    Record,
    TopicPartition,
)

if TYPE_CHECKING:
    from suizhuan.adapters.kafka_log import KafkaLog


class Listener(ConsumerRebalanceListener):
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
        async with translated():
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
        async with translated():
            await stop_client(self._client)


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

    def __init__(self, log: KafkaLog, client: ConsumerClient, listener: Listener) -> None:
        super().__init__(log, client)
        self._listener = listener
        self._committing: asyncio.Task[None] | None = None
        self._newest: dict[TopicPartition, int] = {}  # to be told to the log
        self._closing = asyncio.Event()

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
        # Nobody waits for it: the next batch need not wait for the broker's word, and aiokafka would wait for a
        # coordinator that is away for ever. It costs the broker more than a record, so what comes next is gathered.
        self._newest.update(offsets)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit())

    async def _commit(self) -> None:
        while self._newest:
            offsets, self._newest = self._newest, {}
            try:
                await self._client.commit({KafkaPartition(*tp): offset for tp, offset in offsets.items()})
            except (KafkaError, ConsumerStoppedError, IllegalStateError):
                return  # advisory: after a rebalance or an outage the database still knows
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), COMMIT_EVERY_S)

    async def close(self) -> None:
        self._closing.set()
        if self._committing is not None:
            await asyncio.wait({self._committing}, timeout=COMMIT_S)
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


async def stop_client(client: ConsumerClient) -> None:
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
