"""Property restored from a backup: everything is what the log says, and what is personal is lost and says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from property import tables as t
from property import tables_owners as o
from property.app import build
from property.events import EVENTS
from property.rent import RENT
from property.voting import CLOSE
from suizhuan import ahead
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.context import Context
from suizhuan.db.tables import deadline, outbox
from suizhuan.kernel.clock import SystemClock
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import published
from suizhuan.testing_world import publish, rows

from .conftest import COMMUNITY, FIRM, NANGUAN, RESIDENT, RIC, STREET, STREET_ORG, World, contract_terms, made

Backup = Callable[[str], Awaitable[str]]
SAME = (t.estates, t.premises, t.leases, t.dues, t.repairs, t.firms, t.contracts, o.owners, o.meetings, o.roll)


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made_ = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield made_
    await made_.close()


async def everything_that_can_happen(world: World, known: dict[str, str]) -> dict[str, str]:
    """Every event there is, but those of answering others' questions, and what stays open at the end."""
    await world.post(f"/estates/{known['estate']}/revision", STREET_ORG, {"households": 861})
    space = await world.premise(kind="air_defence", use="parking")
    for paper in ("title", "delegation"):
        await world.post(f"/premises/{space}/papers", COMMUNITY, {"paper": paper, "reference": paper})
    await world.post(f"/premises/{space}/use", COMMUNITY, {"use": "storage"})
    await world.post(f"/premises/{await world.premise()}/withdrawal", COMMUNITY, {"reason": "demolished"})
    await leases(world, space, known)
    gone, stays = await firms(world, known)
    await repairs(world, known, stays)
    await meetings(world, known, gone)
    return {"estate": stays, "lease": (await world.lease(space))["id"]}


async def leases(world: World, space: str, known: dict[str, str]) -> None:
    short = await world.lease(space, starts_on="2026-03-01", ends_on="2026-03-06", due_day=1)
    quarter = await world.lease(await world.premise(kind="shop"), every="quarter", starts_on="2026-03-10", due_day=1)
    await world.deadlines()
    await world.post(f"/leases/{known['lease']}/payments", COMMUNITY, {"due": 1})
    await world.get(f"/leases/{known['lease']}/lessee", COMMUNITY, purpose="contact")
    await world.post(f"/leases/{known['lease']}/lessee", COMMUNITY, {"name": "更正", "identity_number": RIC})
    await world.post(f"/leases/{quarter['id']}/end", COMMUNITY, {"on": "2026-03-09", "reason": "agreed"})
    await world.on("2026-03-09T09:00:00")
    assert (await world.get(f"/leases/{short['id']}"))["state"] == "ended"


async def firms(world: World, known: dict[str, str]) -> tuple[str, str]:
    stays = await world.estate()
    await world.contract(known["estate"], ends_on="2026-07-01")
    await world.post("/contracts", STREET_ORG, contract_terms(stays, ends_on="2026-04-01"))
    await world.post("/firms", STREET_ORG, {"firm": "firm-lvjie", "area": STREET})
    await world.post("/firms/firm-lvjie/strike", STREET_ORG, {"reason": "dissolved"})
    (contract,) = (await world.get("/contracts", estate=known["estate"]))["items"]
    await world.post(f"/contracts/{contract['id']}/notice", STREET_ORG, {"kind": "non_renewal", "by": "firm"})
    return str(contract["id"]), stays


async def repairs(world: World, known: dict[str, str], estate: str) -> None:
    done, undone, late = [(await world.repair(estate))["id"] for _ in range(3)]
    for one, well in ((done, True), (undone, False)):
        await world.post(f"/repairs/{one}/answer", FIRM)
        await world.post(f"/repairs/{one}/completion", FIRM)
        await world.post(f"/repairs/{one}/confirmation", None, {"done": well}, resident=RESIDENT)
    await world.get(f"/repairs/{done}/private", FIRM, purpose="contact")
    await world.later(3 * 86_400)
    await world.turned_away(undone, "unknown_area")
    await world.taken(late, "case-1")
    await world.case_closed("case-1")
    await world.taken(known["repair"], "case-2")
    await world.repair(estate)


async def meetings(world: World, known: dict[str, str], contract: str) -> None:
    owners = [await world.owner(known["estate"], size, account) for size, account in ((10_000, "a-1"), (20_000, "a-2"))]
    await world.get(f"/owners/{owners[0]}/private", STREET_ORG, purpose="contact")
    await world.post(f"/owners/{owners[0]}/person", STREET_ORG, {"name": "更正", "account": "a-1"})
    elect, again = [(await world.meeting(known["estate"], owners, 3, 4))["id"] for _ in range(2)]
    await world.post(f"/owners/{owners[1]}/revision", STREET_ORG, {"units": 2, "size_dm2": 30_000})
    await world.later(15 * 86_400)
    for meeting in (elect, again):
        for account in ("a-1", "a-2"):
            await world.vote(meeting, account, "for", "for")
    await world.later(7 * 86_400)
    await world.post(f"/meetings/{elect}/filing", STREET_ORG, {"reference": "备 1"})
    await world.on("2026-07-01T00:00:01")
    assert (await world.get(f"/contracts/{contract}"))["state"] == "ended"
    open_ = (await world.meeting(known["estate"], owners, 1))["id"]
    await world.later(15 * 86_400)
    await world.vote(open_, "a-1", "for")


async def restored(copy: str, log: EmbeddedLog, tmp_path: Path, world: World) -> World:
    """Another service on the backup, which has taken over what the log knows further."""
    again = made(copy, tmp_path, world.clock)
    settings = load_settings(
        ServiceSettings,
        "property",
        database_url=copy,
        data_dir=tmp_path,
        issuers=world.service.parts.settings.issuers,
    )
    again.make = lambda: build(settings, broker=log, clock=world.clock)
    again.key = world.key
    again.go_on_from(world)
    await again.service.parts.recovery.ready()
    return again


async def test_everything_is_what_the_log_says_and_what_is_personal_is_lost(
    world: World, log: EmbeddedLog, backup: Backup, tmp_path: Path
) -> None:
    parts = world.service.parts
    assert await parts.recovery.noted()
    estate = await world.estate()
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2026-03-01", due_day=1)
    known = {"estate": estate, "lease": lease["id"], "repair": (await world.repair(estate))["id"]}
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()  # the backup has cut its connections
    new = await everything_that_can_happen(world, known)
    async with parts.database.read() as conn:
        told = {row.topic for row in await conn.execute(select(outbox.c.topic))}
    names = {e.name for e in await published(world.service.parts, forget=False)}
    await publish(world.service, log)
    as_it_was = {x.name: await rows(world.service, x) for x in SAME}
    assert {e.name for e in EVENTS.types.values() if e.topic in EVENTS.aggregates} - names == {
        "property.bill.cost_planned",
        "property.bill.cost_incurred",  # nothing costs here yet
    }
    assert EVENTS.aggregates <= told

    (folder := tmp_path / "again").mkdir()
    again = await restored(copy, log, folder, world)
    service = again.service
    async with service.parts.database.read() as conn:
        assert len(await ahead.aggregates(conn)) > 20
    done = await service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    assert (done.left, done.why) == (0, None)
    for table in SAME:
        for found, was in zip(await rows(service, table), as_it_was[table.name], strict=True):
            assert found == was, table.name
    await what_is_lost_says_so(again, new)
    await time_goes_on(again, new)
    await again.close()


async def what_is_lost_says_so(again: World, new: dict[str, str]) -> None:
    async with again.service.parts.database.read() as conn:
        ballots = (await conn.execute(select(o.ballots))).all()
        assert len(ballots) == 9  # 2 meetings, 2 owners, 2 motions; and one of the last
        assert {row.choice for row in ballots} == {None}
    await again.log.beat()
    answer = await again.ask("GET", f"/leases/{new['lease']}/lessee", COMMUNITY, purpose="contact")
    assert (answer.status_code, answer.json()["code"]) == (410, "personal_data_lost")
    shown = (await again.get("/meetings"))["items"][0]
    assert [motion["words"] for motion in shown["motions"]] == [None]
    assert shown["lost_ballots"] == 1
    repair = (await again.get("/repairs", state="confirmed"))["items"][0]["id"]
    asked = await again.get(f"/repairs/{repair}/private", STREET_ORG, purpose="contact")
    assert (asked["requester"], asked["description"], asked["contact_phone"]) == (RESIDENT, None, None)
    await entered_anew_it_counts(again, shown)


async def entered_anew_it_counts(again: World, meeting: dict[str, Any]) -> None:
    """An owner whose account and ballot are lost votes again once the account is entered anew."""
    vote = {"choices": {"1": "for"}}
    path = f"/meetings/{meeting['id']}/ballot"
    assert await again.refused(path, None, vote, resident="a-1") == (403, "not_on_the_roll")
    owner = min((o for o in await again.pages("/owners", limit=50)), key=lambda o: o["size_dm2"])["id"]
    answer = await again.ask("GET", f"/owners/{owner}/private", STREET_ORG, purpose="contact")
    assert (answer.status_code, answer.json()["code"]) == (410, "personal_data_lost")
    await again.post(f"/owners/{owner}/person", STREET_ORG, {"name": "李业主", "account": "a-1"})
    await again.post(path, None, vote, resident="a-1")
    assert (await again.get(f"/meetings/{meeting['id']}"))["lost_ballots"] == 0


async def time_goes_on(again: World, new: dict[str, str]) -> None:
    """Deadlines are there again: rent falls due, votes end."""
    async with again.service.parts.database.read() as conn:
        waiting = {(row.kind, row.ref) for row in await conn.execute(select(deadline))}
    assert (RENT, new["lease"]) in waiting
    meeting = (await again.get("/meetings"))["items"][0]["id"]
    assert (CLOSE, meeting) in waiting


async def test_what_complaints_said_before_the_request_was_here_again_counts(
    world: World, log: EmbeddedLog, backup: Backup, tmp_path: Path
) -> None:
    """Consumers go on while the log is taken over: the answer may come first."""
    parts = world.service.parts
    assert await parts.recovery.noted()
    estate = await world.estate()
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()
    repair = (await world.repair(estate))["id"]
    await publish(world.service, log)
    (folder := tmp_path / "again").mkdir()
    again = await restored(copy, log, folder, world)
    await again.taken(repair, "case-1")
    await again.service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    await again.later(61)
    assert (await again.get(f"/repairs/{repair}"))["case"] == "case-1"
    await again.close()


async def test_what_is_taken_over_after_the_codes_have_followed_has_todays(
    world: World, log: EmbeddedLog, backup: Backup, tmp_path: Path
) -> None:
    """Nobody holds the authority log up until an operator has the time."""
    parts = world.service.parts
    assert await parts.recovery.noted()
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()
    estate, premise = await world.estate(), await world.premise()
    await publish(world.service, log)
    (folder := tmp_path / "again").mkdir()
    again = await restored(copy, log, folder, world)
    await again.log.rekey([{"old": NANGUAN, "new": STREET + "911"}])
    await again.later(86_400)
    await again.service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    await again.deadlines()
    for path in (f"/estates/{estate}", f"/premises/{premise}"):
        assert (await again.get(path))["area"].startswith(STREET + "911")
    await again.close()
