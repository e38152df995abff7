"""What the projection writes. Every write is guarded by the aggregate's version, so a repeat changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, case, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway import tables as t
from suizhuan.cloudevents import Event
from suizhuan.db import sets


def _insert(conn: AsyncConnection, table: Table) -> Any:
    return (sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert)(table)


async def put(conn: AsyncConnection, table: Table, **row: Any) -> None:
    """The row as it is now, whether it was there or not; where it has a version, never an older one."""
    keys = [c.name for c in table.primary_key]
    made = _insert(conn, table).values(**row)
    changed = {name: made.excluded[name] for name in row if name not in keys}
    newer: ColumnElement[bool] | None = table.c.version < made.excluded.version if "version" in row else None
    await conn.execute(made.on_conflict_do_update(index_elements=keys, set_=changed, where=newer))


async def change(conn: AsyncConnection, table: Table, id_: str, **values: Any) -> None:
    """Change some columns of a row; with a version only if it is newer. A row that is not there stays away."""
    query = update(table).where(next(iter(table.primary_key)) == id_).values(**values)
    if "version" in values:
        query = query.where(table.c.version < values["version"])
    await conn.execute(query)


async def put_all(conn: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Many rows as they are now, each as `put` would; in one order of keys for everybody."""
    for columns, alike in _alike(rows):
        if conn.dialect.name != "sqlite":
            newer_row = "old.version < excluded.version" if "version" in columns else "true"
            await sets.insert_all(conn, table, alike, keys=[c.name for c in table.primary_key], replace=newer_row)
            continue
        keys = [c.name for c in table.primary_key]
        made = _insert(conn, table).values({name: bindparam(name) for name in columns})
        changed = {name: made.excluded[name] for name in columns if name not in keys}
        newer = table.c.version < made.excluded.version if "version" in columns else None
        await conn.execute(made.on_conflict_do_update(index_elements=keys, set_=changed, where=newer), alike)


async def change_all(conn: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Some columns of many rows, named by `id`, where the version is newer; in one order of keys for everybody."""
    for columns, alike in _alike(rows):
        if conn.dialect.name != "sqlite":
            await sets.update_all(conn, table, alike, key="id", version="version")
            continue
        query = (
            update(table)
            .where(table.c.id == bindparam("b_id"), table.c.version < bindparam("b_version"))
            .values({name: bindparam(f"b_{name}") for name in columns if name != "id"})
        )
        await conn.execute(query, [{f"b_{name}": value for name, value in row.items()} for row in alike])


def _alike(rows: Sequence[Mapping[str, Any]]) -> list[tuple[tuple[str, ...], list[dict[str, Any]]]]:
    """Rows that name the same columns, sorted by their id."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: str(row["id"])):
        groups[tuple(sorted(row))].append(dict(row))
    return sorted(groups.items())


async def set_areas(conn: AsyncConnection, org: str, areas: Iterable[str]) -> None:
    await conn.execute(delete(t.organisation_area).where(t.organisation_area.c.org == org))
    rows = [{"org": org, "area": area} for area in sorted(set(areas))]
    if rows:
        await conn.execute(insert(t.organisation_area), rows)


async def add_step(conn: AsyncConnection, case_id: str, event: Event) -> None:
    """Remember an event as a step of a case."""
    await add_steps(conn, [(case_id, event)])


async def add_steps(conn: AsyncConnection, steps: Sequence[tuple[str, Event]]) -> None:
    """Remember events as steps of their cases."""
    if steps and conn.dialect.name != "sqlite":
        rows = [_step(case_id, event) for case_id, event in steps]
        await sets.insert_all(conn, t.step, rows, keys=[c.name for c in t.step.primary_key])
    elif steps:
        rows = [{**_step(case_id, event), "data": event.data} for case_id, event in steps]
        await conn.execute(_insert(conn, t.step).on_conflict_do_nothing(), rows)


def _step(case_id: str, event: Event) -> dict[str, Any]:
    about = event.attributes
    return {
        "case": case_id,
        "topic": event.topic,
        "partition": event.partition,
        "offset": event.offset,
        "event": event.id,
        "type": event.type,
        "at": event.time,
        "actor": about.get("actor"),
        "org": about.get("org"),
        "mandate": about.get("mandate"),
        "term": int(about["term"]) if "term" in about else None,
        "authority_offset": int(about["authorityoffset"]) if "authorityoffset" in about else None,
        "causation": about.get("causationid"),
        "data": event.text,
    }


async def post(conn: AsyncConnection, lines: Iterable[Mapping[str, Any]]) -> None:
    """Add an entry's lines to the balances, in one order of keys for everybody."""
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for line in lines:
        sums[line["org"], line["account"], line["earmark"] or ""] += line["amount_fen"]
    if not sums:
        return
    keys = ["org", "account", "earmark"]
    rows = [
        {"org": org, "account": account, "earmark": earmark, "amount_fen": amount}
        for (org, account, earmark), amount in sorted(sums.items())
    ]
    if conn.dialect.name != "sqlite":
        await sets.add_up(conn, t.balance, rows, keys=keys, amount="amount_fen")
        return
    made = sqlite.insert(t.balance)
    more = {"amount_fen": t.balance.c.amount_fen + made.excluded.amount_fen}
    await conn.execute(made.on_conflict_do_update(index_elements=keys, set_=more), rows)


async def capture(conn: AsyncConnection, hold: str, amount: int, *, payee: str, entry: str | None) -> None:
    """Note that a hold's money has become the worker's."""
    values = {"captured_fen": t.hold.c.captured_fen + amount, "payee": payee, "entry": entry, "state": "captured"}
    await conn.execute(update(t.hold).where(t.hold.c.id == hold).values(**values))


async def release(conn: AsyncConnection, hold: str, amount: int) -> None:
    """Note that money of a hold is free again. What is released beside a capture is its surplus: it stays captured."""
    state = case((t.hold.c.state == "captured", "captured"), else_="released")
    values = {"released_fen": t.hold.c.released_fen + amount, "state": state}
    await conn.execute(update(t.hold).where(t.hold.c.id == hold).values(**values))


async def returned(conn: AsyncConnection, mandate: str, amount: int) -> None:
    await conn.execute(
        update(t.earmark)
        .where(t.earmark.c.mandate == mandate)
        .values(returned_fen=t.earmark.c.returned_fen + amount, state="returned")
    )


async def areas_of(conn: AsyncConnection, org: str) -> tuple[str, ...]:
    """The areas an organisation holds, as far as the projection knows."""
    rows = await conn.execute(select(t.organisation_area.c.area).where(t.organisation_area.c.org == org))
    return tuple(rows.scalars())


async def put_things(conn: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Things as they are now, never as they were before; what is not said of one stays."""
    if not rows:
        return
    keys = [c.name for c in t.thing.primary_key]
    made = _insert(conn, t.thing).values({name: bindparam(name) for name in rows[0]})
    changed: dict[str, Any] = {name: made.excluded[name] for name in rows[0] if name not in keys}
    for kept in ("area", "org"):
        changed[kept] = func.coalesce(made.excluded[kept], t.thing.c[kept])
    newer = t.thing.c.version < made.excluded.version
    await conn.execute(made.on_conflict_do_update(index_elements=keys, set_=changed, where=newer), list(rows))
