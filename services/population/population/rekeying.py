"""A re-keying takes effect: the hooks of the replica, in the transaction that applies the record (authority §3).

Columns of codes follow by themselves (`suizhuan.areas`); here is what is not said by a code: which buildings a split
grid gives away, which names would stand there twice, and the register of areas with its facts.
"""

from __future__ import annotations

from datetime import timedelta

from population import store, store_imports, store_rekeyings
from population import tables as t
from population.domain import facts
from population.domain.change import changed
from population.domain.facts_rekeying import NewArea
from population.domain.rekeying import ANNOUNCED, Rekeying, done, give_up, merged_grids, opened
from population.timers_kinds import REKEYED
from suizhuan import areas
from suizhuan.authority.records import DoneView
from suizhuan.unit_of_work import Tx

LOOK_AGAIN = timedelta(minutes=1)


async def before(tx: Tx, record: DoneView) -> None:
    """Rows still say the old codes. After a restore the log may know a re-keying that this database does not."""
    for new, olds in merged_grids(record.table).items():
        await store_rekeyings.tell_apart(tx.conn, new, olds)
        await store_rekeyings.newest_refresh(tx.conn, new, olds)
    if record.rekeying is None:
        return
    found = await store.rekeyings.find(tx.conn, record.rekeying, lock=True)
    if found is None:
        await restored(tx, record.rekeying, record.switch)
        return
    await _take_effect(tx, found, record.switch)


async def after(tx: Tx, record: DoneView) -> None:
    """Rows say the new codes: whoever lives in a grid that was split or merged is counted anew."""
    found = await store.rekeyings.find(tx.conn, record.rekeying or "")
    if found is not None:
        await _count_anew(tx, found)


async def restored(tx: Tx, rekeying: str, switch: str) -> None:
    """Codes have followed. What is not said by codes is in facts, which somebody has to take over
    (`population.adopting`); if it had only been announced when the database was lost, it takes effect here."""
    found = await store.rekeyings.find(tx.conn, rekeying, lock=True)
    if found is None:
        await tx.deadline(REKEYED, rekeying, tx.now + LOOK_AGAIN, switch=switch)
    elif found.state == ANNOUNCED:
        await _take_effect(tx, found, switch)
        await settle(tx)
        await _count_anew(tx, found)


async def _take_effect(tx: Tx, rekeying: Rekeying, switch: str) -> None:
    await give_buildings(tx, rekeying)
    change = done(rekeying, switch, tx.now)
    if change.facts:
        await store.rekeyings.save(tx, change, None)
        await _register(tx, rekeying)


async def _count_anew(tx: Tx, rekeying: Rekeying) -> None:
    parts = {code for old, new, _ in rekeying.buildings for code in (rekeying.table.place(old), new)}
    await count(tx, sorted({*merged_grids(rekeying.table), *parts}))


async def give_buildings(tx: Tx, rekeying: Rekeying) -> None:
    """What a split grid gives away. Done again it changes nothing."""
    for old, new, buildings in rekeying.buildings:
        await store_rekeyings.move_buildings(tx.conn, [old, rekeying.table.place(old)], new, buildings)


async def settle(tx: Tx) -> None:
    """What was under way when codes changed, and was written afterwards, goes where the rest has gone: what is of a
    building that was given away where that went last, and everything has today's code."""
    known = await tx.codes()
    last: dict[str, tuple[str, str]] = {}
    for one in await store_rekeyings.all_done(tx.conn):
        for old, new, buildings in one.buildings:
            last |= dict.fromkeys(buildings, (old, new))
    for old, new in sorted(set(last.values())):
        gone = sorted(building for building, way in last.items() if way == (old, new))
        await store_rekeyings.move_buildings(tx.conn, [old, known.now(old)], known.now(new), gone)
    for now, olds in (await store_rekeyings.late_grids(tx.conn, known)).items():
        await store_rekeyings.tell_apart(tx.conn, now, [*olds, now])
    await areas.settle(tx.conn, t.PLACED)


async def _register(tx: Tx, rekeying: Rekeying) -> None:
    register = {area.code: area for area in await store_rekeyings.register(tx.conn)}
    table = rekeying.table
    before = {table.place(code): area for code, area in register.items() if area.now is None}
    # What was registered in the moment of the announcement it does not name.
    opening = {code: NewArea(area=code, name=area.name_zh, name_en=area.name_en) for code, area in before.items()}
    opening |= {row["area"]: NewArea(**row) for row in rekeying.areas}
    for code, area in sorted(opening.items()):
        if code not in register:
            made = opened(area, synthetic=code in before and before[code].synthetic)
            fact = facts.AreaRegistered(area=made.code, kind=made.kind, name=made.name_zh, name_en=made.name_en)
            await store.areas.add(tx, changed(made, fact), None)
    for code, known in register.items():
        if known.now is None and (now := table.place(code)) != code:
            await store.areas.save(tx, give_up(known, now), None)


async def count(tx: Tx, grids: list[str]) -> None:
    """How many live in each of these grids."""
    people, households, versions = await store_imports.counted(tx.conn, grids)
    rows = []
    for grid in grids:
        row = {
            "grid": grid,
            "people": sum(people[grid].values()),
            "households": households.get(grid, 0),
            "by_registration": dict(sorted(people[grid].items())),
        }
        version = versions.get(grid, 0) + 1
        tx.emit(facts.PeopleCounted(**row), key=grid, sequence=version, area=grid)  # type: ignore[arg-type]
        rows.append({**row, "version": version, "counted_at": tx.now})
    await store_imports.put_all(tx, t.count, rows)
