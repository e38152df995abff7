"""What a transaction has come to before its last statement: acts to judge, changes of rows, events to append."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from suizhuan.cloudevents import pack
from suizhuan.db.statements import Write
from suizhuan.events import EventType
from suizhuan.kernel.clock import utc_text
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Act, Grant
from suizhuan.partitioner import partition_for

# The aggregates are shared out among this many lanes; a relay leads some or all of them. The number never changes, so
# that no two relays can ever lead the same aggregate, however many relays there are.
LANES = 8
# A record of Kafka may have 1 MB by default; an event is a fact, not a document.
EVENT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that waits for the end of its transaction."""

    event_id: str
    type: str
    topic: str
    partition: int
    key: str
    value: bytes
    headers: str  # as `suizhuan.cloudevents.pack` makes it
    lane: int

    @staticmethod
    def of(event: EventType, fact: object, *, event_id: str, key: str, time: datetime, **about: Any) -> Pending:
        """Encode a fact with its attributes; `outboxid`, `authorityoffset` and `beattime` join at the relay.

        Errors: `event_too_large`."""
        packed = pack(
            {
                "id": event_id,
                "source": about["source"],
                "type": event.type,
                "time": utc_text(time),
                "subject": key,
                "partitionkey": key,
                "sequence": about["sequence"],
                "actor": about["actor"],
                "org": about["org"],
                "mandate": about["mandate"],
                "term": about["term"],
                "area": about["area"],
                "correlationid": about["correlation"],
                "causationid": about["causation"],
                "traceparent": about["traceparent"],
            }
        )
        value = event.encode(fact)
        if len(value) > EVENT_BYTES:
            raise Refusal("event_too_large", type=event.type, bytes=len(value), most=EVENT_BYTES)
        partition = partition_for(key.encode(), event.partitions)
        lane = lane_of(event.topic, event.partitions, key)
        return Pending(event_id, event.type, event.topic, partition, key, value, packed, lane)


def lane_of(topic: str, partitions: int, key: str) -> int:
    """The share of the aggregates that this one belongs to. A topic of one partition is one order, whatever its keys:
    so is the authority log, in which nothing may overtake anything (authority §1)."""
    return zlib.crc32((topic if partitions == 1 else key).encode()) % LANES


@dataclass(slots=True)
class Decision:
    """What a transaction has come to: acts to judge, grants that must stand, changes of rows, events."""

    acts: list[Act] = field(default_factory=list)
    pins: list[Grant] = field(default_factory=list)  # must still stand, whoever may act under them
    writes: list[Write] = field(default_factory=list)
    pending: list[Pending] = field(default_factory=list)
    replays: bool = False  # after a restore: what the log says already is done once more, so its locks are not for it

    @property
    def about(self) -> list[tuple[str, str]]:
        """(topic, key) of the aggregates that may not be behind the log."""
        return [] if self.replays else [(p.topic, p.key) for p in self.pending]

    @property
    def empty(self) -> bool:
        return not (self.acts or self.pins or self.writes or self.pending)


class Outdated(Exception):
    """What was decided upon has changed meanwhile. Nothing was written: decide again."""
