"""A hub's composed reads: for its purpose, masked as the stream is, and each leaves a receipt before it is given."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gateway.domain.purposes import Purpose, Shown
from suizhuan.ports.log import TopicSpec
from suizhuan.service import Service

from .conftest import SseClient, World, at_work, caught_up, client, until
from .story import COMMUNITY, NANGUAN, Story
from .test_composed import all_well
from .test_hub import hub
from .test_things import ACTIVITY, PREMISE, TOPICS, departments

pytestmark = pytest.mark.either_database

STATISTICS = "statistics"
READERS = (STATISTICS, "city-operations")
READS = (f"/communities/{NANGUAN}", "/cases/c2/chain", "/events/snapshot", f"/figures?area={NANGUAN}", "/audit")


@pytest.fixture
async def service(world: World, story: Story) -> AsyncIterator[Service]:
    await world.log.ensure_topics([TopicSpec(name, 3) for name in (PREMISE, ACTIVITY)])
    departments(story)
    await world.tell(story)
    made = world.gateway(all_well(), topics=TOPICS)
    async with at_work(made), client(made) as http:
        await caught_up(made)
        await until(lambda: _counted(http, world))
        yield made


async def _counted(http: httpx.AsyncClient, world: World) -> bool:
    answer = await http.get("/figures", headers=world.headers("service"))
    return sum(item["count"] for item in answer.json()["items"]) == 5


async def asked(world: World, service: Service, path: str, purpose: str = STATISTICS) -> httpx.Response:
    async with client(service) as http:
        return await http.get(path, headers=hub(world, purpose))


async def got(world: World, service: Service, path: str, purpose: str = STATISTICS) -> dict[str, Any]:
    answer = await asked(world, service, path, purpose)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["purpose"] == purpose
    return found


async def receipts(world: World, service: Service) -> list[dict[str, Any]]:
    async with client(service) as http:
        answer = await http.get("/receipts?limit=200", headers=hub(world, STATISTICS))
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_community_is_shown_as_far_as_the_purpose_goes(world: World, service: Service) -> None:
    found = await got(world, service, f"/communities/{NANGUAN}")
    assert found["masked"] == ["grants", "money"]
    assert (found["grants"], found["money"]) == (None, None)
    assert found["organisations"][0]["name"]
    assert all(m["affair"] and m["holder"] is None and m["amount_fen"] is None for m in found["mandates"])
    assert all("holder" in m["masked"] for m in found["mandates"])
    assert found["cases"]["by_state"]
    assert all(case["responsible"] is None for case in found["cases"]["open"])


async def test_a_chain_shows_each_event_as_the_stream_does(world: World, service: Service) -> None:
    found = await got(world, service, "/cases/c2/chain")
    stream = SseClient(service).open("/events", "from=2020-01-01", hub(world, STATISTICS))
    wanted = {step["event"] for step in found["steps"]}
    await until(lambda: wanted <= set(stream.ids), 30)
    await stream.leave()
    streamed = {event["id"]: event for event in (json.loads(b["data"]) for b in stream.live)}
    for step in found["steps"]:
        assert step["data"] == streamed[step["event"]]["data"]
        assert step.get("masked") == streamed[step["event"]].get("masked")
        assert step["actor"] is None
    assert (found["holds"], found["entries"], found["paid_fen"]) == (None, None, None)
    assert found["masked"] == ["entries", "holds", "paid_fen"]
    assert found["case"]["affair"] is not None
    assert (found["case"]["responsible"], found["case"]["price_fen"]) == (None, None)


async def test_a_snapshot_is_masked_as_a_document_and_as_the_beginning_of_a_stream(
    world: World, beginning: Story
) -> None:
    m1 = beginning.place("m1", COMMUNITY, role="lead", amount=100_000)
    beginning.routed("c1", m1)
    await world.tell(beginning)
    service = world.gateway(all_well())
    async with at_work(service):
        await caught_up(service)
        found = await got(world, service, "/events/snapshot")
        stream = SseClient(service).open("/events", headers=hub(world, STATISTICS))
        await until(lambda: any(b.get("event") == "snapshot.end" for b in stream.blocks))
        await stream.leave()
        noted = await receipts(world, service)
    blocks = {b["event"]: json.loads(b["data"]) for b in stream.events}
    for row in (*found["cases"], blocks["snapshot.case"]):
        assert (row["affair"], row["responsible"], row["mandate"]) != (None, None, None)
        assert row["responsible"] is None
        assert "responsible" in row["masked"]
    assert blocks["snapshot.mandate"]["holder"] is None
    assert {r["what"] for r in noted if r["how"] == "read"} == {"/events/snapshot?area="}
    assert sum(r["events"] for r in noted if r["what"] and r["topic"] == "complaints.case") == 2


async def test_figures_count_only_what_the_purpose_lets_be_counted(world: World, service: Service) -> None:
    everything = await got(world, service, f"/figures?area={NANGUAN}")
    assert {(i["service"], i["kind"], i["state"]) for i in everything["items"]} == {
        ("property", "premise", "registered"),
        ("property", "premise", "withdrawn"),
        ("volunteers", "activity", "opened"),
    }
    assert everything["masked"] == []
    none = await asked(world, service, f"/figures?area={NANGUAN}", "audit")
    assert (none.status_code, none.json()["code"]) == (403, "not_covered")
    # The catalogue may cover some of what happens to a kind of thing.
    service.app.state.purposes = (Purpose(STATISTICS, (Shown((f"{PREMISE}.withdrawn",), frozenset()),)),)
    some = await got(world, service, f"/figures?area={NANGUAN}")
    assert [(i["kind"], i["state"], i["count"]) for i in some["items"]] == [("premise", "withdrawn", 1)]
    assert some["masked"] == [PREMISE, ACTIVITY]
    overview = await asked(world, service, f"/communities/{NANGUAN}")
    assert overview.json()["code"] == "not_covered"


@pytest.mark.parametrize("path", ["/audit", "/audit/cases/c2"])
async def test_the_auditors_findings_are_for_purposes_that_name_them(world: World, service: Service, path: str) -> None:
    refused = await asked(world, service, path)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_covered")
    assert STATISTICS in refused.json()["detail"]
    assert (await got(world, service, path, "audit"))["verdict"] == "clean"


async def test_every_read_of_a_hub_stands_on_receipts_of_those_whose_data_it_was(
    world: World, service: Service
) -> None:
    for path in READS:
        await asked(world, service, path)
        await asked(world, service, path, "city-operations")
    noted = await receipts(world, service)
    assert {r["how"] for r in noted} == {"read"}
    of = {(r["what"], r["purpose"], r["service"]) for r in noted}
    assert (f"/communities/{NANGUAN}", STATISTICS, "complaints") in of
    assert (f"/communities/{NANGUAN}", "city-operations", "finance") in of
    assert (f"/communities/{NANGUAN}", STATISTICS, "finance") not in of, "it was given nothing of finance"
    assert ("/cases/c2/chain", STATISTICS, "complaints") in of
    assert (f"/figures?area={NANGUAN}", STATISTICS, "property") in of
    assert ("/audit", "city-operations", "finance") in of
    assert not [r for r in noted if r["what"] == "/audit" and r["purpose"] == STATISTICS]
    assert all(
        r["masked"] == r["events"] for r in noted if (r["topic"], r["purpose"]) == ("mandates.mandate", STATISTICS)
    )


async def test_a_row_made_of_several_topics_stands_on_a_receipt_of_each(world: World, service: Service) -> None:
    """A mandate's row names its affair and its money; a purpose that hides those was given nothing of them."""
    for purpose in READERS:
        await asked(world, service, "/cases/c2/chain", purpose)
    topics = {p: {r["topic"] for r in await receipts(world, service) if r["purpose"] == p} for p in READERS}
    of_all = {"mandates.mandate", "mandates.affair", "mandates.organisation", "complaints.case", "finance.hold"}
    assert topics["city-operations"] == of_all | {"finance.earmark", "finance.entry"}
    # The chain has finance's events as steps: counted, nothing of them shown.
    assert topics[STATISTICS] == of_all


async def test_without_its_receipt_nothing_is_given(world: World, service: Service) -> None:
    async with service.parts.database.write() as conn:
        await conn.execute(text("ALTER TABLE receipt RENAME TO receipts_elsewhere"))
    for path in READS:
        answer = await asked(world, service, path, "city-operations")
        assert answer.status_code >= 500
        assert COMMUNITY not in answer.text


async def test_staff_and_services_get_it_whole_and_leave_no_receipt(world: World, service: Service) -> None:
    async with client(service) as http:
        for path in READS:
            answer = await http.get(path, headers=world.headers("staff", COMMUNITY))
            assert answer.status_code == 200
            assert "purpose" not in answer.json()
    assert await receipts(world, service) == []


async def test_how_cases_ended_is_not_told_to_a_purpose_that_may_not_know_their_outcome(
    world: World, service: Service
) -> None:
    chain = await got(world, service, "/cases/c2/chain", "audit")
    assert chain["case"]["state"] is None
    assert "state" in chain["case"]["masked"]
    closed = [step for step in chain["steps"] if step["type"] == "complaints.case.closed.v1"]
    assert [step["data"]["outcome"] for step in closed] == [None]
    overview = await got(world, service, f"/communities/{NANGUAN}", "audit")
    assert overview["cases"]["by_state"] is None
    assert "by_state" in overview["cases"]["masked"]
    assert (await got(world, service, "/cases/c2/chain"))["case"]["state"] == "settled", "statistics may know it"
