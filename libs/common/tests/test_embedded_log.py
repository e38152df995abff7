"""The embedded adapter passes the log's suite; what is its own: the file, compaction, other processes, idleness."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from suizhuan.adapters import embedded_file
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.kernel.clock import ManualClock
from suizhuan.ports.log import LogUnavailable, NewRecord, Record, TopicPartition, TopicSpec

from .log_members import Database, join, new, numbers, read, settle
from .log_suite import LogSuite

T0 = TopicPartition("t", 0)
BEATS = TopicPartition("beats", 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "log.db"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def log(path: Path, clock: ManualClock) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(path, clock=clock)
    await made.ensure_topics(
        [TopicSpec("t"), TopicSpec("beats", 1, compacted=True), TopicSpec("slow", 1, True, min_compaction_lag_s=60)]
    )
    yield made
    await made.close()


async def append(log: EmbeddedLog, *records: NewRecord) -> list[int | None]:
    producer = await log.producer("test")
    result = await producer.append(records)
    await producer.close()
    assert result.errors == {}
    return result.offsets


async def everything(log: EmbeddedLog, tp: TopicPartition) -> list[Record]:
    reader = await log.reader({tp: 0})
    found = await reader.poll(timeout=0, max_records=1000)
    await reader.close()
    return found.get(tp, [])


class TestEmbeddedLog(LogSuite):
    @pytest.fixture
    async def log(self, path: Path) -> AsyncIterator[EmbeddedLog]:
        made = EmbeddedLog(path)
        yield made
        await made.close()


async def test_the_file_keeps_everything(log: EmbeddedLog, path: Path) -> None:
    await append(log, new("t", 1), new("t", 2), new("t", 3, partition=2))
    topic_id, before = await log.topic_id("t"), await everything(log, T0)
    await log.close()
    again = EmbeddedLog(path)
    assert await again.topic_id("t") == topic_id
    assert await everything(again, T0) == before
    assert await again.end_offsets(await again.partitions("t")) == {
        T0: 2,
        TopicPartition("t", 1): 0,
        TopicPartition("t", 2): 1,
    }
    assert await append(again, new("t", 4)) == [2]
    await again.close()


async def test_a_new_file_has_topics_of_another_identity(log: EmbeddedLog, tmp_path: Path) -> None:
    other = EmbeddedLog(tmp_path / "other.db")
    await other.ensure_topics([TopicSpec("t")])
    assert await other.topic_id("t") != await log.topic_id("t")
    await other.close()


async def test_a_record_bears_the_time_of_the_clock(log: EmbeddedLog, clock: ManualClock) -> None:
    await append(log, new("t", 1))
    clock.advance(1.5)
    await append(log, new("t", 2))
    first, second = await everything(log, T0)
    assert second.timestamp_ms - first.timestamp_ms == 1500
    assert second.timestamp_ms == int(clock.now().timestamp() * 1000)


async def test_compaction_keeps_the_newest_of_each_key(log: EmbeddedLog) -> None:
    for n in range(100):
        await append(log, new("beats", n, key=f"k{n % 2}"))
    assert numbers(await everything(log, BEATS)) == [98, 99]


async def test_compaction_within_one_append_keeps_the_newest(log: EmbeddedLog) -> None:
    offsets = await append(log, *(new("beats", n, key=f"k{n % 3}") for n in range(1000)))
    assert offsets == list(range(1000))
    assert numbers(await everything(log, BEATS)) == [997, 998, 999]


async def test_compaction_waits_until_the_newer_one_is_old_enough(log: EmbeddedLog, clock: ManualClock) -> None:
    slow = TopicPartition("slow", 0)
    await append(log, new("slow", 0))
    clock.advance(100)
    await append(log, new("slow", 1))  # what is newer than 0 has only just come
    assert numbers(await everything(log, slow)) == [0, 1]
    clock.advance(60)
    await append(log, new("slow", 2))
    assert numbers(await everything(log, slow)) == [1, 2]


async def test_topics_that_are_not_compacted_keep_every_record(log: EmbeddedLog, clock: ManualClock) -> None:
    for n in range(20):
        await append(log, new("t", n))
        clock.advance(3600)
    assert numbers(await everything(log, T0)) == list(range(20))


async def test_an_offset_compacted_away_goes_on_at_the_next_one(log: EmbeddedLog) -> None:
    for n in range(10):
        await append(log, new("beats", n))
    reader = await log.reader({BEATS: 3})
    (record,) = await read(reader, 1)
    assert (record.offset, reader.position(BEATS)) == (9, 10)
    await reader.close()


async def test_offsets_never_come_twice_though_the_last_record_is_gone(log: EmbeddedLog, path: Path) -> None:
    await append(log, new("t", 0), new("t", 1))
    await log.close()
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM records")
    db.close()
    again = EmbeddedLog(path)
    assert await append(again, new("t", 2)) == [2]
    await again.close()


async def test_a_file_that_is_held_takes_nothing_and_later_all(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_file, "BUSY_S", 0.05)
    log = EmbeddedLog(path)
    await log.ensure_topics([TopicSpec("t")])
    producer = await log.producer("test")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    result = await producer.append([new("t", 1), new("t", 2, partition=1)])
    assert result.offsets == [None, None]
    assert {tp: type(e) for tp, e in result.errors.items()} == {
        T0: LogUnavailable,
        T0._replace(partition=1): LogUnavailable,
    }
    other.execute("ROLLBACK")
    other.close()
    assert (await producer.append([new("t", 1), new("t", 2, partition=1)])).offsets == [0, 0]
    await log.close()


async def test_a_full_disk_takes_nothing_and_what_was_there_is_kept(log: EmbeddedLog) -> None:
    await append(log, new("t", 0))
    producer = await log.producer("test")
    large = [NewRecord("t", 0, b"k", bytes(100_000)) for _ in range(20)]

    def limit(pages: int) -> Callable[[], object]:
        return lambda: log._file.db().execute(f"PRAGMA max_page_count = {pages}").fetchone()

    await log._run(limit(50))
    result = await producer.append([new("t", 1), *large])
    assert set(result.offsets) == {None} and isinstance(result.errors[T0], LogUnavailable)
    await log._run(limit(1_000_000))
    assert (await producer.append([new("t", 1)])).offsets == [1]
    assert numbers(await everything(log, T0)) == [0, 1]


async def test_a_folder_that_cannot_be_written_is_told_as_unavailable(tmp_path: Path) -> None:
    (tmp_path / "log.db").mkdir()
    log = EmbeddedLog(tmp_path / "log.db")
    with pytest.raises(LogUnavailable):
        await log.topic_id("t")
    (tmp_path / "log.db").rmdir()
    await log.ensure_topics([TopicSpec("t")])
    await log.close()


async def test_an_append_nobody_waits_for_any_more_wakes_its_readers_nevertheless(log: EmbeddedLog) -> None:
    reader, producer = await log.reader({T0: 0}), await log.producer("test")
    polling = asyncio.create_task(reader.poll(timeout=60, max_records=10))
    await asyncio.sleep(0)
    appending = asyncio.create_task(producer.append([new("t", 1)]))
    await asyncio.sleep(0)
    appending.cancel()
    async with asyncio.timeout(5):
        assert numbers((await polling)[T0]) == [1]
    await reader.close()


PROGRAM = """
import asyncio, sys
from pathlib import Path
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.ports.log import NewRecord, TopicSpec

async def main():
    log = EmbeddedLog(Path(sys.argv[1]))
    producer = await log.producer("other")
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(3):
        result = await producer.append([NewRecord("t", 0, b"k", str(n).encode())])
        assert not result.errors, result
    await log.ensure_topics([TopicSpec("theirs", 1)])
    await log.close()

asyncio.run(main())
"""


async def test_an_append_of_another_process_wakes_a_poll(log: EmbeddedLog, path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(path), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    reader = await log.reader({T0: 0})
    polling = asyncio.create_task(reader.poll(timeout=60, max_records=1))
    await asyncio.sleep(0)
    process.stdin.write(b"go\n")
    async with asyncio.timeout(10):
        assert numbers((await polling)[T0]) == [0]
        assert numbers(await read(reader, 2)) == [1, 2]
        await process.communicate()
    assert process.returncode == 0
    assert await log.partitions("theirs") == [TopicPartition("theirs", 0)]
    await reader.close()


async def test_two_objects_on_one_file_give_each_offset_once(log: EmbeddedLog, path: Path) -> None:
    other = EmbeddedLog(path)
    producers = [await log.producer("a"), await other.producer("b")]
    results = await asyncio.gather(*(producers[n % 2].append([new("t", n)]) for n in range(40)))
    assert sorted(offset for r in results for offset in r.offsets if offset is not None) == list(range(40))
    await other.close()


async def test_waiting_costs_next_to_nothing(log: EmbeddedLog) -> None:
    readers = [await log.reader({tp: 0 for tp in await log.partitions("t")}) for _ in range(20)]
    await asyncio.gather(*(reader.poll(timeout=0, max_records=1) for reader in readers))
    began = time.process_time()
    await asyncio.gather(*(reader.poll(timeout=2, max_records=1) for reader in readers))
    assert time.process_time() - began < 0.05  # 20 polls begin and end in it; the wait itself is a hundredth of that
    for reader in readers:
        await reader.close()


async def test_the_file_is_not_looked_at_when_nobody_waits(log: EmbeddedLog) -> None:
    reader = await log.reader({T0: 0})
    await reader.poll(timeout=0.01, max_records=1)
    assert log._watching is not None
    async with asyncio.timeout(5):
        await log._watching
    await append(log, new("t", 1))
    assert log._watching.done()
    await reader.close()


async def test_no_wake_up_is_lost_among_many(log: EmbeddedLog) -> None:
    """Appends of four producers and polls of four readers interleave; each reader sees each record once."""
    tps = await log.partitions("t")
    readers = [await log.reader(dict.fromkeys(tps, 0)) for _ in range(4)]
    producers = [await log.producer(f"p{n}") for n in range(4)]

    async def produce(which: int) -> None:
        for n in range(100):
            await producers[which].append([new("t", which * 100 + n, partition=n % 3)])

    async def consume(reader: object) -> list[int]:
        found: list[int] = []
        while len(found) < 400:
            batch = await reader.poll(timeout=60, max_records=7)  # type: ignore[attr-defined]
            assert batch, "a poll waited out its time though records were there"
            found += [n for records in batch.values() for n in numbers(records)]
        return found

    async with asyncio.timeout(50):
        *seen, _ = await asyncio.gather(
            *(consume(reader) for reader in readers), asyncio.gather(*(produce(n) for n in range(4)))
        )
    assert all(sorted(found) == list(range(400)) for found in seen)
    for reader in readers:
        await reader.close()


async def test_a_full_partition_does_not_starve_the_others(log: EmbeddedLog) -> None:
    await append(log, *(new("t", n) for n in range(100)), new("t", 100, partition=1), new("t", 200, partition=2))
    reader = await log.reader(dict.fromkeys(await log.partitions("t"), 0))
    assert {100, 200} <= set(numbers(await read(reader, 15, most=5)))
    await reader.close()


async def test_partitions_that_stay_are_neither_revoked_nor_assigned_again(log: EmbeddedLog) -> None:
    known = Database()
    first = await join(log, "g", "t", known)
    await settle([first], 3)
    second = await join(log, "g", "t")
    async with asyncio.timeout(10):
        while (len(first.assignment()), len(second.assignment())) != (2, 1):
            await asyncio.gather(*(m.poll(timeout=0.05, max_records=1) for m in (first, second)))
    assert [len(tps) for tps in known.assigned] == [3]
    assert known.revoked == [second.assignment()]
    await first.close()
    await second.close()


async def test_members_of_different_topics_share_what_they_have_in_common(log: EmbeddedLog) -> None:
    known = Database()
    callbacks = {"on_assigned": known.on_assigned, "on_revoked": known.on_revoked}
    both = await log.consumer("g", ["t", "beats"], **callbacks, client_id="both")
    only = await log.consumer("g", ["t"], **callbacks, client_id="only")
    await settle([both, only], 2)
    assert BEATS in both.assignment() and BEATS not in only.assignment()
    await both.close()
    await only.close()


async def test_a_waiting_poll_takes_over_at_once_when_a_member_leaves(log: EmbeddedLog) -> None:
    first, second = await join(log, "g", "t"), await join(log, "g", "t")
    async with asyncio.timeout(10):
        while len(first.assignment()) + len(second.assignment()) < 3 or not second.assignment():
            await asyncio.gather(*(m.poll(timeout=0.05, max_records=1) for m in (first, second)))
    await append(log, *(new("t", n, partition=n) for n in range(3)))
    await read(second, len(second.assignment()))
    await read(first, len(first.assignment()))
    polling = asyncio.create_task(second.poll(timeout=60, max_records=10))
    await asyncio.sleep(0)
    await first.close()
    async with asyncio.timeout(5):
        assert await polling  # what the other had read comes again: nobody told how far it was
    await second.close()


async def test_what_is_told_stands_in_the_file(log: EmbeddedLog, path: Path) -> None:
    consumer = await join(log, "g", "t")
    await consumer.commit({T0: 3})
    await consumer.commit({T0: 5})
    await consumer.close()
    db = sqlite3.connect(path)
    assert db.execute("SELECT member_group, partition, next_offset FROM commits").fetchall() == [("g", 0, 5)]
    db.close()
    assert await log._run(lambda: log._file.db().execute("PRAGMA synchronous").fetchone()) == (2,)  # FULL again


async def test_closing_the_log_ends_a_poll_that_waits(log: EmbeddedLog) -> None:
    reader = await log.reader({T0: 0})
    polling = asyncio.create_task(reader.poll(timeout=60, max_records=1))
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(LogUnavailable):
        await polling
