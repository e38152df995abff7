"""What the database itself forbids, whatever the code above it does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from mandates import store
from mandates import tables as t
from mandates.domain.mandate import Change
from suizhuan.context import Context
from suizhuan.kernel.refusal import Refusal

from .conftest import NANGUAN, RUBBISH, STREET, World


def row(world: World, id_: str, start: int, end: int | None, **changed: Any) -> dict[str, Any]:
    """A mandate that holds its slot from day `start` to day `end`."""

    def day(n: int) -> datetime:
        return world.clock.now() + timedelta(days=n)

    return {
        "id": id_,
        "affair": RUBBISH,
        "area": NANGUAN,
        "role": "lead",
        "giver": "g",
        "holder": "h",
        "powers": [],
        "staff": [],
        "starts_at": day(start),
        "ends_at": day(end) if end is not None else None,
        "basis": "lump",
        "amount_fen": 0,
        "state": "active",
        "version": 1,
        "created_at": day(0),
        "held_from": day(start),
        "shortfall_fen": 0,
        **changed,
    }


async def put(world: World, *rows: dict[str, Any]) -> None:
    for one in rows:
        async with world.parts.database.write() as conn:
            await conn.execute(insert(t.mandate).values(**one))


CLASHES: list[tuple[int, int | None, int, int | None]] = [
    (0, 10, 5, 15),
    (0, 10, 0, 10),
    (0, None, 500, 501),
    (5, 6, 0, None),
]


@pytest.mark.parametrize(("a", "b", "c", "d"), CLASHES)
async def test_two_leads_of_one_slot_at_one_time_cannot_be_stored(
    empty: World, a: int, b: int | None, c: int, d: int | None
) -> None:
    await put(empty, row(empty, "m1", a, b))
    with pytest.raises(IntegrityError, match="one_lead_per_slot"):
        await put(empty, row(empty, "m2", c, d))


async def test_another_time_place_affair_or_role_is_no_clash(empty: World) -> None:
    await put(
        empty,
        row(empty, "m1", 0, 10),
        row(empty, "m2", 10, 20),  # the end itself is free
        row(empty, "m3", 0, 10, area=STREET),
        row(empty, "m4", 0, 10, affair="env.other"),
        row(empty, "m5", 0, 10, role="assist"),
        row(empty, "m6", 0, 10, held_from=None, state="funded"),
        row(empty, "m7", 20, 30, ended_at=empty.clock.now() + timedelta(days=25)),
        row(empty, "m8", 25, 30),
    )


async def test_a_lead_cannot_be_moved_into_a_taken_slot_either(empty: World) -> None:
    await put(empty, row(empty, "m1", 0, 10), row(empty, "m2", 0, 10, held_from=None, state="funded"))
    with pytest.raises(IntegrityError, match="one_lead_per_slot"):
        async with empty.parts.database.write() as conn:
            held = {"held_from": empty.clock.now(), "state": "active"}
            await conn.execute(update(t.mandate).where(t.mandate.c.id == "m2").values(**held))


async def test_the_store_tells_it_as_a_refusal(empty: World) -> None:
    await put(empty, row(empty, "m1", 0, 10), row(empty, "m2", 20, 30))
    with pytest.raises(Refusal) as caught:
        async with empty.parts.uow.begin(Context.of_system("mandates"), limited=False) as tx:
            mandate = await store.mandate(tx.conn, "m2", lock=True)
            await store.save(tx, Change.of(mandate, held_from=empty.clock.now()))
    assert caught.value.code == "slot_taken"


def switch(world: World, id_: str, affair: str, area: str, state: str = "open") -> dict[str, Any]:
    width = 10 ** (15 - len(area))
    return {
        "id": id_,
        "why": "activation",
        "affair": affair,
        "area": area,
        "lo": int(area) * width,
        "hi": (int(area) + 1) * width,
        "mandate": f"m-{id_}",
        "reason": "",
        "state": state,
        "attempt": 1,
        "on_log": False,
        "requested_at": world.clock.now(),
        "correlation_id": "c",
    }


async def test_two_open_switches_of_an_affair_never_overlap(empty: World) -> None:
    async def open_one(*about: str) -> None:
        async with empty.parts.database.write() as conn:
            await conn.execute(insert(t.switch).values(**switch(empty, *about)))

    await open_one("s1", RUBBISH, STREET)
    await open_one("s2", RUBBISH, "321302003")
    await open_one("s3", "env.other", NANGUAN)
    await open_one("s4", RUBBISH, NANGUAN, "waiting")
    for area in (NANGUAN, STREET, "321302", "32"):
        with pytest.raises(IntegrityError, match="one_open_switch_per_place"):
            await open_one("s5", RUBBISH, area)
