"""The broker of the stack: nobody writes another's topics, and what it has acknowledged is on the disk."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError

from deploy.access import LOGINS
from deploy.local.kafka import ADMIN
from deploy.local.process import wait_until
from suizhuan.adapters.kafka_client import security
from tests.local.access import GROUPS, READS, WRITES, as_, fill, may_join, may_read, may_write

from .stack import Broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.asyncio(loop_scope="module")]
RECORDS = 20
AT_ONCE, LATER = "1", str(2**63 - 1)  # flush.messages: after each batch, or when the system likes


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(broker: Broker) -> Broker:
    await fill(broker, ADMIN)
    return broker


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def topics(broker: Broker) -> AsyncIterator[tuple[str, str]]:
    """One as every topic of the stack is, and one that is flushed when the system likes."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.url, **as_(broker, ADMIN))
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic("probe.default", 1, 1), NewTopic("probe.later", 1, 1, topic_configs={"flush.messages": LATER})]
        )
        yield "probe.default", "probe.later"
    finally:
        await admin.close()


@pytest.mark.parametrize("login", LOGINS)
async def test_a_login_writes_and_reads_what_was_declared_and_joins_its_own_groups(filled: Broker, login: str) -> None:
    assert await may_write(filled, login) == WRITES[login]
    assert await may_read(filled, login) == READS[login]
    assert await may_join(filled, login) == {group for group, owner in GROUPS.items() if owner == login}


@pytest.mark.parametrize("how", [{}, security("finance", "guessed"), security("nobody", "guessed")])
async def test_nobody_comes_in_without_a_login(broker: Broker, how: dict[str, Any]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.url, request_timeout_ms=3000, **how)
    with pytest.raises(KafkaConnectionError if not how else KafkaError):
        await producer.start()
    await producer.stop()


async def test_an_acknowledged_record_is_on_the_disk_before_the_acknowledgement(
    broker: Broker, topics: tuple[str, str], tmp_path: Path
) -> None:
    if shutil.which("strace") is None or os.geteuid() != 0:
        pytest.skip("needs strace and root / 需要 strace 与 root")
    trace = tmp_path / "trace"
    for topic, flushed in zip(topics, (True, False), strict=True):
        async with AIOKafkaProducer(bootstrap_servers=broker.url, acks="all", **as_(broker, ADMIN)) as producer:
            await producer.send_and_wait(topic, b"first", partition=0)  # whatever the first one costs beside
            with traced(broker, trace):
                for number in range(RECORDS):
                    await producer.send_and_wait(topic, b"record %d" % number, partition=0)
        steps = story(trace, topic)
        assert steps.count("w") == RECORDS
        # Each record is written, synced, and only then answered.
        assert re.fullmatch("(ws+a)+" if flushed else "(wa)+", steps), steps


async def test_an_acknowledgement_waits_for_the_disk(
    broker: Broker, topics: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The same records to both topics in turns, in one run; what it costs is told."""
    taken: dict[str, list[float]] = {topic: [] for topic in topics}
    async with AIOKafkaProducer(bootstrap_servers=broker.url, acks="all", **as_(broker, ADMIN)) as producer:
        for _ in range(200):
            for topic in topics:
                began = time.perf_counter()
                await producer.send_and_wait(topic, b"x" * 800, partition=0)
                taken[topic].append(time.perf_counter() - began)
    medians = {}
    with capsys.disabled():
        for topic, seconds in taken.items():
            ordered = sorted(seconds)
            medians[topic] = p50 = ordered[len(ordered) // 2]
            p99 = ordered[int(len(ordered) * 0.99)]
            print(f"\n{topic}: one record and its acknowledgement p50 {p50 * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms")
    default, later = topics
    assert medians[default] > medians[later]


@contextmanager
def traced(broker: Broker, into: Path) -> Iterator[None]:
    """What the broker asks of the system meanwhile, with the files and connections that it means."""
    pid = broker.stack.containers()["kafka"]["State"]["Pid"]
    calls = "write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync,sendfile,msync"
    # In the container's network, else strace could not name its connections.
    command = ["nsenter", "-t", str(pid), "-n", "strace", "-f", "-yy", "-s", "0", "-e", f"trace={calls}"]
    command += ["-o", str(into), "-p", str(pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        attached = process.stderr.readline()
        assert "attached" in attached, attached
        try:
            yield
        finally:
            process.terminate()
    wait_until(lambda: into.stat().st_size > 0, timeout=10)


def story(trace: Path, topic: str) -> str:
    """What happened to the records of the topic, in order: (w)ritten, (s)ynced, (a)nswered."""
    steps, file = "", re.compile(rf"{re.escape(topic)}-0/\d+\.log")
    for line in trace.read_text(errors="replace").splitlines():
        call = line.split(None, 1)[1]
        name = call.partition("(")[0]
        if file.search(call):
            steps += "s" if "sync" in name else "w"
        elif re.match(r"<\.\.\. f(data)?sync resumed", call):
            continue
        elif name in {"write", "writev", "sendto", "sendmsg"} and "TCP" in call and ":9092->" in call:
            steps += "a"
    return re.sub("a+", "a", steps).strip("a") + "a"
