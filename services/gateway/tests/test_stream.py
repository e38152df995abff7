"""The event stream: nothing missing, nothing twice, nothing that is not for this reader's eyes."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from datetime import timedelta

import pytest

from gateway.domain import cursor
from suizhuan.kernel.clock import SystemClock, utc_text
from suizhuan.main import http_server
from suizhuan.testing import AuthorityLog

from .conftest import SseClient, World, at_work, caught_up, client, until
from .story import COMMUNITY, DEPT, FIRM, NANGUAN, RENUMBERED, Story, found, true_history

pytestmark = pytest.mark.either_database

STREAMED = set(cursor.TOPICS)
LONG_AGO = "from=2020-01-01"


def streamed(story: Story) -> list[str]:
    return [w.id for w in story.written if w.topic in STREAMED]


async def test_the_whole_history_comes_once_and_each_partition_in_its_order(world: World, story: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    stream = SseClient(gateway).open("/events", LONG_AGO, world.headers("hub"))
    wanted = streamed(story)
    got = await stream.gets(len(wanted))
    await stream.leave()
    assert sorted(got) == sorted(wanted)
    places = [tuple(json.loads(b["data"])["place"].values()) for b in stream.live]
    for partition in {p[:2] for p in places}:
        offsets = [p[2] for p in places if p[:2] == partition]
        assert offsets == sorted(offsets)


async def test_resuming_at_every_position_leaves_no_gap_and_repeats_nothing(world: World, story: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    first = SseClient(gateway).open("/events", LONG_AGO, world.headers("hub"))
    wanted = streamed(story)
    await first.gets(len(wanted))
    await first.leave()
    for index, block in enumerate(first.live):
        again = SseClient(gateway).open("/events", "", world.headers("hub", **{"Last-Event-ID": block["id"]}))
        rest = await again.gets(len(wanted) - index - 1)
        await again.leave()
        assert sorted(first.ids[: index + 1] + rest) == sorted(wanted)


async def test_another_instance_goes_on_where_the_first_one_was(world: World, beginning: Story) -> None:
    """Also after a restart: the id holds all there is to know."""
    one = world.gateway()
    await one.migrate()
    stream = SseClient(one).open("/events", LONG_AGO, world.headers("hub"))
    before = await stream.gets(len(streamed(beginning)))
    at = stream.last_id
    await stream.leave()
    m1 = beginning.place("m1", COMMUNITY, role="lead", amount=100_000)
    beginning.routed("c1", m1)
    await world.tell(beginning)
    other = world.gateway()
    again = SseClient(other).open("/events", "", world.headers("hub", **{"Last-Event-ID": at}))
    after = await again.gets(len(streamed(beginning)) - len(before))
    await again.leave()
    assert sorted(before + after) == sorted(streamed(beginning))


async def test_a_snapshot_comes_first_and_the_stream_goes_on_from_its_very_position(
    world: World, beginning: Story
) -> None:
    m1 = beginning.place("m1", COMMUNITY, role="lead", amount=100_000)
    beginning.routed("c1", m1)
    await world.tell(beginning)
    gateway = world.gateway()
    async with at_work(gateway):
        await caught_up(gateway)
        stream = SseClient(gateway).open("/events", "", world.headers("hub"))
        await until(lambda: any(b["event"] == "snapshot.end" for b in stream.events))
        shown = {b["event"]: json.loads(b["data"]) for b in stream.events}
        assert shown["snapshot.case"]["id"] == "c1"
        assert shown["snapshot.case"]["responsible"] == COMMUNITY
        assert shown["snapshot.mandate"]["id"] == "m1"
        assert shown["snapshot.end"]["truncated"] is False
        count = len(beginning.written)
        beginning.work("c1", COMMUNITY, "m1", m1, 1)
        await world.tell(beginning)
        assert await stream.gets(2) == [w.id for w in beginning.written[count:]]
        await stream.leave()


async def test_the_snapshot_as_json_gives_the_cursor_to_go_on_from(world: World, story: Story) -> None:
    gateway = world.gateway()
    async with at_work(gateway):
        await caught_up(gateway)
        async with client(gateway) as http:
            answer = await http.get("/events/snapshot", headers=world.headers("hub"))
        assert answer.status_code == 200
        assert [m["id"] for m in answer.json()["mandates"]] == ["m2"]
        assert answer.json()["cases"] == []
        at = answer.json()["cursor"]
        count = len(story.written)
        story.routed("c9", 1)
        await world.tell(story)
        stream = SseClient(gateway).open("/events", "", world.headers("hub", **{"Last-Event-ID": at}))
        assert await stream.gets(2) == [w.id for w in story.written[count:]]
        await stream.leave()


async def test_types_and_areas_are_filtered(world: World, story: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    query = f"{LONG_AGO}&type=complaints.case.*&area={NANGUAN}"
    wanted = [w.id for w in story.written if w.topic == "complaints.case"]
    stream = SseClient(gateway).open("/events", query, world.headers("hub"))
    assert sorted(await stream.gets(len(wanted))) == sorted(wanted)
    await stream.leave()
    one = SseClient(gateway).open("/events", f"{LONG_AGO}&type=finance.case.paid,x.y", world.headers("hub"))
    paid = [w.id for w in story.written if w.name == "finance.case.paid"]
    assert sorted(await one.gets(len(paid))) == sorted(paid)
    await one.leave()


async def test_a_filter_that_takes_nothing_still_moves_the_position(world: World, story: Story) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    stream = SseClient(gateway).open("/events", f"{LONG_AGO}&type=nothing.at.all", world.headers("hub"))
    await until(lambda: "heartbeat" in stream.comments)
    at = stream.last_id
    await stream.leave()
    assert stream.live == []
    rest = SseClient(gateway).open("/events", "", world.headers("hub", **{"Last-Event-ID": at}))
    await until(lambda: "heartbeat" in rest.comments)
    await rest.leave()
    assert rest.live == []


async def test_staff_see_their_areas_and_what_concerns_them_and_nothing_else(world: World, beginning: Story) -> None:
    m1 = beginning.place("m1", COMMUNITY, role="lead", amount=100_000)
    beginning.routed("c1", m1)
    elsewhere = beginning.case("reported", {"affair": "x", "area": "321302009"}, "c2", area="321302009")
    await world.tell(beginning)
    gateway = world.gateway()
    async with at_work(gateway):
        await caught_up(gateway)
        seen = {}
        for org in (COMMUNITY, DEPT, "org-of-nowhere"):
            stream = SseClient(gateway).open("/events", LONG_AGO, world.headers("staff", org))
            await until(lambda s=stream: "heartbeat" in s.comments)
            seen[org] = set(stream.ids)
            await stream.leave()
    by_id = {w.id: w for w in beginning.written}
    assert seen["org-of-nowhere"] == set()
    assert elsewhere.id not in seen[COMMUNITY]
    assert elsewhere.id in seen[DEPT]  # its area is the whole district
    for event in (by_id[i] for i in seen[COMMUNITY]):
        about = json.dumps([event.data, event.attributes])
        assert COMMUNITY in about or NANGUAN in about
    assert beginning.find("finance.earmark.funded", mandate="m1").id in seen[COMMUNITY]
    assert beginning.find("finance.entry.posted", entry="opening").id not in seen[COMMUNITY]


async def test_who_reads_of_an_area_gets_its_events_under_whatever_code_they_were_said(
    world: World, beginning: Story
) -> None:
    """Its code has changed while the reader was away; he asks for either."""
    m1 = beginning.place("m1", COMMUNITY, role="lead", amount=100_000)
    beginning.routed("c1", m1)
    await world.tell(beginning)
    gateway = world.gateway()
    async with at_work(gateway):
        await caught_up(gateway)
    beginning.case("started", {}, "c1")
    await AuthorityLog(gateway.parts, sequence=100).rekey([{"old": NANGUAN, "new": RENUMBERED}])
    beginning.case("handled", {}, "c1")
    beginning.case("verified", {}, "c1", area=RENUMBERED)
    await world.tell(beginning)
    wanted = [w.id for w in beginning.written if w.topic == "complaints.case"]
    for code in (NANGUAN, RENUMBERED):
        query = f"{LONG_AGO}&type=complaints.case.*&area={code}"
        for reader in (world.headers("hub"), world.headers("staff", COMMUNITY)):
            stream = SseClient(gateway).open("/events", query, reader)
            assert await stream.gets(len(wanted)) == wanted
            await stream.leave()
        async with client(gateway) as http:
            found = await http.get("/events/snapshot", headers=world.headers("hub"), params={"area": code})
        assert [case["id"] for case in found.json()["cases"]] == ["c1"]


async def test_residents_get_no_stream(world: World) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    stream = SseClient(gateway).open("/events", "", world.headers("resident"))
    await until(lambda: stream.ended)
    assert stream.status == 403


@pytest.mark.parametrize(
    ("query", "last", "code"),
    [
        ("", "nonsense", "cursor_malformed"),
        ("", "AAAA", "cursor_malformed"),
        ("from=yesterday", "", "moment_malformed"),
        ("from=2026-03-02T10:00:00", "", "moment_malformed"),
        ("from=0001-01-01", "", "moment_malformed"),
        ("from=9999-12-31T23:59:59-11:00", "", "moment_malformed"),
        ("type=DROP%20TABLE", "", "filter_malformed"),
        ("type=a..b", "", "filter_malformed"),
        ("area=12a", "", "area_malformed"),
    ],
)
async def test_bad_input_is_refused_with_its_own_code(world: World, query: str, last: str, code: str) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    more = {"Last-Event-ID": last} if last else {}
    stream = SseClient(gateway).open("/events", query, world.headers("hub", **more))
    await until(lambda: stream.ended)
    assert stream.status == 422
    assert json.loads(stream.body)["code"] == code
    assert gateway.app.state.streams.open == 0


async def test_a_cursor_altered_anywhere_is_refused(world: World, story: Story) -> None:
    good = cursor.encode({("complaints.case", 1): 7, ("finance.hold", 2): 300})
    gateway = world.gateway()
    await gateway.migrate()
    for index in range(0, len(good), 3):
        bad = good[:index] + ("A" if good[index] != "A" else "B") + good[index + 1 :]
        stream = SseClient(gateway).open("/events", "", world.headers("hub", **{"Last-Event-ID": bad}))
        await until(lambda s=stream: s.ended)
        assert stream.status == 422


async def test_a_cursor_beyond_the_log_is_refused(world: World, story: Story) -> None:
    """It is of another log, or of one that was restored: going on would leave a gap that nobody sees."""
    gateway = world.gateway()
    await gateway.migrate()
    far = cursor.encode({("complaints.case", 1): 10_000})
    stream = SseClient(gateway).open("/events", "", world.headers("hub", **{"Last-Event-ID": far}))
    await until(lambda: stream.ended)
    assert stream.status == 422


async def test_from_a_moment_only_what_happened_since_comes(world: World) -> None:
    story = Story(now=SystemClock().now() - timedelta(days=2))
    found(story)
    story.now = SystemClock().now() - timedelta(hours=1)
    count = len(story.written)
    story.entry("late", [(DEPT, "102", None, 1), (DEPT, "301", None, -1)])
    await world.tell(story)
    gateway = world.gateway()
    await gateway.migrate()
    since = utc_text(SystemClock().now() - timedelta(hours=2))
    stream = SseClient(gateway).open("/events", f"from={since}", world.headers("hub"))
    assert await stream.gets(1) == [w.id for w in story.written[count:]]
    await until(lambda: "heartbeat" in stream.comments)
    assert len(stream.live) == 1
    await stream.leave()


async def test_a_reader_that_does_not_take_its_events_is_cut(world: World, story: Story) -> None:
    gateway = world.gateway(stream_send_timeout=0.2)
    await gateway.migrate()
    stream = SseClient(gateway, stuck=asyncio.Event())
    stream.open("/events", LONG_AGO, world.headers("hub"))
    await until(lambda: stream.ended)
    assert stream.blocks == []
    assert gateway.app.state.streams.open == 0


async def test_over_a_real_connection_a_reader_that_stands_still_is_cut_and_loses_nothing(world: World) -> None:
    story = Story()
    found(story)
    for number in range(600):
        story.entry(f"e{number}", [(DEPT, "102", None, 1), (DEPT, "301", None, -1)])
    await world.tell(story)
    gateway = world.gateway(stream_send_timeout=0.3)
    await gateway.migrate()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server = http_server(gateway)
    serving = asyncio.create_task(server.serve([listening]))
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    await asyncio.get_running_loop().sock_connect(plain, listening.getsockname())
    reader, writer = await asyncio.open_connection(sock=plain, limit=2048)
    token = world.headers("hub")["Authorization"]
    writer.write(f"GET /events?{LONG_AGO} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\n\r\n".encode())
    await until(lambda: gateway.app.state.streams.open == 1)
    await until(lambda: gateway.app.state.streams.open == 0)
    got = await asyncio.wait_for(reader.read(-1), 10)  # what was on its way, and then the end
    writer.close()
    whole = [part for part in got.decode(errors="replace").split("\n\n") if "\nevent: " in part and "data: " in part]
    last = re.findall(r"^id: (\S+)", "\n".join(whole[:-1]), re.M)[-1]
    before = re.findall(r'"id":"([^"]+)","source"', "\n".join(whole[:-1]))
    again = SseClient(gateway).open("/events", "", world.headers("hub", **{"Last-Event-ID": last}))
    wanted = streamed(story)
    assert 0 < len(before) < len(wanted)
    rest = await again.gets(len(wanted) - len(before))
    await again.leave()
    assert sorted(before + rest) == sorted(wanted)
    server.should_exit = True
    await serving


async def test_there_are_no_more_streams_than_allowed(world: World) -> None:
    gateway = world.gateway(max_streams=2)
    await gateway.migrate()
    two = [SseClient(gateway).open("/events", LONG_AGO, world.headers("hub")) for _ in range(2)]
    await until(lambda: gateway.app.state.streams.open == 2)
    third = SseClient(gateway).open("/events", LONG_AGO, world.headers("hub"))
    await until(lambda: third.ended)
    assert third.status == 503
    assert json.loads(third.body)["code"] == "too_many_streams"
    for stream in two:
        await stream.leave()
    assert gateway.app.state.streams.open == 0


async def test_a_stream_ends_with_its_token(world: World) -> None:
    gateway = world.gateway()
    await gateway.migrate()
    soon = SystemClock().now().timestamp() + 0.6
    headers = {"Authorization": f"Bearer {world.token('hub', exp=soon)}"}
    stream = SseClient(gateway).open("/events", LONG_AGO, headers)
    await until(lambda: stream.ended)
    assert "unauthenticated" in stream.comments


async def test_readers_are_told_when_to_come_back_and_that_the_stream_lives(world: World) -> None:
    gateway = world.gateway(stream_retry=1.5)
    await gateway.migrate()
    stream = SseClient(gateway).open("/events", LONG_AGO, world.headers("hub"))
    await until(lambda: "heartbeat" in stream.comments)
    await stream.leave()
    assert stream.blocks[0] == {"retry": "1500"}


async def test_beats_and_unreadable_records_are_left_out(world: World) -> None:
    story = true_history()
    beat = {"replicas": [], "sent_at": utc_text(story.now)}
    story.emit("mandates.authority.beat", beat, key="beat", topic="mandates.authority")
    bad = story.entry("odd", [(FIRM, "102", None, 0)])
    story.find("finance.entry.posted", entry=bad).attributes["time"] = "yesterday"
    await world.tell(story)
    gateway = world.gateway()
    await gateway.migrate()
    stream = SseClient(gateway).open("/events", LONG_AGO, world.headers("hub"))
    await until(lambda: "heartbeat" in stream.comments)
    await stream.leave()
    assert len(stream.live) == len(streamed(story)) - 2


def test_a_cursor_is_short_url_safe_and_comes_back_as_it_was() -> None:
    positions = {(topic, p): 10**7 + p for topic in cursor.TOPICS for p in range(3)}
    text = cursor.encode(positions)
    assert cursor.decode(text) == positions
    assert len(text) < 300
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert cursor.decode(cursor.encode({})) == {}
