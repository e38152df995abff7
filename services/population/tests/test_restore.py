"""Population restored from a backup: all that is not personal is what the log says, and what is lost says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from population import tables as t
from population.app import build
from suizhuan import ahead
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.context import Context
from suizhuan.kernel.clock import SystemClock
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing_world import publish, rows

from .conftest import COMMUNITY, DAY, GRID, GRID_2, NANGUAN, World, id_number
from .test_imports import as_csv, line

Backup = Callable[[str], Awaitable[str]]
# What no event says: names of people and of buildings, what was lost says so in their stead.
UNSAID = {
    "shown_name",
    "shown_id",
    "lost",
    "name",
    "number",
    "person",
    "officer",
    "lived_since",
    "synthetic",
    "room",
    "unit",
}
LOST_WITH_ITS_FILE = {"state", "reason", "grids", "version"}


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield made
    await made.close()


async def everything_that_can_happen(world: World, known: str) -> None:
    """To a person that the backup knows, and to others that it does not."""
    await world.post("/areas", COMMUNITY, {"area": NANGUAN + "009", "name": "第九", "name_en": "Ninth"})
    await world.post(f"/areas/{GRID}/names", COMMUNITY, {"name": "改名", "name_en": "Renamed"})
    moves = [{"old": NANGUAN + "009", "new": NANGUAN + "019"}]
    made = await world.post("/rekeyings", COMMUNITY, {"moves": moves})
    await world.log.rekey(made["moves"], rekeying=made["id"])
    building = await world.building()
    flat = await world.post(f"/buildings/{building['id']}/dwellings", COMMUNITY, {"room": "1"})
    household = await world.household(dwelling=flat["id"])
    await world.post(f"/people/{known}/home", COMMUNITY, {"grid": GRID, "household": household["id"]})
    await world.post(f"/households/{household['id']}/head", COMMUNITY, {"person": known})
    new = await world.person(registration="floating", dwelling=flat["id"])
    await world.get(f"/people/{new['id']}/private", purpose="visit")
    await world.get(f"/people/{known}/private", purpose="visit")
    body = {"person": new["id"], "kind": "disabled", "attributes": {"type": "limbs", "grade": "g1"}}
    file = await world.post("/files", COMMUNITY, body)
    await world.get(f"/files/{file['id']}/private", purpose="visit")
    permit = await world.post(
        "/permits", COMMUNITY, {"person": new["id"], "ground": "job", "lived_since": "2020-01-01"}
    )
    await world.later(16 * DAY)
    await world.post(f"/permits/{permit['id']}/issue", COMMUNITY, {})
    await world.post(f"/files/{file['id']}/visits", COMMUNITY, {"outcome": "seen"})
    await world.post(f"/people/{new['id']}/home", COMMUNITY, {"grid": GRID_2})
    data = {"registration": "registered", "name": "改名", "id_number": id_number(1), "phone": "13900000000"}
    await world.post(f"/people/{known}/data", COMMUNITY, data)
    await world.post(f"/people/{known}/account", COMMUNITY, {"subject": "resident-1"})
    for method, path, content in (
        ("GET", "/me", None),
        ("POST", "/me/corrections", {"field": "name", "value": "x"}),
        ("POST", "/me/corrections", {"field": "name", "value": "y"}),
        ("POST", "/me/erasure", {"groups": ["contact"]}),
    ):
        answer = await world.ask(method, path, None, content, caller="resident", subject="resident-1")
        assert answer.status_code < 300, answer.text
    asked = (await world.get("/corrections", area=NANGUAN))["items"]
    await world.post(f"/corrections/{asked[0]['id']}/decision", COMMUNITY, {"accepted": False, "answer": "否"})
    headers = {"Content-Type": "text/csv"}
    content = as_csv([line(61), line(62, 姓名="")])
    begun = await world.post("/imports", COMMUNITY, content=content, headers=headers, area=NANGUAN)
    await world.deadlines()
    await world.ask("GET", f"/imports/{begun['id']}/errors")
    await world.later(100 * DAY)  # a visit and a correction are overdue
    await world.later(250 * DAY)
    await world.post(f"/permits/{permit['id']}/endorsement", COMMUNITY, {})
    await world.post(f"/files/{file['id']}/closure", COMMUNITY, {"reason": "mistaken"})
    await world.post(f"/people/{new['id']}/departure", COMMUNITY, {"reason": "moved"})


async def test_everything_that_is_not_personal_is_what_the_log_says(
    world: World, log: EmbeddedLog, backup: Backup, tmp_path: Path
) -> None:
    parts = world.service.parts
    assert await parts.recovery.noted()
    known = (await world.person(id_number=id_number(1)))["id"]
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()  # the backup has cut its connections
    await everything_that_can_happen(world, known)
    async with parts.database.read() as conn:
        from suizhuan.db.tables import outbox

        said = {row.headers for row in await conn.execute(select(outbox.c.headers))}
    names = {name.removeprefix("population.").removesuffix(".v1") for name in parts.registry.types}
    own = {n for n in names if not n.startswith(("replica.", "deadletter.", "log."))}
    never = {"import.stopped", "permit.lapsed"}
    assert {n for n in own if any(f"population.{n}.v1" in headers for headers in said)} >= own - never
    await publish(world.service, log)
    tables = [t.area, t.rekeying, t.building, t.household, t.person, t.file, t.permit, t.correction, t.count]
    imported = {t.building.name, t.household.name, t.person.name}
    before = {x.name: await rows(world.service, x, UNSAID) for x in tables}
    jobs = await rows(world.service, t.job, LOST_WITH_ITS_FILE)

    settings = load_settings(ServiceSettings, "population", database_url=copy, data_dir=tmp_path)
    service = build(settings, broker=log, clock=world.clock)
    await service.parts.recovery.ready()
    async with service.parts.database.read() as conn:
        assert known in {row.key for row in await ahead.aggregates(conn, limit=200)}
    done = await service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    assert (done.left, done.why) == (0, None)
    for table in tables:
        made, was = await rows(service, table, UNSAID), before[table.name]
        if table.name in imported:  # whom and what the import brought is lost, but for the buildings, which were told
            made_ids = {row["id"] for row in made}
            was = [row for row in was if row["id"] in made_ids]
        assert made == was, table.name
    assert await rows(service, t.job, LOST_WITH_ITS_FILE) == jobs
    async with service.parts.database.read() as conn:
        (job,) = (await conn.execute(select(t.job.c.state, t.job.c.reason))).all()
        lost = {row.id: row.lost for row in await conn.execute(select(t.person.c.id, t.person.c.lost))}
        phones = list((await conn.execute(select(t.private.c.phone))).scalars())
    assert (job.state, job.reason) == ("lost", "lost")
    assert len(lost) == 2
    assert all(lost.values())  # one was changed since the backup, of the other nothing is left
    assert phones == [None]  # what was erased stays erased
    await service.close()


async def restored(world: World, log: EmbeddedLog, copy: str) -> None:
    """The same world on the backup, whose service has noted what the log knows further."""
    await publish(world.service, log)
    settings = world.service.parts.settings.model_copy(update={"database_url": copy})
    service = build(settings, broker=log, clock=world.clock)
    await service.parts.recovery.ready()
    await world.close()
    world.service = service
    world.log.parts = service.parts
    world._connect()


async def taken_over(world: World) -> None:
    done = await world.service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    assert (done.left, done.why) == (0, None)


async def test_who_was_lost_is_recorded_again_and_so_is_whom_an_import_brought(
    world: World, log: EmbeddedLog, backup: Backup
) -> None:
    parts = world.service.parts
    assert await parts.recovery.noted()
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()
    given = world.someone()
    person = await world.post("/people", COMMUNITY, given)
    await restored(world, log, copy)
    await taken_over(world)
    await world.log.beat()
    assert (await world.get(f"/people/{person['id']}"))["lost"] is True
    gone = (410, "personal_data_gone")
    assert await world.not_got(f"/people/{person['id']}/private", purpose="visit") == gone
    data = {k: v for k, v in given.items() if k != "grid"}
    again = await world.post(f"/people/{person['id']}/data", COMMUNITY, data)
    assert (again["lost"], again["name"]) == (False, "张*")
    assert (await world.get(f"/people/{person['id']}/private", purpose="visit"))["name"] == given["name"]


async def test_what_is_taken_over_after_the_codes_have_followed_has_todays(
    world: World, log: EmbeddedLog, backup: Backup
) -> None:
    """Nobody holds the authority log up until an operator has the time."""
    parts = world.service.parts
    assert await parts.recovery.noted()
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()
    building, person = await world.building(), await world.person()
    await restored(world, log, copy)
    await world.log.rekey([{"old": GRID, "new": NANGUAN + "019"}])
    await world.later(DAY)
    await taken_over(world)
    await world.deadlines()
    for path in (f"/buildings/{building['id']}", f"/people/{person['id']}"):
        assert (await world.get(path))["grid"] == NANGUAN + "019"


async def test_grids_become_one_whose_announcement_the_backup_does_not_know(
    world: World, log: EmbeddedLog, backup: Backup
) -> None:
    parts = world.service.parts
    assert await parts.recovery.noted()
    await world.building("3号楼"), await world.building("3号楼", GRID_2)
    await world.household("H1"), await world.household("H1", GRID_2)
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()
    moves = [{"old": GRID, "new": GRID}, {"old": GRID_2, "new": GRID, "heir": False}]
    made = await world.post("/rekeyings", COMMUNITY, {"moves": moves})
    await restored(world, log, copy)
    await world.log.rekey(moves, rekeying=made["id"])
    listed = (await world.get("/buildings", area=GRID))["items"]
    assert {b["name"] for b in listed} == {"3号楼", "3号楼（002）"}
    assert {h["number"] for h in (await world.get("/households", area=GRID))["items"]} == {"H1", "H1（002）"}


async def test_what_had_only_been_announced_when_the_database_was_lost_takes_effect(
    world: World, log: EmbeddedLog, backup: Backup
) -> None:
    """Else nothing could ever be announced again: there is one at a time."""
    parts = world.service.parts
    assert await parts.recovery.noted()
    goes = await world.building("3号楼")
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()
    new = NANGUAN + "011"
    part = {"old": GRID, "new": new, "heir": False, "buildings": [goes["id"]]}
    names = [{"area": new, "name": "第十一网格", "name_en": "Grid 11"}]
    split = {"moves": [{"old": GRID, "new": GRID}, part], "areas": names}
    made = await world.post("/rekeyings", COMMUNITY, split)
    await restored(world, log, copy)
    await world.log.rekey(made["moves"], rekeying=made["id"])
    await world.later(DAY)
    await taken_over(world)
    await world.later(DAY)
    assert (await world.get(f"/rekeyings/{made['id']}"))["state"] == "done"
    assert (await world.get(f"/buildings/{goes['id']}"))["grid"] == new
    assert (await world.get(f"/areas/{new}"))["name"] == "第十一网格"
    assert (await world.names())[-4:] == ["rekeying.done", "area.registered", "people.counted", "people.counted"]
