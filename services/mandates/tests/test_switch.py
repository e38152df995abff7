"""The switch as a whole (authority §3): who is awaited, what ends the wait, and what a record then says."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from mandates import store_rekeyings
from mandates import store_switches as switches
from mandates.domain.switch import lease
from suizhuan.db.database import Database
from suizhuan.deadlines import Deadlines

from .conftest import DISTRICT, NANGUAN, OTHERS, STREET, World, make_service

pytestmark = pytest.mark.usefixtures("world")


async def open_switch(world: World) -> dict[str, object]:
    (found,) = (await world.get("/switches", state="open")).json()["items"]
    return dict((await world.get(f"/switches/{found['id']}")).json())


async def test_a_mandate_becomes_active_when_every_replica_has_answered(world: World) -> None:
    assert await world.responsible() == "dept-sanitation"
    mandate = await world.activate()
    assert await world.state(mandate) == "active"
    assert await world.responsible() == "community-nanguan"
    assert await world.responsible(STREET) == "dept-sanitation"
    names = [e.name.split(".", 1)[1] for e in world.seen if not e.name.startswith("mandates.replica")]
    assert names == [
        "mandate.proposed",
        "mandate.admitted",
        "mandate.funded",
        "switch.opened",
        "switch.done",
        "mandate.activated",
    ]
    done = world.last("switch.done")
    (slot,) = done["slots"]
    assert slot["old"] is None
    assert (slot["new"]["term"], slot["new"]["successor"]) == (1, "dept-sanitation")


async def test_nothing_moves_while_one_of_two_replicas_is_silent(world: World) -> None:
    world.silent.add(OTHERS[0])
    mandate = await world.activate()
    assert await world.state(mandate) == "funded"
    assert await world.responsible() == "dept-sanitation"
    switch = str((await open_switch(world))["id"])
    await world.acknowledge(switch, OTHERS[0])
    await world.carry()
    assert await world.state(mandate) == "active"


async def somebody_waits(database: Database) -> None:
    """Until somebody waits for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(30), database.glance() as conn:
        while not (await conn.exec_driver_sql(query)).scalar_one():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_of_two_last_answers_at_once_one_is_the_last(world: World) -> None:
    """Two workers hear them; neither sees what the other has not committed."""
    if world.parts.database.is_sqlite:
        pytest.skip("SQLite has one writer: the second begins after the first has ended")
    database, now = world.parts.database, world.clock.now()
    world.silent.update(OTHERS[:2])
    await world.activate()
    switch = str((await open_switch(world))["id"])

    async def second() -> bool:
        async with database.write() as conn:
            return await switches.acknowledge(conn, switch, OTHERS[1], False, now)

    async with database.write() as first:
        assert not await switches.acknowledge(first, switch, OTHERS[0], False, now)
        answering = asyncio.create_task(second())
        await somebody_waits(database)
    assert await answering


async def test_who_places_something_holds_up_a_re_keying_and_no_record(world: World) -> None:
    """Two emergencies at once would else wait for each other: both make a record before they have ended."""
    database = world.parts.database
    if database.is_sqlite:
        pytest.skip("SQLite has one writer")
    moves = [{"old": NANGUAN, "new": STREET + "911", "heir": True}]
    announced = {"rekeying": "r-1", "within": STREET, "moves": moves, "areas": []}
    async with database.write() as placing:
        await store_rekeyings.check_area(placing, NANGUAN)
        async with asyncio.timeout(10):
            await world.beat()
        hearing = asyncio.create_task(world.hear("population.rekeying.announced.v1", announced))
        await somebody_waits(database)
    await hearing
    await world.carry()
    assert world.last("switch.done")["rekeying"] == "r-1"


async def test_the_awaited_set_is_taken_in_the_opening_transaction(world: World) -> None:
    """A replica that joins after the opening reads it before any beat that names it: it is not awaited."""
    world.silent.update(OTHERS)
    await world.activate()
    await world.join("gateway:postgres:9")
    awaited = (await open_switch(world))["awaited"]
    assert isinstance(awaited, list)
    named = {a["replica"] for a in awaited}
    assert {*OTHERS} < named
    assert "gateway:postgres:9" not in named
    assert world.last("switch.opened")["awaited"] == sorted(named)


async def test_a_replica_that_a_newer_one_has_replaced_is_still_awaited(world: World) -> None:
    await world.join("complaints:postgres:2")
    assert "complaints:postgres:1" not in world.last("authority.beat")["replicas"]
    world.silent.add(OTHERS[0])
    await world.activate()
    awaited = (await open_switch(world))["awaited"]
    assert isinstance(awaited, list)
    assert {"complaints:postgres:1", "complaints:postgres:2"} <= {a["replica"] for a in awaited}


async def test_a_replica_that_no_beat_has_named_for_a_lease_is_not_awaited(world: World) -> None:
    await world.join("complaints:postgres:2")
    world.clock.advance(lease(world.parts.uow.timing).total_seconds())
    await world.beat()
    world.silent.add("complaints:postgres:2")
    await world.activate()
    awaited = (await open_switch(world))["awaited"]
    assert isinstance(awaited, list)
    assert OTHERS[0] not in {a["replica"] for a in awaited}


async def test_a_late_acknowledgement_of_a_dropped_switch_does_not_count_for_the_next(world: World) -> None:
    world.silent.add(OTHERS[0])
    mandate = await world.activate()
    first = str((await open_switch(world))["id"])
    await pass_time(world, 30)
    assert (await world.get(f"/switches/{first}")).json()["state"] == "dropped"
    second = str((await open_switch(world))["id"])
    assert second != first
    await world.acknowledge(first, OTHERS[0])
    await world.carry()
    assert await world.state(mandate) == "funded"
    await world.acknowledge(second, OTHERS[0])
    await world.carry()
    assert await world.state(mandate) == "active"


async def test_past_its_deadline_a_switch_is_dropped_and_lifts_what_it_had_set(world: World) -> None:
    world.silent.add(OTHERS[0])
    await world.activate()
    switch = str((await open_switch(world))["id"])
    refused = await world.post("/mandates", world.proposal(area=NANGUAN + "001", amount_fen=5))
    assert refused.status_code == 201  # the giver acts on elsewhere, under its unchanged term
    await pass_time(world, world.parts.profile.authority.switch_deadline_s)
    assert [e.data["switch"] for e in world.facts("switch.dropped")] == [switch]
    async with world.parts.database.read() as conn:
        assert dict(await switches.open_switches(conn)) == {}
    assert await world.responsible() == "dept-sanitation"


async def test_a_silent_replica_is_waited_out_after_the_record_was_seen_on_the_log(world: World) -> None:
    world.silent.add(OTHERS[0])
    mandate = await world.activate()
    await world.waits.look()
    wait = lease(world.parts.uow.timing).total_seconds()
    world.clock.advance(wait - 0.001)
    await world.waits.look()
    await world.carry()
    assert await world.state(mandate) == "funded"
    world.clock.advance(0.001)
    await world.waits.look()
    await world.carry()
    assert await world.state(mandate) == "active"


async def test_the_wait_does_not_begin_before_the_broker_has_the_record(world: World) -> None:
    world.silent.add(OTHERS[0])
    mandate = str((await world.propose())["id"])
    response = await world.post(f"/mandates/{mandate}/admission", {"decision": "admit"}, "street-xiangli")
    assert response.status_code == 200
    await world.fund(mandate)
    await Deadlines(world.parts.uow, world.service.deadlines, world.clock).step()
    assert (await open_switch(world))["on_log"] is False
    for _ in range(3):
        await world.waits.look()
        world.clock.advance(lease(world.parts.uow.timing).total_seconds())
    await world.waits.look()
    assert all(not a["lease_over"] for a in (await open_switch(world))["awaited"])  # type: ignore[attr-defined]


async def test_after_a_restart_the_wait_begins_anew(world: World) -> None:
    world.silent.add(OTHERS[0])
    mandate = await world.activate()
    await world.waits.look()
    wait = lease(world.parts.uow.timing).total_seconds()
    world.clock.advance(wait - 0.5)
    url = world.parts.database.url.render_as_string(hide_password=False)
    again, _ = make_service(url, world.parts.settings.data_dir, world.clock)
    restarted = World(again, world.clock, world.key, world.http, silent=world.silent, offset=world.offset)
    await restarted.waits.look()
    world.clock.advance(wait - 0.5)
    await restarted.waits.look()
    await restarted.carry()
    assert await world.state(mandate) == "funded"
    world.clock.advance(0.5)
    await restarted.waits.look()
    await restarted.carry()
    assert await world.state(mandate) == "active"
    await again.close()


async def test_a_replica_that_was_waited_out_must_join_again(world: World) -> None:
    world.silent.add(OTHERS[0])
    await world.activate()
    await world.waits.look()
    world.clock.advance(lease(world.parts.uow.timing).total_seconds())
    await world.waits.look()
    await world.carry()
    await world.beat()
    assert OTHERS[0] not in world.last("authority.beat")["replicas"]
    await world.join(OTHERS[0])
    assert OTHERS[0] in world.last("authority.beat")["replicas"]


async def test_a_replica_on_sqlite_has_to_answer(world: World) -> None:
    """Nothing bounds how long its act may still take to commit."""
    await world.join("gateway:sqlite:1")
    mandate = await world.activate()
    await world.waits.look()
    world.clock.advance(lease(world.parts.uow.timing).total_seconds())
    await world.waits.look()
    await world.carry()
    assert await world.state(mandate) == "funded"
    await world.acknowledge(str((await open_switch(world))["id"]), "gateway:sqlite:1")
    await world.carry()
    assert await world.state(mandate) == "active"


async def test_a_replica_on_sqlite_is_awaited_however_long_no_beat_has_named_it(world: World) -> None:
    """Mandates was down, and one of its rows is carried out before the next beat."""
    await world.join("gateway:sqlite:1")
    span = lease(world.parts.uow.timing)
    world.clock.advance(2 * span.total_seconds())
    async with world.parts.database.write() as conn:
        found = await switches.await_replicas(conn, "s", world.clock.now() - span)
    assert "gateway:sqlite:1" in found
    assert not set(OTHERS) & set(found)


@pytest.mark.parametrize("early", [False, True])
async def test_open_cases_have_to_be_ready_whichever_word_comes_first(world: World, early: bool) -> None:
    world.cases = True
    if early:
        world.silent.add(OTHERS[0])
    mandate = await world.activate()
    switch = str((await open_switch(world))["id"])
    assert await world.state(mandate) == "funded"
    await world.cases_ready(switch)
    if early:
        assert await world.state(mandate) == "funded"
        await world.acknowledge(switch, OTHERS[0])
        await world.carry()
    assert await world.state(mandate) == "active"


async def test_an_overlapping_switch_of_the_same_affair_waits_for_its_turn(world: World) -> None:
    world.silent.add(OTHERS[0])
    first = await world.activate()
    second = await world.activate(area=STREET, holder="street-xiangli", staff=["staff-street-01"])
    elsewhere = await world.activate(area="321302002909", holder="community-xiangli", staff=["staff-xiangli-01"])
    opened = {e.data["mandates"][0] for e in world.facts("switch.opened")}
    assert opened == {first, elsewhere}
    assert (await world.get("/switches", state="waiting")).json()["items"][0]["mandate"] == second
    world.silent.clear()
    for item in (await world.get("/switches", state="open")).json()["items"]:
        await world.acknowledge(item["id"], OTHERS[0])
    await world.carry()
    assert [await world.state(m) for m in (first, second, elsewhere)] == ["active", "active", "active"]
    assert await world.responsible(NANGUAN) == "community-nanguan"
    assert await world.responsible(STREET) == "street-xiangli"


async def test_records_come_in_sequence_without_a_gap(world: World) -> None:
    await world.activate()
    await world.beat()
    await world.activate(area=STREET, holder="street-xiangli", staff=["staff-street-01"])
    numbers = [int(e.attributes["sequence"]) for e in world.seen if e.attributes["type"].split(".")[1] in LOG]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


LOG = ("switch", "authority")


async def test_only_beats_share_a_key(world: World) -> None:
    await world.activate()
    await world.beat()
    await world.beat()
    keys = [e.key for e in world.seen if e.attributes["type"].split(".")[1] == "switch"]
    assert len(set(keys)) == len(keys)
    assert {e.key for e in world.facts("authority.beat")} == {"beat"}


async def test_a_repeated_answer_changes_nothing(world: World) -> None:
    mandate = await world.activate()
    switch = world.last("switch.done")["switch"]
    world.seen.clear()
    for replica in OTHERS:
        await world.acknowledge(switch, replica)
    await world.fund(mandate)
    await world.carry()
    assert world.seen == []


async def test_a_new_affair_is_switched_to_its_owner(world: World) -> None:
    world.silent.add(OTHERS[0])
    affair = {
        "code": "env.leaves",
        "name": {"zh": "落叶清扫", "en": "Leaves"},
        "list": "own",
        "owner": "dept-sanitation",
        "powers": ["complaints.case.handle"],
        "owner_powers": ["mandates.mandate.place"],
        "basis": "per_case",
    }
    assert (await world.post("/affairs", affair, "district-sucheng")).status_code == 201
    await world.carry()
    assert (await world.get("/routing", affair="env.leaves", area=NANGUAN)).json()["responsible"] is None
    await world.acknowledge(str((await open_switch(world))["id"]), OTHERS[0])
    await world.carry()
    assert await world.responsible(affair="env.leaves") == "dept-sanitation"
    (slot,) = world.last("switch.done")["slots"]
    assert (slot["area"], slot["new"]["ends_at"]) == (DISTRICT, None)


async def pass_time(world: World, seconds: float) -> None:
    """Time passes with beats."""
    end = world.clock.now() + timedelta(seconds=seconds)
    while world.clock.now() < end:
        await world.beat()
