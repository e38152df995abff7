"""Databases as years of use leave them, made by generate_series: stored cases, their history, steps, inbox rows.

Ids rise like UUIDv7, ten events to a case. All cases are closed, but for those that a measurement will work on, which
lie evenly among them. Nothing is left out that a command or an event touches: indexes, constraints, statistics.
"""

from __future__ import annotations

import time

import asyncpg  # type: ignore[import-untyped, unused-ignore]

EACH = 10  # events of a case
ID = "'01900000-0000-7000-8000-' || lpad(to_hex({n}), 12, '0')"


def case_id(number: int) -> str:
    return f"01900000-0000-7000-8000-{number:012x}"


def spread(stored: int, wanted: int) -> list[str]:
    """The cases that are still open: `wanted` of `stored`, evenly among them."""
    return [case_id(1 + n * stored // wanted) for n in range(wanted)]


async def fill_complaints(url: str, *, cases: int, still_open: list[str]) -> None:
    """`cases` copies of the one case that is there, with ten rows of history each."""
    conn = await _connected(url)
    started = time.perf_counter()
    rest = await _columns(conn, "complaint_case", "id")
    stored = {"state": "'closed'", "closed_at": "reported_at"}
    await conn.execute(
        f"INSERT INTO complaint_case (id, {', '.join(rest)})"
        f" SELECT {ID.format(n='n')}, {', '.join(stored.get(name, name) for name in rest)}"
        f" FROM complaint_case, generate_series(1, {cases}) AS n"
    )
    await conn.execute(
        "UPDATE complaint_case SET state = 'dispatched', closed_at = NULL WHERE id = ANY($1::text[])", still_open
    )
    index = await _without_key(conn, "case_history")
    await conn.execute(
        "INSERT INTO case_history (case_id, version, event, event_id, at, case_term, state, org, mandate, term, data)"
        f" SELECT {ID.format(n='c')}, v + 10, 'complaints.case.card_raised', {ID.format(n=f'c * {EACH} + v')}, now(),"
        f" 1, 'closed', 'community-nanguan', 'm-nanguan', 1, jsonb_build_object('case', {ID.format(n='c')}, 'v', v)"
        f" FROM generate_series(1, {cases}) AS c, generate_series(1, {EACH}) AS v"
    )
    await conn.execute(index)
    await _settle(conn, started, f"complaints: {cases:,} cases, {cases * EACH:,} rows of history")


async def fill_gateway(url: str, *, cases: int, topic: str) -> None:
    """The projection of as many cases, ten steps each, and an inbox row for each of those events."""
    conn = await _connected(url)
    started = time.perf_counter()
    await conn.execute(
        "INSERT INTO case_view (id, affair, area, category, channel, state, case_term, responsible, mandate, term,"
        " price_fen, reported_at, version)"
        f" SELECT {ID.format(n='n')}, 'env.exposed-rubbish', '321302002907001', '01-02', 'wechat', 'dispatched', 1,"
        f" 'community-nanguan', 'm-nanguan', 1, 8000, now(), 2 FROM generate_series(1, {cases}) AS n"
    )
    steps, noted = await _without_key(conn, "case_step"), await _without_key(conn, "inbox")
    await conn.execute(
        'INSERT INTO case_step ("case", topic, partition, "offset", event, type, at, actor, org, mandate, term,'
        " authority_offset, data)"
        f" SELECT {ID.format(n='c')}, '{topic}', c % 3, c * {EACH} + v - 2147483648,"
        f" {ID.format(n=f'c * {EACH} + v')}, 'complaints.case.card_raised.v1', now(), 'staff', 'community-nanguan',"
        f" 'm-nanguan', 1, 5, jsonb_build_object('case', {ID.format(n='c')}, 'v', v)"
        f" FROM generate_series(1, {cases}) AS c, generate_series(1, {EACH}) AS v"
    )
    await conn.execute(
        "INSERT INTO inbox (consumer, event_id, seen_at)"
        f" SELECT 'gateway', {ID.format(n='n')}, now() FROM generate_series(1, {cases * EACH}) AS n"
    )
    await conn.execute(steps)
    await conn.execute(noted)
    await _settle(conn, started, f"gateway: {cases:,} cases, {cases * EACH:,} steps and inbox rows")


async def _connected(url: str) -> asyncpg.Connection:
    conn = await asyncpg.connect(url)
    await conn.execute("SET maintenance_work_mem = '512MB'")
    return conn


async def _columns(conn: asyncpg.Connection, table: str, but: str) -> list[str]:
    found = await conn.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND column_name <> $2", table, but
    )
    return [row[0] for row in found]


async def _without_key(conn: asyncpg.Connection, table: str) -> str:
    """Take the primary key off while the table is filled; the statement that puts it on again."""
    name, words = await conn.fetchrow(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'p'",
        table,
    )
    await conn.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    return f"ALTER TABLE {table} ADD CONSTRAINT {name} {words}"


async def _settle(conn: asyncpg.Connection, started: float, what: str) -> None:
    await conn.execute("VACUUM ANALYZE")
    await conn.execute("CHECKPOINT")
    size = await conn.fetchval("SELECT pg_size_pretty(pg_database_size(current_database()))")
    await conn.close()
    print(f"    {what}: {size}, {time.perf_counter() - started:.0f} s", flush=True)
