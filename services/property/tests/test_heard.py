"""What is heard, twice, late and from the beginning; and what is told: never anything personal."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from property import inbound, tables_owners
from property import tables as t
from property.errors import ERRORS
from suizhuan.cloudevents import unpack
from suizhuan.db.tables import outbox
from suizhuan.errors import COMMON
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing import told_of
from suizhuan.testing_databases import Databases

from .conftest import COMMUNITY, FIRM, GUANKOU, NANGUAN, RESIDENT, STREET_ORG, USCC, World, made, report, terms

HEARD = (t.organisations.organisation, t.organisations.area, t.bill_answers, t.referral_answers, t.closed_cases)
ORGANISATION = "mandates.organisation.registered"


def what_others_said() -> list[tuple[str, str, dict[str, Any], int]]:
    """(event, key, data, sequence), in an order that each topic's keys allow."""

    def org(name: str, kind: str, areas: list[str]) -> dict[str, Any]:
        return {"org": name, "name": name, "name_en": "", "kind": kind, "parent": None, "areas": areas}

    def bill(name: str, service: str = "property") -> dict[str, Any]:
        return {"service": service, "bill": name, "amount_fen": 5, "entry": f"e-{name}", "org": COMMUNITY}

    def referral(name: str, **more: Any) -> dict[str, Any]:
        return {"service": "property", "referral": name, **more}

    def closed(case: str, outcome: str) -> dict[str, Any]:
        return {"case": case, "case_term": 1, "responsible": "x", "outcome": outcome, "closed_by": "y"}

    return [
        (ORGANISATION, COMMUNITY, org(COMMUNITY, "community", [NANGUAN, GUANKOU]), 1),
        (ORGANISATION, COMMUNITY, org(COMMUNITY, "community", [NANGUAN]), 2),
        (ORGANISATION, FIRM, org(FIRM, "company", [NANGUAN]), 1),
        ("finance.bill.booked", "property:b-1", bill("b-1"), 1),
        ("finance.bill.paid", "property:b-1", bill("b-1"), 2),
        ("finance.bill.booked", "property:b-2", bill("b-2"), 1),
        ("finance.bill.released", "property:b-2", bill("b-2"), 2),
        ("finance.bill.booked", "volunteers:b-3", bill("b-3", "volunteers"), 1),
        ("complaints.referral.taken", "property:r-1", referral("r-1", case="c-1"), 1),
        ("complaints.referral.refused", "property:r-2", referral("r-2", reason="unknown_area"), 1),
        ("complaints.case.closed", "c-1", closed("c-1", "verified"), 7),
        ("complaints.case.closed", "c-2", closed("c-2", "invalid"), 3),
    ]


async def rows(world: World) -> dict[str, list[tuple[Any, ...]]]:
    async with world.service.parts.database.read() as conn:
        return {table.name: sorted(map(tuple, await conn.execute(select(table)))) for table in HEARD}


async def test_all_that_was_heard_gives_the_same_rows_from_the_beginning_twice_and_in_any_order(
    empty: World, databases: Databases, tmp_path: Path
) -> None:
    said = what_others_said()
    for name, key, data, sequence in said:
        await empty.hear(name, key, data, sequence=sequence)
    once = await rows(empty)
    assert once["organisation_area"] == [(COMMUNITY, NANGUAN), (FIRM, NANGUAN)]
    assert [row[:2] for row in once["bill_answer"]] == [("b-1", "paid"), ("b-2", "released")]
    for name, key, data, sequence in said:
        await empty.hear(name, key, data, sequence=sequence)
    assert await rows(empty) == once
    for seed in range(5):
        shuffled = list(said)
        random.Random(seed).shuffle(shuffled)
        (folder := tmp_path / str(seed)).mkdir()
        other = made(await databases.empty(), folder, empty.clock)
        await other.begin()
        for name, key, data, sequence in shuffled:
            await other.hear(name, key, data, sequence=sequence)
        assert await rows(other) == once, seed
        await other.close()


async def test_an_older_register_entry_does_not_take_back_a_newer_one(world: World) -> None:
    await world.organisation(COMMUNITY, "community", [NANGUAN, "321302002908"], sequence=100)
    await world.organisation(COMMUNITY, "community", [GUANKOU], sequence=99)
    await world.post("/estates", STREET_ORG, {"area": "321302002908", "name": "果园小区", "households": 1})


async def test_an_area_that_is_not_trimmed_is_malformed(world: World) -> None:
    with pytest.raises(Refusal, match="event_malformed"):
        await world.organisation("community-x", "community", ["321302002000"])


async def test_as_long_as_nothing_is_registered_any_place_of_the_district_is_taken(empty: World) -> None:
    """The power decides: without a grant nobody registers anything, wherever that is."""
    body = {"area": NANGUAN, "name": "x", "households": 1}
    assert (await empty.refused("/estates", STREET_ORG, body))[1] in ("missing_power", "replica_stale")
    assert await empty.refused("/estates", STREET_ORG, {**body, "area": "330102001001"}) == (422, "unknown_area")


async def test_nothing_personal_is_ever_published(world: World) -> None:
    """Everything that is personal is marked, everything is done that can be done, and the outbox is searched."""
    marked = [
        "张承租",
        "13800001111",
        USCC,
        "李业主",
        "13911112222",
        "陈报修",
        "13700003333",
        "501",
        "王秘密",
        "电梯停运",
    ]
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2026-03-01", due_day=1)
    await world.get(f"/leases/{lease['id']}/lessee", COMMUNITY, purpose="contact")
    estate = await world.estate()
    await world.contract(estate)
    repair = await world.repair(estate)
    await world.get(f"/repairs/{repair['id']}/private", FIRM, purpose="contact")
    owner = await world.owner(estate, 10_000, "account-of-li")
    await world.get(f"/owners/{owner}/private", STREET_ORG, purpose="contact")
    meeting = (await world.meeting(estate, [owner], 4))["id"]
    await world.later(15 * 86_400)
    await world.vote(meeting, "account-of-li", "against")
    await world.later(8 * 86_400)
    async with world.service.parts.database.read() as conn:
        everything = (await conn.execute(select(outbox))).all()
        kept = [tuple(row) for x in (t.lessees, t.repair_private) for row in await conn.execute(select(x))]
        kept += [
            tuple(row)
            for x in (tables_owners.owner_private, tables_owners.motion_words)
            for row in await conn.execute(select(x))
        ]
    assert len(everything) > 15
    assert all(any(mark in str(value) for row in kept for value in row) for mark in marked)  # it is there to be leaked
    for row in everything:
        told = bytes(row.value).decode() + repr(unpack(row.headers)) + row.key
        assert told_of(told, marked) == [], row.key
        assert '"against"' not in told


async def test_a_repair_under_the_same_key_is_asked_for_once(world: World) -> None:
    estate = await world.estate()
    key = {"headers": {"Idempotency-Key": "again"}}
    first = await world.post("/repairs", None, report(estate), resident=RESIDENT, **key)
    assert (await world.post("/repairs", None, report(estate), resident=RESIDENT, **key))["id"] == first["id"]
    other = await world.refused("/repairs", None, report(estate, kind="door"), resident=RESIDENT, **key)
    assert other == (422, "idempotency_key_reused")
    assert (await world.names()).count("repair.requested") == 1


async def test_a_lease_under_the_same_key_is_concluded_once(world: World) -> None:
    shop = await world.premise(kind="shop")
    key = {"headers": {"Idempotency-Key": "lease-1"}}
    first = await world.post("/leases", COMMUNITY, terms(shop), **key)
    again = await world.ask("POST", "/leases", COMMUNITY, terms(shop), **key)
    assert (again.status_code, again.json()) == (201, first)
    assert await world.refused("/leases", COMMUNITY, terms(shop)) == (409, "premise_let")


def test_a_platform_without_complaints_is_not_listened_to_for_their_answers() -> None:
    """A district may lack a department: its topics are not there, and nothing may wait for them."""
    assert inbound.declared().topics == [
        "complaints.case",
        "complaints.referral",
        "finance.bill",
        "mandates.organisation",
    ]
    some = inbound.declared(["finance.bill", "mandates.organisation", "volunteers.bill"])
    assert some.topics == ["finance.bill", "mandates.organisation"]


def test_every_code_of_the_service_is_tried_by_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [code for code in ERRORS if code not in COMMON and f'"{code}"' not in tests] == []


def test_every_code_speaks_both_languages() -> None:
    for code, spec in ERRORS.items():
        assert spec.zh and spec.en, code
        assert bool(spec.next_zh) == bool(spec.next_en), code
