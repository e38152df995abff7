"""The real profile on one machine: deploy.local.platform, a process per service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from deploy.local import Kafka
from deploy.local.platform import SEED, Platform
from deploy.local.process import exists, free_ports, wait_until
from deploy.local.programs import ROOT, Program, ProgramFailed
from deploy.local.topics import NotEmpty
from deploy.story import Client
from deploy.story.client import Caller, ProblemAnswer
from deploy.topology import BY_NAME, TOPICS
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.ports.log import TopicSpec

pytestmark = pytest.mark.real
NANGUAN = "321302002907"
REPORT = {"category": "01-02", "area": f"{NANGUAN}001", "description": "垃圾"}


async def hub_of(client: Client) -> Caller:
    return await client.sign_in_program("hub-smart-city", "demo-hub-secret")


async def databases_of(platform: Platform, postgres: str) -> set[str]:
    names = [urlsplit(platform.database_url(service)).path.strip("/") for service in platform.services]
    connection = await asyncpg.connect(postgres)
    try:
        found = await connection.fetch("SELECT datname FROM pg_database WHERE datname = ANY($1)", names)
    finally:
        await connection.close()
    return {row["datname"] for row in found}


async def until_missing(caller: Caller, expected: list[str]) -> dict[str, object]:
    """The composed read of a community as soon as it says that these services are missing."""
    async with asyncio.timeout(60):
        while True:
            try:
                found = await caller.get(f"/communities/{NANGUAN}")
            except ProblemAnswer as no:
                assert no.code == "outside_area", no  # the gateway has not heard yet who is responsible where
                await asyncio.sleep(0.05)
                continue
            if [one["service"] for one in found["missing"]] == expected:
                return found


async def test_it_works_with_a_process_per_service_and_leaves_nothing_behind(
    own_kafka: Callable[[], Kafka], postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    broker = await asyncio.to_thread(own_kafka)
    platform = Platform(tmp_path, kafka=broker.url, postgres=postgres_url, redis=redis_url)
    await platform.start()
    try:
        memory = platform.memory()
        assert sorted(memory) == sorted([*BY_NAME, "issuer"])
        print(f"MiB: {', '.join(f'{name} {size / 2**20:.0f}' for name, size in memory.items())}")
        pids = [program.pid for program in platform.programs.values()]
        assert len(set(pids)) == len(BY_NAME) + 1
        async with Client(platform.base, platform.issuer) as client:
            worker, hub = await client.sign_in("staff-nanguan-01"), await hub_of(client)
            await a_report_is_heard(client, hub)
            await killed_and_started_again(platform, worker)
            assert "founded already" in await founded_once_more(platform)
            await ended_at_a_failpoint(platform, client)
            assert (await worker.get("/audit", full="true"))["verdict"] == "clean"
        prefix = urlsplit(platform.database_url("gateway")).path.strip("/").removesuffix("_gateway")
        async with Redis.from_url(redis_url) as keys:
            assert [key async for key in keys.scan_iter(match=f"{prefix}:gateway:*", count=1000)]
        assert len(await databases_of(platform, postgres_url)) == len(BY_NAME)
        await crashed_unnoticed(platform.programs["finance"])
        with pytest.raises(ProgramFailed, match="finance: had ended with -9"):
            await platform.stop()
    finally:
        if any(program.running for program in platform.programs.values()):
            await platform.stop()
    assert not any(exists(program.pid or 0) for program in platform.programs.values())
    assert await databases_of(platform, postgres_url) == set()


async def a_report_is_heard(client: Client, hub: Caller) -> None:
    worker, resident = await client.sign_in("staff-nanguan-01"), await client.sign_in("resident-nanguan-01")
    assert len((await worker.get("/mandates/mandates", limit="1"))["items"]) == 1
    overview = await until_missing(worker, [])
    assert overview["organisations"]
    async with client.listening(hub) as listener:
        taken = await resident.post("/complaints/cases", REPORT)
        reported = await listener.wait("complaints.case.reported", lambda e: e.key == taken["id"])
        assert reported.data["area"] == REPORT["area"]
    audit = await hub.get("/audit")
    assert audit["verdict"] == "clean"
    assert audit["read"]["cases"] == 1


async def killed_and_started_again(platform: Platform, worker: Caller) -> None:
    before = platform.log_text("finance")
    await platform.kill("finance")
    missing = (await until_missing(worker, ["finance"]))["missing"]
    assert missing == [{"service": "finance", "reason": "ConnectError", "parts": ["money", "holds", "entries"]}]
    began = time.monotonic()
    await platform.start_service("finance")
    print(f"finance ready again after {time.monotonic() - began:.1f} s")
    await until_missing(worker, [])
    assert platform.log_text("finance").startswith(before)
    assert platform.log_text("finance").count("Uvicorn running") == 2


async def founded_once_more(platform: Platform) -> str:
    """What the founding command says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mandates", "bootstrap", str(SEED), cwd=ROOT, env=platform.environ("mandates"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, printed.decode()
    return printed.decode()


async def ended_at_a_failpoint(platform: Platform, client: Client) -> None:
    assert await platform.terminate("complaints") == 0
    await platform.start_service("complaints", failpoint="relay.before_append:complaints.case")
    with pytest.raises(ProgramFailed, match="complaints runs already"):
        await platform.start_service("complaints")
    resident = await client.sign_in("resident-nanguan-01")
    taken = await resident.post("/complaints/cases", REPORT)
    assert await platform.wait_exit("complaints", 15) == -signal.SIGKILL
    await platform.start_service("complaints")
    assert (await resident.get(f"/complaints/cases/{taken['id']}"))["id"] == taken["id"]


async def crashed_unnoticed(program: Program) -> None:
    """Ended behind the platform's back, as a bug would end it."""
    assert program.pid is not None
    os.kill(program.pid, signal.SIGKILL)
    await asyncio.to_thread(wait_until, lambda: program.crashed is not None, timeout=10)


def test_a_service_may_have_several_processes_each_on_a_port_of_its_own(tmp_path: Path) -> None:
    servers = {"kafka": "127.0.0.1:1", "postgres": "postgresql://nobody@127.0.0.1:1/postgres", "redis": "redis://-"}
    made = Platform(tmp_path, **servers, roles={"finance": ("api", "worker", "worker")})  # type: ignore[arg-type]
    finance = {name: program for name, program in made.programs.items() if name.startswith("finance")}
    assert list(finance) == ["finance-api", "finance-worker", "finance-worker-2"]
    assert [program.command[-1] for program in finance.values()] == ["api", "worker", "worker"]
    ports = [program.environ["SUIZHUAN_FINANCE_PORT"] for program in finance.values()]
    assert len(set(ports)) == 3 and made.url("finance").endswith(ports[0])
    assert made.programs["mandates"].command[-1] == "all"


async def test_a_broker_that_has_the_topics_already_is_refused(
    own_kafka: Callable[[], Kafka], postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    broker = await asyncio.to_thread(own_kafka)
    log = KafkaLog(broker.url)
    await log.ensure_topics([TopicSpec(TOPICS[-1].name, TOPICS[-1].partitions)])
    await log.close()
    for keep in (False, True):
        refused = Platform(tmp_path, kafka=broker.url, postgres=postgres_url, redis=redis_url, keep=keep)
        with pytest.raises(NotEmpty, match=f"has the topic {TOPICS[-1].name} already"):
            await refused.start()
        assert not any(program.running for program in refused.programs.values())
        assert await databases_of(refused, postgres_url) == set()


async def test_a_start_that_fails_names_the_service_and_leaves_nothing_behind(
    own_kafka: Callable[[], Kafka], postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    broker = await asyncio.to_thread(own_kafka)
    wrong = {"SUIZHUAN_COMPLAINTS_CACHE_TTL": "never"}
    servers = {"kafka": broker.url, "postgres": postgres_url, "redis": redis_url}
    made = Platform(tmp_path, **servers, settings=wrong, services=("mandates", "finance", "complaints", "gateway"))
    with pytest.raises(ProgramFailed, match=r"(?s)complaints: ended with 1 before it was ready.*cache_ttl"):
        await made.start()
    assert not any(program.running for program in made.programs.values())
    assert await databases_of(made, postgres_url) == set()


async def test_a_person_starts_it_at_the_terminal_stops_it_by_ctrl_c_and_goes_on(
    own_kafka: Callable[[], Kafka], postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    broker = await asyncio.to_thread(own_kafka)
    (port,) = free_ports(1)  # and the four after it, which nobody is likely to have
    given = ["--kafka", broker.url, "--postgres", postgres_url, "--redis", redis_url, "--port", str(port)]
    small = {**os.environ, "SUIZHUAN_WITHOUT": "population,property,volunteers"}
    case = ""
    try:
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "deploy.local.platform", *given, "--data", str(tmp_path), cwd=ROOT, env=small,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
            try:
                assert process.stdout is not None
                printed = b""
                async with asyncio.timeout(90):
                    while b"endpoints.json" not in printed:
                        line = await process.stdout.readline()
                        assert line, printed.decode()
                        printed += line
                found = json.loads((tmp_path / "endpoints.json").read_text(encoding="utf-8"))
                assert found["gateway"] == f"http://127.0.0.1:{port}"
                async with httpx.AsyncClient() as http:
                    for url in found["docs"].values():
                        assert (await http.get(url)).status_code == 200
                async with Client(found["gateway"], found["issuer"]) as client:
                    resident = await client.sign_in("resident-nanguan-01")
                    if case:
                        assert (await resident.get(f"/complaints/cases/{case}"))["id"] == case
                    else:
                        case = str((await resident.post("/complaints/cases", REPORT))["id"])
            finally:
                process.send_signal(signal.SIGINT)
                rest, _ = await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == 0, rest.decode()
            assert not (tmp_path / "endpoints.json").exists()
    finally:
        await Platform(tmp_path, kafka=broker.url, postgres=postgres_url, redis=redis_url, keep=True).remove()
