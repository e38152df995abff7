"""The local servers, and how `make test` chooses: deploy.local and deploy.testing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local import Kafka, Redis, Servers, Unavailable
from deploy.local.process import exists, free_ports, wait_until
from deploy.testing import VARIABLES, choose

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def sets(tmp_path: Path) -> Iterator[Callable[[], Servers]]:
    made: list[Servers] = []

    def make() -> Servers:
        made.append(Servers(tmp_path / str(len(made))))
        try:
            return made[-1].start()
        except Unavailable as reason:
            pytest.skip(str(reason))

    yield make
    for servers in made:
        servers.remove()


async def write(kafka: str, topic: str, *values: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)


async def read(kafka: str, topic: str, count: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    async with consumer, asyncio.timeout(30):
        consumer.assign([TopicPartition(topic, 0)])
        return [(await consumer.getone()).value for _ in range(count)]


@pytest.mark.real
async def test_a_stopped_broker_starts_again_on_its_port_and_keeps_its_data(own_kafka: Callable[[], Kafka]) -> None:
    broker = await asyncio.to_thread(own_kafka)
    address = broker.url
    await write(address, "kept", b"1", b"2")
    await asyncio.to_thread(broker.stop)
    assert not broker.running
    assert not broker.answers()
    await asyncio.to_thread(broker.start)
    assert broker.url == address
    assert await read(address, "kept", 2) == [b"1", b"2"]


@pytest.mark.real
@pytest.mark.slow
async def test_a_killed_broker_starts_again_and_keeps_its_data(own_kafka: Callable[[], Kafka]) -> None:
    broker = await asyncio.to_thread(own_kafka)
    await write(broker.url, "kept", b"1")
    await asyncio.to_thread(broker.kill)
    await asyncio.to_thread(broker.start)
    assert await read(broker.url, "kept", 1) == [b"1"]


@pytest.mark.real
async def test_another_object_for_the_same_folder_finds_port_and_data(own_kafka: Callable[[], Kafka]) -> None:
    broker = await asyncio.to_thread(own_kafka)
    await write(broker.url, "kept", b"1")
    await asyncio.to_thread(broker.stop)
    again = Kafka(broker.folder)
    assert again.url == broker.url
    await asyncio.to_thread(again.start)
    try:
        assert await read(again.url, "kept", 1) == [b"1"]
    finally:
        await asyncio.to_thread(again.kill)


@pytest.mark.real
def test_a_frozen_broker_is_silent_until_it_is_continued(own_kafka: Callable[[], Kafka]) -> None:
    broker = own_kafka()
    broker.pause()
    assert broker.running
    assert not broker.answers()
    broker.resume()
    wait_until(broker.answers, timeout=30)


@pytest.mark.real
async def test_two_sets_of_servers_run_side_by_side(sets: Callable[[], Servers]) -> None:
    one, two = await asyncio.to_thread(sets), await asyncio.to_thread(sets)
    assert len({server.url for servers in (one, two) for server in servers.all}) == 6
    await write(one.kafka.url, "t", b"one")
    await write(two.kafka.url, "t", b"two")
    assert await read(one.kafka.url, "t", 1) == [b"one"]
    assert await read(two.kafka.url, "t", 1) == [b"two"]
    connection = await asyncpg.connect(one.postgres.url)
    await connection.execute("CREATE DATABASE only_in_one")
    assert int(await connection.fetchval("SHOW max_connections")) >= 300
    await connection.close()
    connection = await asyncpg.connect(two.postgres.url)
    assert await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = 'only_in_one'") == 0
    await connection.close()
    await asyncio.to_thread(one.stop)
    assert not any(server.answers() for server in one.all)
    assert all(server.answers() for server in two.all)


@pytest.mark.real
async def test_a_killed_postgres_starts_again_and_keeps_its_data(sets: Callable[[], Servers]) -> None:
    postgres = (await asyncio.to_thread(sets)).postgres
    connection = await asyncpg.connect(postgres.url)
    await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    await asyncio.to_thread(postgres.kill)
    connection.terminate()
    await asyncio.to_thread(postgres.start)
    connection = await asyncpg.connect(postgres.url)
    assert await connection.fetchval("SELECT n FROM kept") == 7
    await connection.close()


@pytest.mark.real
async def test_a_frozen_postgres_is_silent_until_it_is_continued(sets: Callable[[], Servers]) -> None:
    postgres = (await asyncio.to_thread(sets)).postgres
    connection = await asyncpg.connect(postgres.url)
    await asyncio.to_thread(postgres.pause)
    with pytest.raises(TimeoutError):
        await connection.fetchval("SELECT 1", timeout=0.5)
    await asyncio.to_thread(postgres.resume)
    assert postgres.answers()
    await connection.close()


@pytest.mark.real
async def test_each_test_gets_an_empty_database_of_its_own(postgres_database: str) -> None:
    connection = await asyncpg.connect(postgres_database.replace("+asyncpg", ""))
    assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    await connection.close()


PARENT = """
import signal, sys, time
from pathlib import Path
from deploy.local import Servers, Unavailable
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests themselves run in the background
try:
    servers = Servers(Path(sys.argv[1])).start()
except Unavailable as reason:
    sys.exit(f"unavailable: {reason}")
print('pids:', *[pid for server in servers.all for pid in server.pids], flush=True)
time.sleep(600)
"""


@pytest.mark.real
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_servers_end_with_the_process_that_started_them(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "orphans")]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        said = next((line for line in parent.stdout if line.startswith("pids:")), None)
        if said is None:
            pytest.skip(parent.stderr.read())
        pids = [int(word) for word in said.split()[1:]]
        assert len(pids) > 3
        assert all(exists(pid) for pid in pids)
        parent.send_signal(number)
    try:
        wait_until(lambda: not any(exists(pid) for pid in pids), timeout=30)
    finally:
        Servers(tmp_path / "orphans").remove()


@pytest.mark.real
def test_a_server_started_by_a_thread_outlives_that_thread(tmp_path: Path) -> None:
    redis = Redis(tmp_path)
    failures: list[Exception] = []

    def start() -> None:
        try:
            redis.start()
        except Unavailable as reason:
            failures.append(reason)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    if failures:
        pytest.skip(str(failures[0]))
    with redis:
        (pid,) = redis.pids
        assert f"Tgid:\t{pid}" in Path(f"/proc/{pid}/status").read_text()
        assert redis.answers()


def test_ports_given_to_servers_are_never_taken_by_outgoing_connections() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(port < first for port in ports)


@pytest.mark.real
def test_given_urls_are_preferred(kafka_bootstrap: str, postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    urls = {"kafka": kafka_bootstrap, "postgres": postgres_url, "redis": redis_url}
    with ExitStack() as stops:
        choices = choose({VARIABLES[name]: url for name, url in urls.items()}, tmp_path, stops)
    assert {choice.server: (choice.way, choice.url) for choice in choices} == {
        name: ("given", url) for name, url in urls.items()
    }
    assert not list(tmp_path.iterdir())


def test_a_given_url_that_does_not_answer_is_not_replaced_by_another_server(tmp_path: Path) -> None:
    nobody = [f"127.0.0.1:{port}" for port in free_ports(3)]
    given = [nobody[0], f"postgresql://u:secret@{nobody[1]}/postgres", f"redis://{nobody[2]}/0"]
    with ExitStack() as stops:
        choices = choose(dict(zip(VARIABLES.values(), given, strict=True)), tmp_path, stops)
    assert [choice.way for choice in choices] == ["none"] * 3
    assert all("does not answer" in choice.reason for choice in choices)
    assert "secret" not in choices[1].reason


TINY = """
import pytest

def test_plain():
    pass

@pytest.mark.real
def test_real(redis_url):
    pass

@pytest.mark.slow
def test_slow():
    raise AssertionError("slow tests are left out")
"""


def make_test(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_tiny.py").write_text(TINY)
    outside = {k: v for k, v in os.environ.items() if not k.startswith("SUIZHUAN_TEST_") and k != "CI"}
    pytest_arguments = ["-n0", "-p", "conftest", "-c", "pyproject.toml", str(folder / "test_tiny.py")]
    return subprocess.run(
        [sys.executable, "-m", "deploy.testing", *pytest_arguments],
        cwd=REPOSITORY,
        env=outside | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_servers_the_rest_runs_and_what_was_not_tested_is_said_before_and_after(tmp_path: Path) -> None:
    done = make_test(tmp_path, SUIZHUAN_TEST_SERVERS="none")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 skipped, 1 deselected" in done.stdout
    before, _, after = done.stdout.partition("test session starts")
    assert "NOT TESTED" in before
    assert "NOT TESTED" in after
    assert "未测试" in after


def test_without_servers_ci_fails_although_every_test_that_ran_passed(tmp_path: Path) -> None:
    done = make_test(tmp_path, SUIZHUAN_TEST_SERVERS="none", CI="true")
    assert "1 passed, 1 skipped, 1 deselected" in done.stdout
    assert done.returncode != 0


def test_where_no_program_is_found_ci_fails_with_the_reason(tmp_path: Path) -> None:
    done = make_test(tmp_path, SUIZHUAN_TEST_SERVERS="local", CI="true", PATH=str(tmp_path))
    assert done.returncode != 0
    assert "redis: Redis: not found" in done.stdout


@pytest.mark.real
def test_with_all_servers_the_last_line_is_pytests_own(
    kafka_bootstrap: str, postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    urls = {VARIABLES["kafka"]: kafka_bootstrap, VARIABLES["postgres"]: postgres_url, VARIABLES["redis"]: redis_url}
    done = make_test(tmp_path, CI="true", **urls)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NOT TESTED" not in done.stdout
    assert "2 passed, 1 deselected" in done.stdout.splitlines()[-1]
