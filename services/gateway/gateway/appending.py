"""A batch of events is appended to a hub's own topic: the same documents as by a stream or a webhook, masked alike.

Nobody but the gateway writes that topic, and nobody but that hub reads it. Promise: their receipts are written before
any of them is there; each aggregate's come in order, at least once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.purposes import Purpose
from gateway.hub_view import encoded
from gateway.posting import Failed
from gateway.receipts import Receipts, shown
from suizhuan.cloudevents import Event
from suizhuan.kernel.refusal import Refusal
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import Log, LogProducer, LogUnavailable, NewRecord, UnknownTopic

KAFKA = "kafka:"
# CloudEvents' Kafka binding, structured mode.
HEADERS = (("content-type", b"application/cloudevents+json; charset=utf-8"),)


def own_topic(hub: str) -> str:
    """The address of a hub's own topic."""
    return f"{KAFKA}hub.{hub}"


def topic_of(url: str) -> str | None:
    """The topic that an address means; None for one of another kind."""
    return url.removeprefix(KAFKA) if url.startswith(KAFKA) else None


async def there(log: Log, url: str) -> None:
    """Errors: `endpoint_refused`, where nobody has made a topic for this hub; `log_unreachable`."""
    try:
        await log.partitions(topic_of(url) or "")
    except UnknownTopic:
        raise Refusal("endpoint_refused", reason="no topic for this hub") from None
    except LogUnavailable as error:
        raise Refusal("log_unreachable", reason=str(error)[:100], retry_after=2) from error


@dataclass(frozen=True, slots=True)
class ToTopic:
    """What is the same for all batches while a worker has the subscription."""

    log: Log
    producer: LogProducer
    topic: str
    receipts: Receipts
    purpose: Purpose

    async def deliver(self, events: Sequence[Event]) -> None:
        """All of them. Errors: `Failed`; LogUnavailable."""
        try:
            partitions = len(await self.log.partitions(self.topic))
            records = []
            for event, body in await shown(events, self.purpose, self.receipts):
                key = event.key.encode()
                place = partition_for(key, partitions)
                records.append(NewRecord(self.topic, place, key, encoded(body), HEADERS))
            appended = await self.producer.append(records)
        except UnknownTopic as gone:
            raise Failed("no topic for this hub") from gone
        for error in appended.errors.values():
            if isinstance(error, ValueError):
                raise Failed("too large") from error
            raise error
