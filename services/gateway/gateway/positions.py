"""Where in the log a stream begins: at the end, at a moment, or where a cursor says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from gateway.domain.cursor import TOPICS, Positions
from suizhuan.kernel.clock import SHANGHAI
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Log, LogUnavailable, TopicPartition, UnknownTopic

# An event is appended after it happened. The log's own stamps may be off by as much, and out of order by less.
MARGIN = timedelta(minutes=5)
POLL_S = 2.0


# A service's own machinery, and what departments say to finance and complaints alone.
NOT_STREAMED = frozenset({"replica", "deadletter", "reconciliation", "bill", "referral"})


def departments(platform: Iterable[str]) -> list[str]:
    """The topics in which the departments of this platform say in public what happens, beside those of every one."""
    core = {name.partition(".")[0] for name in TOPICS}
    public = (name for name in platform if name.partition(".")[2] not in NOT_STREAMED)
    return sorted(name for name in public if name.partition(".")[0] not in core)


def streamed(platform: Iterable[str]) -> tuple[str, ...]:
    """The topics that a stream reads: those of every platform, and what the departments of this one say."""
    return (*TOPICS, *departments(platform))


async def ends(log: Log, topics: Iterable[str] = TOPICS) -> Positions:
    """The end of every partition that a stream reads. Errors: `log_unreachable`."""
    tps: list[TopicPartition] = []
    try:
        for topic in topics:
            try:
                tps += await log.partitions(topic)
            except UnknownTopic:
                continue
        found = await log.end_offsets(tps) if tps else {}
    except LogUnavailable as error:
        raise Refusal("log_unreachable", reason=str(error)[:100], retry_after=2) from error
    return {(tp.topic, tp.partition): end for tp, end in found.items()}


async def resumed(log: Log, given: Positions, topics: Iterable[str] = TOPICS) -> Positions:
    """Every partition, from where the cursor says. Errors: `cursor_malformed` for one from another log."""
    last = await ends(log, topics)
    if any(place not in last or offset > last[place] for place, offset in given.items()):
        raise Refusal("cursor_malformed")
    return {place: given.get(place, 0) for place in last}


async def since(log: Log, moment: datetime, topics: Iterable[str] = TOPICS) -> Positions:
    """Positions at or before everything that happened from `moment` on: found by halving, by the log's stamps."""
    last = await ends(log, topics)
    wanted = (moment - MARGIN).timestamp() * 1000
    low: Positions = dict.fromkeys(last, 0)
    high: Positions = dict(last)
    while open_ := {place for place in last if low[place] < high[place]}:
        middle = {place: (low[place] + high[place]) // 2 for place in open_}
        stamps = await _stamps(log, middle, last)
        for place, at in middle.items():
            stamp = stamps.get(place)
            if stamp is None or stamp[1] >= wanted:
                high[place] = at
            else:
                low[place] = max(stamp[0] + 1, at + 1)
        low = {place: min(low[place], last[place]) for place in last}
        high = {place: max(high[place], low[place]) for place in last}
    return low


async def _stamps(log: Log, at: Positions, last: Positions) -> dict[tuple[str, int], tuple[int, int]]:
    """For each place the first record from there on: (its offset, the log's stamp)."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    reader = await log.reader({TopicPartition(*place): offset for place, offset in at.items()})
    try:
        while len(found) < len(at):
            batch = await reader.poll(timeout=POLL_S, max_records=500)
            if not batch:
                break  # compacted away up to the end
            for tp, records in batch.items():
                found.setdefault((tp.topic, tp.partition), (records[0].offset, records[0].timestamp_ms))
    except LogUnavailable as error:
        raise Refusal("log_unreachable", reason=str(error)[:100], retry_after=2) from error
    finally:
        await reader.close()
    return found


def moment_of(text: str) -> datetime:
    """A date (midnight in Shanghai) or a time with its offset. Errors: `moment_malformed`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("moment_malformed") from None
    if found.tzinfo is None:
        if len(text) > 10:
            raise Refusal("moment_malformed")
        found = found.replace(tzinfo=SHANGHAI)
    if not 2000 <= found.year <= 2200:  # near the ends of the calendar no offset or margin can be taken off it
        raise Refusal("moment_malformed")
    return found
