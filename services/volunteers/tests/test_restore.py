"""Volunteers restored from a backup: it is what the facts of the log say; what is personal is lost, and says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from suizhuan import ahead
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.context import Context
from suizhuan.db.tables import outbox
from suizhuan.kernel.clock import ManualClock, SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing_world import publish, rows
from volunteers import store
from volunteers import tables as t
from volunteers.app import build
from volunteers.desk import ARRANGE, PAIRING, RUN
from volunteers.domain.volunteer import read
from volunteers.events import BILL, EVENTS

from .conftest import COMMUNITY, HOUR, MANDATE, NANGUAN, OTHER, SERVICE, STREET, World, id_number, made

Backup = Callable[[str], Awaitable[str]]
AGGREGATES = (t.volunteers, t.teams, t.activities, t.shifts, t.courses, t.pairings)
BESIDE = (t.sign_ups, t.members, t.trained, t.awards, t.certificates, t.visits)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    opened = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield opened
    await opened.close()


async def people_and_groups(world: World, known: str) -> None:
    """What happens to a volunteer whom the backup knows, and to others whom it does not."""
    await world.post("/volunteers/me/correction", "r:known", {"phone": "13712345678", "skills": ["law"]})
    young = world.registration(id_number=id_number(date(2008, 3, 4)), guardian_consent="GC-1")
    await world.post("/volunteers", "r:young", young)
    gone = await world.register("r:gone")
    kind = await world.post("/teams", COMMUNITY, {"title": "t", "kind": "judicial", "area": NANGUAN})
    for who in ("r:known", "r:gone", "r:young"):
        await world.post(f"/teams/{kind['id']}/membership", who)
    await world.post(f"/teams/{kind['id']}/departure", "r:young")
    other = await world.post("/teams", COMMUNITY, {"title": "u", "kind": "culture", "area": NANGUAN})
    await world.post(f"/teams/{other['id']}/dissolution", COMMUNITY)
    course = await world.course(training="health", starts_at=world.moment(1), ends_at=world.moment(2))
    await world.post(f"/courses/{course['id']}/cancellation", COMMUNITY)
    offer = {"file_consent": "C-001", "need": "company", "area": NANGUAN}
    for number, volunteer in enumerate((known, known, gone)):
        body = {**offer, "volunteer": volunteer, "file": f"F-00{number}"}
        pairing = await world.post("/pairings", COMMUNITY, body)
        who = "r:known" if volunteer == known else "r:gone"
        await world.post(f"/pairings/{pairing['id']}/acceptance", who, {"consent": "V-001"})
        await world.post(f"/pairings/{pairing['id']}/visits", who, {"finding": "all-well", "minutes": 9})
        await world.get(f"/pairings/{pairing['id']}", COMMUNITY, purpose="review")
        if number == 1:
            await world.post(f"/pairings/{pairing['id']}/end", COMMUNITY, {"by": "person"})
    async with world.service.parts.database.write() as conn:  # one restore before this one
        await conn.execute(t.pairings.update().where(t.pairings.c.volunteer == gone).values(linked=False))
    last = next(p for p in await world.pages("/pairings", "r:gone"))
    await world.post(f"/pairings/{last['id']}/link", COMMUNITY, {"file": "F-002", "file_consent": "C-001"})
    award = await world.post(f"/volunteers/{known}/awards", COMMUNITY, {"kind": "model-citizen"})
    await world.post(f"/awards/{award['id']}/consent", "r:known", {"shown_as": "热心人"})
    await world.get(f"/volunteers/{known}/private", COMMUNITY, purpose="contact")


async def service_in_the_field(world: World, known: str) -> None:
    """Activities in every state, and everything that happens in a shift."""
    refused = await world.activity(held=False)
    await world.bill("refused", refused["bill"], reason="short", shortfall_fen=7)
    again = await world.post(f"/activities/{refused['id']}/funding", COMMUNITY, {"planned_fen": 9})
    await world.bill("held", again["bill"], mandate=MANDATE, amount_fen=9)
    await world.activity(held=False)
    away = await world.activity(dangerous=True, min_age=18)
    await world.post(f"/activities/{away['id']}/insurance", COMMUNITY, {"insurance": "P-001"})
    shift = await world.shift(away)
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:known")
    await world.post(f"/shifts/{shift['id']}/withdrawal", "r:known")
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:known")
    await world.post(f"/activities/{away['id']}/cancellation", COMMUNITY)

    main = await world.activity()
    shift = await world.shift(main)
    third = await world.register("r:third")
    for who in ("r:known", "r:gone", "r:third"):
        await world.post(f"/shifts/{shift['id']}/sign-up", who)
    await world.post("/volunteers/me/erasure", "r:gone")
    await world.at(datetime.fromisoformat(main["starts_at"]))
    code = {"code": await world.code(shift["id"])}
    await world.post(f"/shifts/{shift['id']}/check-in", "r:known", code)
    await world.later(2 * HOUR)
    await world.post(f"/shifts/{shift['id']}/departures", COMMUNITY, {"volunteer": known})
    await world.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, {"volunteer": known, "minutes": 100})
    await world.post(f"/shifts/{shift['id']}/corrections", COMMUNITY, {"volunteer": known, "minutes": 90})
    await world.at(datetime.fromisoformat(main["ends_at"]))
    absent = {"volunteer": third, "outcome": "absent"}
    await world.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, absent)
    await world.post(f"/activities/{main['id']}/closure", COMMUNITY, {"cost_fen": 5})
    await world.bill("paid", main["bill"], amount_fen=5)
    number = (await world.post("/certificates", "r:known", {"org": COMMUNITY}))["number"]
    await world.get(f"/certificates/{number}/document", "r:known")
    to_come = await world.activity(by=OTHER, area="321302002909")
    await world.post(f"/activities/{to_come['id']}/cancellation", OTHER)
    await world.activity()
    await world.log.revoke(MANDATE, COMMUNITY, SERVICE, NANGUAN)
    await world.mandate_ended()
    await world.later(24 * HOUR)  # somebody comes of age


@dataclass
class Scene:
    """A service on a backup, and the one that knew more."""

    world: World
    was: dict[str, list[dict[str, Any]]]
    service: Service
    known: str


@pytest.fixture
async def scene(tmp_path: Path, clock: ManualClock, database_url: str, log: EmbeddedLog, backup: Backup) -> Any:
    """Stars come at one hour and two here."""
    profile = tmp_path / "quick.yaml"
    profile.write_text("extends: demonstration\nvolunteering: {stars_h: [1, 2]}\n")
    world = made(database_url, tmp_path, clock, str(profile))
    await world.begin()
    parts = world.service.parts
    assert await parts.recovery.noted()
    await world.found()
    known = await world.register("r:known")
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()  # the backup has cut its connections
    await people_and_groups(world, known)
    await service_in_the_field(world, known)
    async with parts.database.read() as conn:
        said = {str(row.headers) for row in await conn.execute(select(outbox))}
    for event in EVENTS.types.values():  # the story tells every fact that there is
        if event.topic in {f"volunteers.{n}" for n in ("volunteer", "team", "activity", "shift", "course", "pairing")}:
            assert [one for one in said if event.type in one], event.name
    await publish(world.service, log)
    was = {table.name: await rows(world.service, table) for table in (*AGGREGATES, *BESIDE)}
    settings = load_settings(
        ServiceSettings,
        "volunteers",
        database_url=copy,
        data_dir=tmp_path,
        profile=str(profile),
        issuers=parts.settings.issuers,
    )
    service = build(settings, broker=log, clock=world.clock)
    await service.parts.recovery.ready()
    yield Scene(world, was, service, known)
    await service.close()
    await world.http.aclose()
    await parts.verifier.close()
    await parts.database.close()


def as_restored(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """What the log does not say: whose file a pairing is about."""
    return {**row, "linked": False} if name == "pairing" else row


async def test_everything_is_what_the_log_says(scene: Scene) -> None:
    async with scene.service.parts.database.read() as conn:
        locked = {(row.topic, row.key) for row in await ahead.aggregates(conn)}
    assert ("volunteers.volunteer", scene.known) in locked
    assert {topic for topic, _ in locked} >= {"volunteers.shift", "volunteers.pairing", BILL.name}
    with pytest.raises(Refusal, match="aggregate_behind_log"):
        async with scene.service.parts.uow.begin(Context("staff:1", None, "c"), limited=False) as tx:
            await store.VOLUNTEER.save(
                tx, read(await store.VOLUNTEER.get(tx.conn, scene.known), power="x", purpose="y")
            )
    done = await scene.service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    assert (done.left, done.why) == (0, None)
    for table in (*AGGREGATES, *BESIDE):
        was = [as_restored(table.name, row) for row in scene.was[table.name]]
        assert was, table.name
        assert await rows(scene.service, table) == sorted(was, key=repr), table.name


async def test_what_is_personal_is_lost_and_says_so(scene: Scene) -> None:
    await scene.service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    people = {row["subject"]: row for row in await rows(scene.service, t.private)}
    assert set(people) == {"r:known", "r:young", "r:third"}  # who was erased is not there again
    assert people["r:known"]["phone"] is None  # it was corrected since
    assert people["r:known"]["name"] is not None
    assert {people[who]["id_number"] for who in ("r:young", "r:third")} == {None}
    assert await rows(scene.service, t.pairing_private) == await rows(scene.service, t.award_private) == []
    assert {len(row["code"]) for row in await rows(scene.service, t.shift_codes)} == {8}


async def test_who_is_lost_says_again_who_he_is_and_serves_on(scene: Scene) -> None:
    await scene.service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    world = scene.world
    await world.http.aclose()
    world.service = scene.service
    world.log.parts = scene.service.parts
    world._connect()
    await world.log.grant("m-again", COMMUNITY, SERVICE, NANGUAN, [RUN])
    await world.log.grant("m-pair", COMMUNITY, PAIRING, NANGUAN, [ARRANGE])
    shift = await world.shift(await world.activity(planned_fen=0))
    path = f"/shifts/{shift['id']}/sign-up"
    assert await world.refused(path, "r:third") == (409, "identity_missing")
    correction = {"name": "丙", "id_number": id_number(date(1991, 1, 1), 999), "phone": "13700000000"}
    await world.post("/volunteers/me/correction", "r:third", correction)
    assert (await world.post(path, "r:third"))["state"] == "signed"
    open_pairing = next(p for p in await world.pages("/pairings", "r:known") if p["state"] == "active")
    visit = {"finding": "all-well", "minutes": 1}
    visits = f"/pairings/{open_pairing['id']}/visits"
    assert await world.refused(visits, "r:known", visit) == (409, "pairing_unlinked")
    link = {"file": "F-000", "file_consent": "C-001"}
    assert (await world.post(f"/pairings/{open_pairing['id']}/link", COMMUNITY, link))["linked"] is True
    await world.post(visits, "r:known", visit)


async def test_what_is_taken_over_after_the_codes_have_followed_has_todays(
    world: World, log: EmbeddedLog, backup: Backup, tmp_path: Path
) -> None:
    """Nobody holds the authority log up until an operator has the time."""
    parts = world.service.parts
    assert await parts.recovery.noted()
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()
    await world.register("r:1")
    activity = await world.activity(planned_fen=0)
    await publish(world.service, log)
    settings = parts.settings.model_copy(update={"database_url": copy})
    service = build(settings, broker=log, clock=world.clock)
    await service.parts.recovery.ready()
    await world.close()
    world.service = service
    world.log.parts = service.parts
    world._connect()
    await world.log.rekey([{"old": NANGUAN, "new": STREET + "911"}])
    await world.later(HOUR)
    await service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    await world.deadlines()
    assert (await world.get(f"/activities/{activity['id']}"))["area"] == STREET + "911"
    assert {row["area"] for row in await rows(service, t.volunteers)} == {STREET + "911"}
