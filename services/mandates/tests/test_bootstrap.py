"""Founding a district by its seed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from mandates import tables as t
from mandates.bootstrap import bootstrap, command
from suizhuan.kernel.refusal import Refusal
from suizhuan.seed import Seed
from suizhuan.testing import published

from .conftest import NANGUAN, SEED, STREET, World
from .test_api import ORG


async def test_the_whole_street_is_founded_by_one_record(empty: World, seed: Seed) -> None:
    assert await bootstrap(empty.service, seed) is True
    said = await published(empty.parts, forget=False)
    records = [e for e in said if e.name.startswith(("mandates.switch.", "mandates.authority."))]
    assert [e.name for e in records] == ["mandates.switch.done"]
    slots = records[0].data["slots"]
    roots = [s for s in slots if s["new"]["mandate"].startswith("root:")]
    placeable = [a for a in seed.affairs if a.list in ("own", "assist")]
    assert len(roots) == len(placeable)
    assert {s["area"] for s in roots} == {empty.parts.profile.root_area}
    assert all(s["new"]["ends_at"] is None for s in roots)
    assert len(slots) == len(roots) + len([m for m in seed.mandates if m.amount_fen == 0])
    await empty.carry()
    await empty.beat()
    assert await empty.responsible(NANGUAN, "gov.admission") == "street-xiangli"
    assert await empty.responsible(NANGUAN + "001", "community.accounts") == "community-nanguan"
    assert await empty.responsible(STREET, "emergency.gas") == "dept-housing"
    assert await empty.responsible(STREET, "env.accumulated-waste") == "firm-jiecheng"


async def test_a_second_call_changes_nothing_and_says_so(
    empty: World, small_seed: Seed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await bootstrap(empty.service, small_seed) is True
    await published(empty.parts)
    assert await bootstrap(empty.service, small_seed) is False
    assert await published(empty.parts) == []
    await command(empty.service, [str(SEED)])
    assert "founded already" in capsys.readouterr().out
    assert await published(empty.parts) == []


async def test_of_two_that_found_at_once_one_does(empty: World, small_seed: Seed) -> None:
    done = await asyncio.gather(bootstrap(empty.service, small_seed), bootstrap(empty.service, small_seed))
    assert sorted(done) == [False, True]
    async with empty.parts.database.read() as conn:
        ids = (await conn.execute(select(t.organisation.c.id))).scalars().all()
    assert len(ids) == len(set(ids)) == len(small_seed.organisations)


async def test_a_database_with_data_of_its_own_is_not_founded(empty: World, small_seed: Seed) -> None:
    async with empty.parts.database.write() as conn:
        values = {"id": "o", "name_zh": "甲", "name_en": "A", "kind": "street", "version": 1}
        await conn.execute(t.organisation.insert().values(**values, registered_at=empty.clock.now()))
    with pytest.raises(Refusal) as caught:
        await bootstrap(empty.service, small_seed)
    assert caught.value.code == "already_founded"
    assert await published(empty.parts) == []


async def test_no_name_of_a_person_goes_into_an_event(empty: World, seed: Seed) -> None:
    await bootstrap(empty.service, seed)
    said = str(await published(empty.parts))
    assert not [person.id for person in seed.staff if person.name.zh in said]


async def test_the_command_wants_one_file(empty: World, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        await command(empty.service, [])
    assert ORG["id"] not in str(await published(empty.parts))
