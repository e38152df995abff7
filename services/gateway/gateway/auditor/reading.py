"""Reads the log for the auditor: everything up to its ends, or what has come since."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from gateway.auditor.history import History, Horizon
from gateway.auditor.records import AuditRecord
from suizhuan.ports.log import Log, LogUnavailable, TopicPartition, UnknownTopic

# Those of every platform; of others it is told.
TOPICS = (
    "mandates.authority",
    "mandates.organisation",
    "mandates.affair",
    "mandates.mandate",
    "mandates.replica",
    "finance.tariff",
    "finance.entry",
    "finance.earmark",
    "finance.hold",
    "finance.bill",
    "finance.replica",
    "complaints.case",
    "complaints.switch",
    "complaints.replica",
    "gateway.replica",
)
Ends = dict[TopicPartition, int]
# Told how many of how many records have been read.
Progress = Callable[[int, int], None]

POLL_S = 1.0
PATIENCE_S = 20.0
SETTLE_S = 0.05


# What people of a service have to do with its own machinery.
LEFT_OUT = ("deadletter", "reconciliation")


def all_topics(platform: Iterable[str]) -> list[str]:
    """What there is to read: the topics of every platform, and those of this one."""
    return sorted({*TOPICS, *(name for name in platform if name.partition(".")[2] not in LEFT_OUT)})


async def ends(log: Log, topics: Iterable[str] = TOPICS) -> Ends:
    """The end of every partition of the topics that exist. Errors: `LogUnavailable`."""
    found: list[TopicPartition] = []
    for topic in topics:
        try:
            found += await log.partitions(topic)
        except UnknownTopic:
            continue
    return await log.end_offsets(found) if found else {}


async def read(
    log: Log, history: History, progress: Progress | None = None, *, platform: Iterable[str] = ()
) -> Horizon:
    """Add what is new since `history` was last read, and say what of it can be judged.

    The ends are asked for twice. Whatever caused an event before the first ends was in the log by then, so it lies
    before the second ends; what lies between the two may be without its causes and is read, but not judged.
    Errors: `LogUnavailable`, also when the log has become shorter than what was read.
    """
    topics = all_topics(platform)
    first = await ends(log, topics)
    await asyncio.sleep(SETTLE_S)
    last = await ends(log, topics)
    start = {tp: history.next_offsets.get((tp.topic, tp.partition), 0) for tp in last}
    if any(start[tp] > end for tp, end in last.items()):
        raise LogUnavailable("the log is shorter than what was read of it")
    if any(start[tp] < end for tp, end in last.items()):
        await _read_to(log, history, start, last, progress)
    return Horizon({(tp.topic, tp.partition): end for tp, end in first.items()})


async def _read_to(
    log: Log, history: History, start: Mapping[TopicPartition, int], last: Ends, progress: Progress | None
) -> None:
    total = sum(end - start[tp] for tp, end in last.items())
    reader = await log.reader({tp: offset for tp, offset in start.items() if offset < last[tp]})
    waited = 0.0
    try:
        pending = {tp for tp in last if start[tp] < last[tp]}
        while pending:
            batch = await reader.poll(timeout=POLL_S, max_records=2000)
            waited = 0.0 if batch else waited + POLL_S
            if waited >= PATIENCE_S:
                raise LogUnavailable(f"the log stopped short of the end of {min(pending).topic}")
            for tp in sorted(batch):
                for r in batch[tp]:
                    history.add(AuditRecord(r.topic, r.partition, r.offset, r.key, r.value, r.headers))
            pending = {tp for tp in pending if reader.position(tp) < last[tp]}
            if progress is not None:
                progress(min(total, sum(reader.position(tp) - start[tp] for tp in last if start[tp] < last[tp])), total)
    finally:
        await reader.close()
