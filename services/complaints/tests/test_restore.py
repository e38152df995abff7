"""Complaints restored from a backup: every case is what the facts of the log say (authority.md §5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from complaints import desk, store
from complaints import tables as t
from complaints.app import build
from complaints.domain.work import start
from suizhuan import ahead, areas
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.context import Context
from suizhuan.db.tables import deadline
from suizhuan.kernel.clock import SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.rekeying import Move, Table
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import AuthorityLog
from suizhuan.testing_world import publish, rows

from .conftest import COMMUNITY, FIRM, LEAD_MANDATE, NANGUAN, PRICE, STREET, STREET_ORG, World

Backup = Callable[[str], Awaitable[str]]
# What no event says: words of people, why a case was closed as invalid.
UNSAID = {"invalid_reason", "redirect"}
NEW = STREET + "911"


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[EmbeddedLog]:
    made = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    yield made
    await made.close()


async def everything_that_can_happen(world: World, known: str) -> list[str]:
    """To a case that the backup knows, and to others that it does not; their ids."""
    checked = {"result": "passed", "satisfied": True}
    await world.post(f"/cases/{known}/start", COMMUNITY)
    await world.hand_over(known)
    await world.post(f"/cases/{known}/return", FIRM)
    asked = await world.request(known)
    await world.short(asked["id"], known, asked["case_term"], 5)
    await world.hand_over(known, hold="h2")
    await world.post(f"/cases/{known}/start", FIRM)
    await world.post(f"/cases/{known}/result", FIRM)
    await world.post(f"/cases/{known}/verification", STREET_ORG, {"result": "failed"})
    await world.post(f"/cases/{known}/result", FIRM)
    await world.post(f"/cases/{known}/verification", STREET_ORG, checked)
    await world.post(f"/cases/{known}/closure", STREET_ORG, {"outcome": "verified"})
    await world.hear("finance.case.paid", known, {"case": known, "amount_fen": PRICE})

    late = await world.report()
    await world.post(f"/cases/{late}/suspension", COMMUNITY, {"reason": "season"})
    world.clock.advance(3600)
    await world.log.beat()
    await world.post(f"/cases/{late}/resumption", COMMUNITY)
    await world.later(30 * 24 * 3600)  # its cards
    invalid = {"outcome": "invalid", "reason": "duplicate", "duplicate_of": known}
    await world.post(f"/cases/{late}/closure", STREET_ORG, invalid)

    held, taken, left = await world.report(), await world.report(), await world.report()
    await world.log.opened("s1", [world.lead_slot()])
    await world.placed("s1", held, 1, PRICE, hold="h3", purpose="switch")
    await world.short("s1", taken, 1, PRICE, purpose="switch")
    await world.placed("s1", left, 1, PRICE, hold="h4", purpose="switch")
    await world.log.dropped("s1")
    await world.log.opened("s2", [world.lead_slot()])
    await world.placed("s2", held, 1, PRICE, hold="h5", purpose="switch")
    await world.short("s2", taken, 1, PRICE, purpose="switch")
    await world.placed("s2", left, 1, PRICE, hold="h6", purpose="switch")
    new = world.new("m2", STREET_ORG)
    await world.log.done("s2", [{**world.lead_slot(), "old": world.old(), "new": new}])
    await world.log.beat()
    await world.log.rekey([{"old": NANGUAN, "new": NEW}])
    return [known, late, held, taken, left]


async def settled(service: Service) -> None:
    """Of what waits, only this: the rest would move the cases on."""
    async with service.parts.uow.begin(Context.of_system("complaints"), limited=False) as tx:
        due = select(deadline).where(deadline.c.kind == areas.SETTLE, deadline.c.due_at <= tx.now)
        for row in (await tx.conn.execute(due)).all():
            await service.deadlines[row.kind](tx, row.ref, row.data)


async def knows_the_codes(service: Service) -> None:
    """What its replica does with the record of the authority log, which here is not on the log."""
    table = Table([Move(NANGUAN, NEW)])
    async with service.parts.database.write() as conn:
        await areas.note(conn, "s3", table, 1)
        await areas.follow(conn, service.placed, table.retired)


async def test_every_case_is_what_the_log_says(world: World, log: EmbeddedLog, backup: Backup, tmp_path: Path) -> None:
    parts = world.service.parts
    assert await parts.recovery.noted()
    known = await world.report()
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()  # the backup has cut its connections
    cases = await everything_that_can_happen(world, known)
    await publish(world.service, log)
    as_it_was = {x.name: await rows(world.service, x, UNSAID) for x in (t.cases, t.history, t.handovers)}
    assert {row["event"].rpartition(".")[2] for row in as_it_was["case_history"]} >= {
        *("reported", "routed", "started", "handled", "verified", "rejected", "closed", "settled", "suspended"),
        *("resumed", "card_raised", "handover_requested", "handed_over", "handover_refused", "returned"),
        *("hold_requested", "repointed", "switch_holds_dropped", "rekeyed"),
    }

    settings = load_settings(ServiceSettings, "complaints", database_url=copy, data_dir=tmp_path)
    service = build(settings, broker=log, clock=world.clock)
    await service.parts.recovery.ready()
    async with service.parts.database.read() as conn:
        assert {row.key for row in await ahead.aggregates(conn)} == set(cases)
    with pytest.raises(Refusal, match="aggregate_behind_log"):
        async with service.parts.uow.begin(Context("staff:1", None, "c"), limited=False) as tx:
            await desk.save(tx, start(await store.get_case(tx.conn, known), tx.now), None)

    await knows_the_codes(service)
    done = await service.reconciler.adopt(Context("operator", None, "r1"), "restored")
    assert (done.left, done.why) == (0, None)
    await settled(service)
    for table in (t.cases, t.history, t.handovers):
        for made, was in zip(await rows(service, table, UNSAID), as_it_was[table.name], strict=True):
            assert made == was
    async with service.parts.database.read() as conn:
        people = {row.case_id: row.reporter for row in await conn.execute(select(t.private))}
    assert set(people) == set(cases)
    assert set(people.values()) == {"resident-None"}
    await service.close()


async def there_and_back(world: World) -> str:
    """The place goes to the owner of the whole, to the street, and to the owner again, and a case with it."""
    case = await world.report()
    held = [(LEAD_MANDATE, COMMUNITY, None), (None, "", "m2"), ("m2", STREET_ORG, None)]
    for number, (old, holder, new) in enumerate(held, 1):
        await world.log.opened(f"s{number}", [world.lead_slot()])
        amount = PRICE if number == 1 else 0  # the money goes along
        await world.placed(f"s{number}", case, number, amount, hold=f"h{number}", purpose="switch")
        slot: dict[str, Any] = world.lead_slot()
        slot |= {"old": world.old(old, holder) if old else None, "new": world.new(new, STREET_ORG) if new else None}
        await world.log.done(f"s{number}", [slot])
        await world.log.beat()
    return case


async def test_a_record_of_the_authority_log_that_a_case_knew_moves_it_no_more(
    world: World, log: EmbeddedLog, backup: Backup, tmp_path: Path
) -> None:
    parts = world.service.parts
    assert await parts.recovery.noted()
    copy = await backup(parts.database.url.render_as_string(hide_password=False))
    await parts.database.close()  # the backup has cut its connections
    case = await there_and_back(world)
    await publish(world.service, log)
    as_it_was = {x.name: await rows(world.service, x, UNSAID) for x in (t.cases, t.history)}

    settings = load_settings(ServiceSettings, "complaints", database_url=copy, data_dir=tmp_path)
    service = build(settings, broker=log, clock=world.clock)
    await service.parts.recovery.ready()
    assert (await service.reconciler.adopt(Context("operator", None, "r1"), "restored")).left == 0
    replica = AuthorityLog(service.parts, told=world.log.told)
    await replica.again()  # those after the backup: its replica is as old as all the rest of it
    for table in (t.cases, t.history):
        assert await rows(service, table, UNSAID) == as_it_was[table.name]

    replica.sequence = world.log.sequence  # what comes now is new to the case, and moves it
    await replica.opened("s4", [world.lead_slot()])
    async with service.parts.database.read() as conn:
        found = await store.find_case(conn, case)
    assert found is not None and found.switch == "s4"
    await service.close()
