"""The log: topics of partitions of records, kept in order. Kafka is one adapter, a SQLite file the other.

Both adapters pass `libs/common/tests/log_suite.py`; what stands in these docstrings is what it tests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class TopicPartition(NamedTuple):
    """One ordered sequence of records."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as its owner declares it.

    `compacted` topics may drop a record once a newer one of the same key is older than
    `min_compaction_lag_s`; all others keep everything for ever.
    """

    name: str
    partitions: int = 3
    compacted: bool = False
    min_compaction_lag_s: float = 0.0


class NewRecord(NamedTuple):
    """A record to append. The partition is chosen by the caller (`suizhuan.partitioner`)."""

    topic: str
    partition: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Record(NamedTuple):
    """A record as read. `timestamp_ms` is when the log took it (or the producer sent it): information only."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0

    @property
    def tp(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


class LogUnavailable(Exception):
    """The log cannot be reached now; trying again later is right and nothing is lost by it."""


class UnknownTopic(Exception):
    """The topic does not exist. Topics are created explicitly by `ensure_topics`, never by use."""


@dataclass(slots=True)
class Appended:
    """What became of an `append`: `offsets[i]` is the offset of record i, or None where it was not taken.

    Promise: within one partition, no record is taken after one that was not: what is taken is a prefix.
    `errors` holds one reason per failed partition: `LogUnavailable` where trying again is right, another where it is
    not (`ValueError`: a record larger than the log takes). An outcome that is not known, because the answer was lost,
    counts as not taken: append it again, readers drop repeats.
    """

    offsets: list[int | None]
    errors: dict[TopicPartition, Exception] = field(default_factory=dict)


# Called when a consumer is given partitions: returns the offset to go on from for each of them; a
# partition left out starts at the beginning. The database, not the log, knows how far we are. Nothing is handed out
# of these partitions before it has answered; when it raises, `poll` raises that and a later `poll` asks again.
OnAssigned = Callable[[frozenset[TopicPartition]], Awaitable[Mapping[TopicPartition, int]]]
# Called before partitions are taken away (or when they have been lost), not by `close`. It may come while a batch of
# them is being handled; then compare-and-set of the offset is what guards the effect. What it raises, `poll` raises.
OnRevoked = Callable[[frozenset[TopicPartition]], Awaitable[None]]


class LogProducer(Protocol):
    """Appends, idempotently: a retry inside `append` never writes a record twice."""

    async def append(self, records: Sequence[NewRecord]) -> Appended:
        """Append all, in order per partition, durable (acks=all) when it returns.

        Errors: `UnknownTopic` (or no such partition), before anything is taken. An unreachable log is not raised but
        told in `Appended.errors` (`LogUnavailable`), because part of the records may have been taken.
        """
        ...

    async def close(self) -> None:
        """Finish what is under way and let go."""
        ...


class LogConsumer(Protocol):
    """A member of a group: the group's partitions are shared out among its living members."""

    def assignment(self) -> frozenset[TopicPartition]:
        """The partitions that are ours now: `on_assigned` has answered for them."""
        ...

    async def poll(self, *, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        """Up to `max_records` records, in offset order per partition; empty after `timeout` seconds without any.

        One call at a time. Errors: `LogUnavailable`, also for an offset that the log does not hold (past its end: it
        has lost records or is another one), which is never replaced by another offset; what a callback raised.
        """
        ...

    def seek(self, tp: TopicPartition, offset: int) -> None:
        """Go on from `offset`. Nothing fetched earlier for that partition is handed out any more.

        Errors: ValueError for a partition that is not ours.
        """
        ...

    def pause(self, *tps: TopicPartition) -> None:
        """Hand out nothing from these until `resume`; the membership lives on as long as `poll` is called.

        Partitions that are not ours are left out, and one assigned anew is not paused.
        """
        ...

    def resume(self, *tps: TopicPartition) -> None: ...

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the log how far we are. Advisory: dashboards and lag read it, we never do. Fails silently."""
        ...

    async def close(self) -> None:
        """Leave the group at once; its other members get the partitions."""
        ...


class LogReader(Protocol):
    """A throwaway reader outside any group: replay, auditor, event streams."""

    async def poll(self, *, timeout: float, max_records: int) -> dict[TopicPartition, list[Record]]:
        """As `LogConsumer.poll`."""
        ...

    def position(self, tp: TopicPartition) -> int:
        """The offset of the next record to be handed out."""
        ...

    async def close(self) -> None: ...


class Log(Protocol):
    """The log as a whole. One object per process; `close` ends everything made from it."""

    async def ensure_topics(self, topics: Sequence[TopicSpec]) -> None:
        """Create what is missing; an existing topic with another number of partitions is an error (ValueError).

        In that case nothing is made. What else differs from an existing topic is left as it is.
        """
        ...

    async def topic_id(self, topic: str) -> str:
        """An identity that changes when the topic is deleted and made anew. Errors: `UnknownTopic`."""
        ...

    async def partitions(self, topic: str) -> list[TopicPartition]:
        """Errors: `UnknownTopic`."""
        ...

    async def end_offsets(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """For each the offset that the next appended record will get. Errors: `UnknownTopic`, `LogUnavailable`."""
        ...

    async def producer(self, client_id: str) -> LogProducer: ...

    async def consumer(
        self, group: str, topics: Sequence[str], *, on_assigned: OnAssigned, on_revoked: OnRevoked, client_id: str
    ) -> LogConsumer:
        """Join `group`. Errors: `UnknownTopic`, `LogUnavailable`."""
        ...

    async def reader(self, start: Mapping[TopicPartition, int]) -> LogReader:
        """Read these partitions from these offsets on (an offset compacted away goes on at the next one).

        Errors: `UnknownTopic`, `LogUnavailable`.
        """
        ...

    async def close(self) -> None: ...
