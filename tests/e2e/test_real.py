"""The story on the real profile: a process per service, on Apache Kafka, PostgreSQL and Redis; killed and cut off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer

from deploy.access import LOGINS
from deploy.local import Kafka, Unavailable
from deploy.local.platform import ISSUER_NAME, Platform
from deploy.story import PARTS, Client, Scene, Silent, ending, handling, scene, tell
from deploy.story.client import Caller, Json, ProblemAnswer
from deploy.story.scene import COMMUNITY, FIRM, NANGUAN
from deploy.topology import HUBS

from . import checks

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.real, pytest.mark.timeout(420)]

OUTAGE_S = 20.0
PATIENCE_S = 90.0
CORE = ("mandates", "finance", "complaints", "gateway")  # all of them: tests/local/test_platform.py
REPORT = {"category": "01-02", "area": "321302002907001", "description": "垃圾"}
BEFORE_HANDOVER, FROM_HANDOVER = PARTS[:3], PARTS[3:]
assert FROM_HANDOVER[0] is handling.handed_over


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

    async def check(self, *under_way: str) -> None:
        await checks.whole(self.platform, self.kafka.url, under_way)
        async with self.client() as client:
            worker = await client.sign_in("staff-nanguan-01")
            report = await worker.get("/audit", full="true")
        assert report["verdict"] == "clean", report["violations"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory, postgres_url: str, redis_url: str) -> AsyncIterator[Real]:
    """A platform shared by the module, with a broker of its own; what one test breaks it mends.

    Complaints runs as two processes, the others as one.
    """
    folder = tmp_path_factory.mktemp("real")
    kafka = Kafka(folder / "kafka", brief=True, logins=LOGINS)
    try:
        await asyncio.to_thread(kafka.start)
    except Unavailable as reason:
        pytest.skip(str(reason))
    try:
        servers = {"kafka": kafka.url, "postgres": postgres_url, "redis": redis_url}
        roles = {"complaints": ("api", "worker")}
        async with Platform(folder, **servers, passwords=kafka.passwords, roles=roles, services=CORE) as platform:
            yield Real(platform, kafka)
    finally:
        await asyncio.to_thread(kafka.kill)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def begun(real: Real) -> AsyncIterator[Scene]:
    """A story told as far as the case that waits to be handed over."""
    async with real.scene() as made:
        for part in BEFORE_HANDOVER:
            await part(made)
        yield made


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


async def test_a_hub_reads_by_its_own_login_what_it_has_subscribed_to(real: Real) -> None:
    topic = f"hub.{HUBS[0]}"
    reader = AIOKafkaConsumer(
        topic,
        bootstrap_servers=real.kafka.url,
        group_id=f"{topic}.dashboard",
        auto_offset_reset="earliest",
        **real.platform.security(HUBS[0]),
    )
    async with real.client() as client:
        hub = await client.sign_in_program(HUBS[0], "demo-hub-secret")
        made = await hub.post("/subscriptions", {"url": "kafka:", "types": ["complaints.case.reported"]})
        resident = await client.sign_in("resident-nanguan-01")
        case = (await resident.post("/complaints/cases", REPORT))["id"]
        await reader.start()
        try:
            record = await asyncio.wait_for(reader.getone(), PATIENCE_S)
        finally:
            await reader.stop()
        told = json.loads(record.value)
        assert (record.key.decode(), told["subject"], told["type"]) == (case, case, "complaints.case.reported.v1")
        receipts = (await hub.get("/receipts"))["items"]
        assert [(r["how"], r["events"]) for r in receipts if r["subscription"] == made["id"]] == [("kafka", 1)]
        await hub.post(f"/subscriptions/{made['id']}/end")


@pytest.mark.parametrize(
    ("failpoint", "heard"),
    [
        pytest.param("consumer.finance.before_handle:complaints.case", False, id="request-committed"),
        pytest.param("relay.before_append:finance.hold", False, id="hold-committed-not-published"),
        pytest.param("relay.after_append:finance.hold", True, id="published-not-deleted"),
        pytest.param("consumer.finance.before_ack:complaints.case", True, id="applied-not-acknowledged"),
    ],
)
async def test_finance_is_killed_in_the_middle_of_a_handover(
    real: Real, begun: Scene, failpoint: str, heard: bool
) -> None:
    """`heard`: complaints may have had the answer already when finance is dead."""
    platform = real.platform
    case = (await begun.report("绿化带内有垃圾"))["id"]
    await checks.caught_up(platform, real.kafka.url, "finance")
    assert await platform.terminate("finance") == 0
    await platform.start_service("finance", failpoint=failpoint)
    asked = await begun.worker.post(f"/complaints/cases/{case}/handovers", {"to": FIRM})
    assert await platform.wait_exit("finance", PATIENCE_S) == -9
    if not heard:
        assert (await begun.case(case))["responsible"] == COMMUNITY
    await platform.start_service("finance")
    moved = await begun.event("complaints.case.handed_over", handover=asked["id"])
    assert (await begun.case(case))["responsible"] == FIRM
    await begun.crew.post(f"/complaints/cases/{case}/return")
    await begun.event("finance.hold.released", hold=moved.data["hold"])
    await begun.event("complaints.case.returned", case=case)
    closure = {"outcome": "invalid", "reason": "duplicate", "duplicate_of": begun.paid_case}
    await begun.checker.post(f"/complaints/cases/{case}/closure", closure)
    await real.check(begun.early_case)


async def test_kafka_stops_for_twenty_seconds_and_then_the_story_goes_on_to_its_end(real: Real, begun: Scene) -> None:
    async with real.client() as client, steady_reports(client) as taken:
        await asyncio.to_thread(real.kafka.stop)
        before = len(taken)
        asked = await begun.worker.post(f"/complaints/cases/{begun.paid_case}/handovers", {"to": FIRM})
        assert asked["state"] == "waiting"
        await asyncio.sleep(OUTAGE_S)  # the outage itself
        during = len(taken) - before
        await asyncio.to_thread(real.kafka.start)
        await begun.event("complaints.case.handed_over", handover=asked["id"])
    assert during > 0, "intake must go on without Kafka"
    print(f"{during} reports taken in while Kafka was away, {len(taken)} in all")
    await begun.crew.post(f"/complaints/cases/{begun.paid_case}/return")
    await begun.event("complaints.case.returned", case=begun.paid_case)
    for part in FROM_HANDOVER:
        await part(begun)
    await ending.audited(begun)
    found = await checks.whole(real.platform, real.kafka.url)
    reported = {e.data["case"] for e in checks.named(found, "complaints.case.reported")}
    assert set(taken) <= reported, "a report that was taken in was lost"
    assert len(set(taken)) == len(taken)
    await real.check()


ENTRY = {
    "memo": "办公用品",
    "lines": [
        {"org": COMMUNITY, "account": "541", "amount_fen": 1200},
        {"org": COMMUNITY, "account": "102", "amount_fen": -1200},
    ],
    "approved_by": "staff-nanguan-02",
}
PROPOSAL = {"affair": "env.road-cleaning", "area": NANGUAN, "holder": COMMUNITY}


@asynccontextmanager
async def alone(platform: Platform, service: str) -> AsyncIterator[httpx.AsyncClient]:
    """No other program moves as long as the block lasts; a client of the service itself."""
    others = [p for name, p in platform.programs.items() if not is_of(service, name) and p.pid is not None]
    for program in others:
        program.freeze()
    try:
        async with httpx.AsyncClient(base_url=f"{platform.url(service)}/{service}", timeout=30.0) as http:
            yield http
    finally:
        for program in others:
            program.thaw()


def is_of(service: str, program: str) -> bool:
    return program.partition("-")[0] == service


async def test_each_service_alone_goes_on_and_its_events_flow_when_the_others_are_back(real: Real) -> None:
    """Kafka and the issuer are down, the others frozen; at last these are dead too, and the gateway is alone."""
    platform = real.platform
    async with real.scene() as made, real.client() as client:
        await PARTS[0](made)
        await PARTS[1](made)
        area, mandate, case = made.area, made.mandate, made.early_case
        clerk, proposer = await client.sign_in("staff-nanguan-03"), await client.sign_in("staff-sanitation-01")
        await clerk.get("/finance/entries", limit="1")  # so that the service has the issuer's keys
        await proposer.get("/mandates/mandates", limit="1")
        before = await made.worker.get(f"/communities/{NANGUAN}")
    await platform.kill(ISSUER_NAME)
    await asyncio.to_thread(real.kafka.stop)
    try:
        async with alone(platform, "complaints") as http:
            taken = await http.post("/cases", json={**REPORT, "area": area}, headers=_bearer(made.resident))
            assert (taken.status_code, taken.json()["mandate"]) == (201, mandate)
            done = await http.post(f"/cases/{case}/result", json={}, headers=_bearer(made.worker))
            assert (done.status_code, done.json()["state"]) == (200, "handled")
            refused = await http.post(f"/cases/{case}/start", json={}, headers=_bearer(made.resident))
            assert refused.status_code == 403
        async with alone(platform, "finance") as http:
            posted = await http.post("/entries", json=ENTRY, headers=_bearer(clerk))
            assert posted.status_code == 201, posted.text
        async with alone(platform, "mandates") as http:
            proposed = await http.post("/mandates", json=PROPOSAL, headers=_bearer(proposer))
            assert proposed.status_code == 201, proposed.text
        for name in [name for name in platform.programs if not is_of("gateway", name) and name != ISSUER_NAME]:
            await platform.kill(name)
        await _says_what_is_missing(platform.url("gateway"), made.worker, before)
    finally:
        await asyncio.to_thread(real.kafka.start)
        dead = [name for name, program in platform.programs.items() if not program.running]
        await asyncio.gather(*(platform.start_service(name) for name in dead))
    async with real.client() as client:
        checker = await client.sign_in("staff-street-03")
        await checker.post(f"/complaints/cases/{case}/verification", {"result": "passed"})
        await checker.post(f"/complaints/cases/{case}/closure", {"outcome": "verified"})
    found = await checks.whole(platform, real.kafka.url)
    assert taken.json()["id"] in {e.key for e in checks.named(found, "complaints.case.reported")}
    assert case in {e.key for e in checks.named(found, "complaints.case.handled")}
    assert posted.json()["entry"] in {e.key for e in checks.named(found, "finance.entry.posted")}
    assert proposed.json()["id"] in {e.key for e in checks.named(found, "mandates.mandate.proposed")}
    await real.check()


async def _says_what_is_missing(gateway: str, caller: Caller, before: Json) -> None:
    async with httpx.AsyncClient(base_url=gateway, timeout=30.0, headers=_bearer(caller)) as http:
        answer = await http.get(f"/communities/{NANGUAN}")
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert {one["service"] for one in found["missing"]} == {"mandates", "finance", "complaints"}
        assert found["organisations"] == before["organisations"]
        assert found["as_of"]
        command = await http.post("/complaints/cases", json=REPORT)
        assert command.status_code == 503, command.text


def _bearer(caller: Caller) -> dict[str, str]:
    return {"Authorization": f"Bearer {caller.token}"}
