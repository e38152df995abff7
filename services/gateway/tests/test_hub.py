"""A hub reads for a purpose, what that does not cover is masked, and what it was given leaves a receipt."""

from __future__ import annotations

import json

import pytest

from gateway.domain.purposes import Purpose, Shown
from gateway.hub_view import encoded
from gateway.routes_hub import READ_RECEIPTS, SHARING
from suizhuan.service import Service
from suizhuan.testing import AuthorityLog

from .conftest import SseClient, World, client
from .story import CHECKER, COMMUNITY, DISTRICT, Story
from .test_stream import LONG_AGO, streamed


def hub(world: World, purpose: str | None, subject: str = "hub-1") -> dict[str, str]:
    return {"Authorization": f"Bearer {world.token('hub', subject=subject, purpose=purpose)}"}


FINANCE = "finance"


async def may_read_receipts(gateway: Service, org: str = CHECKER, power: str = READ_RECEIPTS) -> None:
    log = AuthorityLog(gateway.parts)
    await log.grant("m-sharing", org, SHARING, DISTRICT, [power])
    await log.beat()


async def test_a_hub_says_why_it_reads_or_gets_nothing(world: World, beginning: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    async with client(gateway) as http:
        for purpose in (None, "curiosity"):
            for path in ("/events", "/events/snapshot"):
                answer = await http.get(path, headers=hub(world, purpose))
                assert (answer.status_code, answer.json()["code"]) == (403, "purpose_unknown")
                assert "statistics" in answer.json()["detail"]


async def test_what_a_purpose_does_not_cover_is_masked_and_named(world: World, story: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    stream = SseClient(gateway).open("/events", LONG_AGO, hub(world, "statistics"))
    await stream.gets(len(streamed(story)))
    await stream.leave()
    routed = json.loads(next(b for b in stream.live if b["event"] == "complaints.case.routed.v1")["data"])
    assert routed["data"]["affair"] is not None
    assert routed["data"]["responsible"] is None
    assert "responsible" in routed["masked"]
    assert not any("actor" in json.loads(b["data"]) for b in stream.live)
    posted = json.loads(next(b for b in stream.live if b["event"] == "finance.entry.posted.v1")["data"])
    assert set(posted["data"].values()) == {None}


async def test_every_event_that_a_hub_was_given_stands_on_a_receipt(world: World, story: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    await may_read_receipts(gateway)
    wanted = streamed(story)
    stream = SseClient(gateway).open("/events", LONG_AGO, hub(world, "statistics"))
    await stream.gets(len(wanted))
    await stream.leave()
    places = {(p["topic"], p["partition"], p["offset"]) for p in (json.loads(b["data"])["place"] for b in stream.live)}
    async with client(gateway) as http:
        found, cursor = [], ""
        while cursor is not None:
            answer = await http.get(
                "/receipts", headers=world.headers("staff", CHECKER), params={"limit": 3, "cursor": cursor}
            )
            assert answer.status_code == 200, answer.text
            found += answer.json()["items"]
            cursor = answer.json()["next"]
        assert sum(r["events"] for r in found) == len(wanted)
        assert {(r["hub"], r["purpose"], r["how"]) for r in found} == {("hub-1", "statistics", "stream")}
        for topic, partition, offset in places:
            assert any(
                (r["topic"], r["partition"]) == (topic, partition) and r["first_offset"] <= offset <= r["last_offset"]
                for r in found
            )
        of_finance = await http.get("/receipts?service=finance", headers=world.headers("staff", CHECKER))
        assert {r["service"] for r in of_finance.json()["items"]} == {"finance"}
        own = await http.get("/receipts", headers=hub(world, "statistics"))
        assert own.json()["items"][0] == found[0]
        assert (await http.get("/receipts", headers=hub(world, "audit", "hub-2"))).json()["items"] == []
        assert (await http.get("/receipts?hub=hub-1", headers=hub(world, "audit", "hub-2"))).json()["items"] == []


async def test_receipts_are_for_those_whose_duty_it_is(world: World, beginning: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    await may_read_receipts(gateway)
    async with client(gateway) as http:
        for path in ("/receipts", "/subscriptions"):
            stranger = await http.get(path, headers=world.headers("staff", COMMUNITY))
            assert (stranger.status_code, stranger.json()["code"]) == (403, "missing_power")
            resident = await http.get(path, headers=world.headers("resident"))
            assert (resident.status_code, resident.json()["code"]) == (403, "wrong_kind")
            assert (await http.get(path)).status_code == 401


async def test_who_owns_data_reads_what_was_shared_of_it_and_no_more(world: World, story: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    await may_read_receipts(gateway, CHECKER, f"{FINANCE}.receipt.read")
    stream = SseClient(gateway).open("/events", LONG_AGO, hub(world, "statistics"))
    await stream.gets(len(streamed(story)))
    await stream.leave()
    owner = world.headers("staff", CHECKER)
    async with client(gateway) as http:
        found = (await http.get(f"/receipts?service={FINANCE}", headers=owner)).json()["items"]
        assert found
        assert {receipt["service"] for receipt in found} == {FINANCE}
        for path in ("/receipts", "/receipts?service=complaints", "/subscriptions"):
            answer = await http.get(path, headers=owner)
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_power"), path


async def test_staff_read_unmasked_under_their_own_rules_and_leave_no_receipt(world: World, story: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    await may_read_receipts(gateway)
    stream = SseClient(gateway).open("/events", LONG_AGO, world.headers("service"))
    await stream.gets(len(streamed(story)))
    await stream.leave()
    assert not any("masked" in json.loads(b["data"]) for b in stream.live)
    async with client(gateway) as http:
        assert (await http.get("/receipts", headers=world.headers("staff", CHECKER))).json()["items"] == []


async def test_the_catalogue_of_purposes_is_there_for_everybody_who_signs_in(world: World) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    async with client(gateway) as http:
        found = (await http.get("/purposes", headers=world.headers("staff", COMMUNITY))).json()["items"]
    assert {"city-operations", "statistics", "audit"} == {p["code"] for p in found}
    assert all(p["name"]["zh"] and p["name"]["en"] and p["sharing"] for p in found)


@pytest.mark.parametrize(
    ("type_", "hidden"),
    [("a.b.c.v1", ["y"]), ("a.b.d.v1", []), ("z.z.z.v1", ["x", "y"])],
)
def test_several_entries_add_up_and_one_without_fields_shows_all(type_: str, hidden: list[str]) -> None:
    purpose = Purpose("p", (Shown(("a.*",), frozenset({"x"})), Shown(("a.b.d",), None)))
    assert purpose.hidden(type_, {"x": 1, "y": 2}) == hidden
    data, masked = purpose.masked(type_, {"x": 1, "y": 2})
    assert masked == hidden
    assert all(data[name] is None for name in hidden)


async def test_a_stream_and_a_webhook_write_an_event_in_the_same_bytes(world: World, story: Story) -> None:
    """One way to write JSON: what is signed for a webhook is what a stream shows."""
    gateway = world.gateway()
    await gateway.migrate()
    stream = SseClient(gateway).open("/events", LONG_AGO, hub(world, "city-operations"))
    await stream.gets(len(streamed(story)))
    await stream.leave()
    assert all(encoded(json.loads(b["data"])).decode() == b["data"] for b in stream.live)
