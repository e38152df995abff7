"""What a statement asks: as little as is sure, and everything where it is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan import inbox_rows
from suizhuan.db.tables import authority_state, deadline, grants, inbox, platform
from suizhuan.deadlines import CANCEL, PUT

from .founding import bare
from .processes import EPOCH
from .reads import DUE, Asked
from .store import SimDatabase, drive

Work = Callable[[AsyncConnection], Awaitable[None]]


async def carry_out(database: SimDatabase, work: Work) -> None:
    async with database.write() as conn:
        await work(conn)


def asks(work: Work) -> set[Asked]:
    """What is asked by a piece of work on an empty database."""
    database = SimDatabase()
    bare(database)
    database.reads.clear()
    drive(carry_out(database, work))
    return database.reads


def test_a_row_is_asked_for_by_its_key() -> None:
    async def work(conn: AsyncConnection) -> None:
        await inbox_rows.add(conn, "finance", ["e1", "e2"], EPOCH)
        await conn.execute(PUT.sqlite, {"kind": "k", "ref": "r", "due_at": EPOCH, "data": {}})
        await conn.execute(CANCEL, {"b_kind": "k", "b_ref": "s"})

    keys = {Asked("inbox", ("finance", "e1")), Asked("inbox", ("finance", "e2"))}
    assert asks(work) == keys | {Asked("deadline", ("k", "r")), Asked("deadline", ("k", "s"))}


def test_what_names_its_rows_otherwise_asks_for_the_table() -> None:
    others: list[ColumnElement[bool]] = [deadline.c.kind == "k", deadline.c.due_at < EPOCH + timedelta(1)]
    for where in others:

        async def work(conn: AsyncConnection, where: ColumnElement[bool] = where) -> None:
            await conn.execute(select(deadline).where(where))

        assert asks(work) == {Asked("deadline")}


def test_a_join_a_condition_and_a_change_ask_for_all_their_tables() -> None:
    async def work(conn: AsyncConnection) -> None:
        counted = select(func.count()).select_from(inbox).scalar_subquery()
        await conn.execute(update(grants).where(grants.c.term > counted).values(live=False))
        await conn.execute(insert(authority_state).values(id=1, replica="", sequence=0, offset=-1, beat_replicas=[]))

    assert asks(work) == {Asked("authority_grant"), Asked("inbox"), Asked("authority_state")}


def test_the_deadlines_ask_what_is_due() -> None:
    async def work(conn: AsyncConnection) -> None:
        kinds = deadline.c.kind.in_(["a", "b"])
        columns = (deadline.c.kind, deadline.c.ref, deadline.c.due_at)
        await conn.execute(select(*columns).where(kinds).order_by(deadline.c.due_at).limit(100))

    assert asks(work) == {Asked("deadline", DUE.name)}


def test_sqlite_says_what_a_trigger_changes() -> None:
    async def prepare(conn: AsyncConnection) -> None:
        await conn.run_sync(platform.create_all)
        await conn.exec_driver_sql(
            "CREATE TRIGGER t AFTER INSERT ON authority_state"
            " BEGIN INSERT INTO authority_open_switch VALUES ('s', '[]'); END"
        )

    async def work(conn: AsyncConnection) -> None:
        await conn.execute(insert(authority_state).values(id=1, replica="", sequence=0, offset=-1, beat_replicas=[]))

    database = SimDatabase()
    drive(carry_out(database, prepare))
    database.reads.clear()
    drive(carry_out(database, work))
    assert database.reads == {Asked("authority_state"), Asked("authority_open_switch")}
    assert dict(database.contents())["authority_open_switch"] == (("s", "[]"),)
