"""Appending to Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

from suizhuan.adapters.kafka_client import BATCH_BYTES, DELIVERY_S, REQUEST_MS, ProducerClient, translated
from suizhuan.ports.log import (
    Appended,
    LogUnavailable,
    NewRecord,
    TopicPartition,
)

if TYPE_CHECKING:
    from suizhuan.adapters.kafka_log import KafkaLog


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
            place = record[:2]
            if place not in places:
                places[TopicPartition(*place)] = []
            places[place].append(index)  # type: ignore[index]  # equal to the key it stands under
        try:
            self._log._check_open()
            await self._log._must_exist(list(places))
            async with translated():
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
                async with translated(), asyncio.timeout(DELIVERY_S):
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
