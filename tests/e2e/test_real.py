"""The story on the real profile: a process per service, on Apache Kafka, PostgreSQL and Redis; killed and cut off."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from deploy.local import Kafka, Unavailable
from deploy.local.platform import Platform
from deploy.local.process import free_ports
from deploy.local.programs import Program
from deploy.story import PARTS, Client, Scene, Silent, ending, handling, scene, tell
from deploy.story.client import Caller, Json, ProblemAnswer

from . import checks

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.real, pytest.mark.timeout(420)]

OUTAGE_S = 20.0
PATIENCE_S = 90.0
REPORT = {"category": "01-02", "area": "321302002907001", "description": "垃圾"}
BEFORE_HANDOVER, AFTER_HANDOVER = PARTS[:3], PARTS[4:]
assert PARTS[3] is handling.handed_over


@dataclass(slots=True)
class Real:
    platform: Platform
    kafka: Kafka

    def client(self) -> Client:
        return Client(self.platform.base, self.platform.issuer)

    @asynccontextmanager
    async def scene(self) -> AsyncIterator[Scene]:
        async with self.client() as client, scene(client, Silent(), patience=PATIENCE_S) as made:
            yield made

    async def check(self) -> None:
        await checks.whole(self.platform, self.kafka.url)
        async with self.client() as client:
            hub = await client.sign_in_program("hub-smart-city", "demo-hub-secret")
            report = await hub.get("/audit", full="true")
        assert report["verdict"] == "clean", report["violations"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, redis_url: str) -> AsyncIterator[Real]:
    """A platform shared by the module, with a broker of its own; what one test breaks it mends."""
    folder = tmp_path_factory.mktemp("real")
    kafka = Kafka(folder / "kafka")
    try:
        await asyncio.to_thread(kafka.start)
    except Unavailable as reason:
        pytest.skip(str(reason))
    try:
        async with Platform(folder, kafka=kafka.url, postgres=postgres_url, redis=redis_url) as platform:
            yield Real(platform, kafka)
    finally:
        await asyncio.to_thread(kafka.kill)


@asynccontextmanager
async def steady_reports(client: Client) -> AsyncIterator[list[str]]:
    """Residents report one after the other for as long as the block lasts; gives the cases that were taken in.

    Each report has a key of its own and is sent again until it is answered, as a careful client does.
    """
    taken: list[str] = []
    stop = asyncio.Event()
    resident = await client.sign_in("resident-nanguan-01")

    async def work() -> None:
        while not stop.is_set():
            answer = await _insistent(resident, f"steady-{id(taken):x}-{len(taken)}")
            taken.append(str(answer["id"]))

    task = asyncio.create_task(work())
    try:
        yield taken
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_S)


async def _insistent(caller: Caller, key: str) -> Json:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await caller.post("/complaints/cases", REPORT, key=key)
            except ProblemAnswer as no:
                if no.status < 500:
                    raise
            except httpx.TransportError:
                pass  # not answered: asked again, by the same key
            await asyncio.sleep(0.1)


async def test_the_story_comes_out_as_told_twice_at_once(real: Real) -> None:
    async with real.client() as one, real.client() as two:
        await asyncio.gather(tell(one, Silent(), patience=PATIENCE_S), tell(two, Silent(), patience=PATIENCE_S))
    await real.check()


@pytest.mark.parametrize(
    "failpoint",
    [
        pytest.param("consumer.finance.before_handle:complaints.case", id="request-committed"),
        pytest.param("relay.before_append:finance.hold", id="hold-committed-not-published"),
        pytest.param("relay.after_append:finance.hold", id="published-not-deleted"),
        pytest.param("consumer.finance.before_ack:complaints.case", id="applied-not-acknowledged"),
    ],
)
async def test_finance_is_killed_in_the_middle_of_a_handover(real: Real, failpoint: str) -> None:
    platform = real.platform
    async with real.scene() as made:
        for part in BEFORE_HANDOVER:
            await part(made)
        await checks.caught_up(platform, real.kafka.url, "finance")
        assert await platform.terminate("finance") == 0
        await platform.start_service("finance", failpoint=failpoint)
        told = asyncio.create_task(handling.handed_over(made))
        assert await platform.wait_exit("finance", PATIENCE_S) == -9
        await platform.start_service("finance")
        await told
        for part in AFTER_HANDOVER:
            await part(made)
        await ending.audited(made)
    await real.check()


async def test_a_service_may_run_as_api_and_worker_apart(real: Real, tmp_path: Path) -> None:
    platform = real.platform
    assert await platform.terminate("complaints") == 0
    environ, (port,) = platform.environ("complaints"), free_ports(1)
    behind = {**environ, "SUIZHUAN_COMPLAINTS_PORT": str(port)}
    halves = [
        _half("api", tmp_path, environ, platform.url("complaints")),
        _half("worker", tmp_path, behind, f"http://127.0.0.1:{port}"),
    ]
    try:
        for half in halves:
            half.start()
        await asyncio.gather(*(half.wait_ready(PATIENCE_S) for half in halves))
        async with real.client() as client:
            await tell(client, Silent(), patience=PATIENCE_S)
    finally:
        codes = [await half.terminate() for half in halves]
    assert codes == [0, 0]
    await platform.start_service("complaints")
    await real.check()


def _half(role: str, folder: Path, environ: dict[str, str], url: str) -> Program:
    command = [sys.executable, "-m", "complaints", role]
    return Program(f"complaints-{role}", command, folder / f"{role}.log", environ, ready=f"{url}/health/ready")


async def test_kafka_stops_for_twenty_seconds(real: Real) -> None:
    async with real.client() as client, real.scene() as made:
        for part in BEFORE_HANDOVER:
            await part(made)
        async with steady_reports(client) as taken:
            await asyncio.to_thread(real.kafka.stop)
            before = len(taken)
            asked = await made.worker.post(f"/complaints/cases/{made.paid_case}/handovers", {"to": "firm-jiecheng"})
            assert asked["state"] == "waiting"
            await asyncio.sleep(OUTAGE_S)  # the outage itself
            during = len(taken) - before
            await asyncio.to_thread(real.kafka.start)
            await made.event("complaints.case.handed_over", handover=asked["id"])
        assert during > 0, "intake must go on without Kafka"
        print(f"{during} reports taken in while Kafka was away, {len(taken)} in all")
        await made.crew.post(f"/complaints/cases/{made.paid_case}/return")
        await made.event("complaints.case.returned", case=made.paid_case)
        await handling.handed_over(made)
        for part in AFTER_HANDOVER:
            await part(made)
    found = await checks.whole(real.platform, real.kafka.url)
    reported = {e.data["case"] for e in checks.named(found, "complaints.case.reported")}
    assert set(taken) <= reported, "a report that was taken in was lost"
    assert len(set(taken)) == len(taken)
    await real.check()


@asynccontextmanager
async def left_alone(real: Real, service: str) -> AsyncIterator[httpx.AsyncClient]:
    """Everybody else, the issuer and Kafka are dead as long as the block lasts; a client of the service itself."""
    others = [name for name in real.platform.programs if name != service]
    for name in others:
        await real.platform.kill(name)
    await asyncio.to_thread(real.kafka.stop)
    try:
        async with httpx.AsyncClient(base_url=real.platform.url(service), timeout=30.0) as alone:
            yield alone
    finally:
        await asyncio.to_thread(real.kafka.start)
        await asyncio.gather(*(real.platform.start_service(name) for name in others))


async def test_complaints_alone_takes_commands_and_its_events_flow_when_the_others_are_back(real: Real) -> None:
    async with real.scene() as made:
        await PARTS[0](made)
        await PARTS[1](made)
        resident, worker = made.resident.token, made.worker.token
        case, area, mandate = made.early_case, made.area, made.mandate
    async with left_alone(real, "complaints") as alone:
        taken = await alone.post("/cases", json={**REPORT, "area": area}, headers=_bearer(resident))
        assert (taken.status_code, taken.json()["mandate"]) == (201, mandate)
        done = await alone.post(f"/cases/{case}/result", json={}, headers=_bearer(worker))
        assert (done.status_code, done.json()["state"]) == (200, "handled")
        refused = await alone.post(f"/cases/{case}/start", json={}, headers=_bearer(resident))
        assert refused.status_code == 403
    async with real.client() as client:
        checker = await client.sign_in("staff-street-03")
        await checker.post(f"/complaints/cases/{case}/verification", {"result": "passed"})
        await checker.post(f"/complaints/cases/{case}/closure", {"outcome": "verified"})
    found = await checks.whole(real.platform, real.kafka.url)
    assert taken.json()["id"] in {e.data["case"] for e in checks.named(found, "complaints.case.reported")}
    assert case in {e.data["case"] for e in checks.named(found, "complaints.case.handled")}
    await real.check()


ENTRY = {
    "memo": "办公用品",
    "lines": [
        {"org": "community-nanguan", "account": "541", "amount_fen": 1200},
        {"org": "community-nanguan", "account": "102", "amount_fen": -1200},
    ],
    "approved_by": "staff-nanguan-02",
}
PROPOSAL = {"affair": "env.road-cleaning", "area": "321302002907", "holder": "community-nanguan"}


@pytest.mark.parametrize(
    ("service", "who", "path", "body", "event", "key"),
    [
        ("finance", "staff-nanguan-03", "/entries", ENTRY, "finance.entry.posted", "entry"),
        ("mandates", "staff-sanitation-01", "/mandates", PROPOSAL, "mandates.mandate.proposed", "id"),
    ],
    ids=["finance", "mandates"],
)
async def test_a_department_alone_takes_commands_and_its_events_flow_when_the_others_are_back(
    real: Real, service: str, who: str, path: str, body: Json, event: str, key: str
) -> None:
    async with real.client() as client:
        caller = await client.sign_in(who)
        await caller.get(f"/{service}{path}", limit="1")  # so that the service has the issuer's keys
    async with left_alone(real, service) as alone:
        done = await alone.post(f"/{service}{path}", json=body, headers=_bearer(caller.token))
        assert done.status_code == 201, done.text
    found = await checks.whole(real.platform, real.kafka.url)
    assert done.json()[key] in {e.key for e in checks.named(found, event)}
    await real.check()


async def test_the_gateway_alone_answers_with_what_it_has_and_says_what_is_missing(real: Real) -> None:
    async with real.client() as client:
        worker = await client.sign_in("staff-nanguan-01")
        before = await worker.get("/communities/321302002907")
    async with left_alone(real, "gateway") as alone:
        answer = await alone.get("/communities/321302002907", headers=_bearer(worker.token))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert {one["service"] for one in found["missing"]} == {"mandates", "finance", "complaints"}
        assert found["organisations"] == before["organisations"]
        assert found["as_of"]
        command = await alone.post("/complaints/cases", json=REPORT, headers=_bearer(worker.token))
        assert command.status_code == 503, command.text
    await real.check()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
