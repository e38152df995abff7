"""How often a command asks PostgreSQL: counted, so that nobody adds a round trip without saying so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db import driver
from suizhuan.db.tables import idempotency, outbox
from suizhuan.testing_databases import Databases

from .conftest import CENTRE, COMMUNITY, FIRM, STREET_ORG, World

REPORT = {"category": "01-02", "area": "321302002907001", "channel": "wechat", "description": "垃圾没人清"}
VERIFY = {"result": "passed", "satisfied": True}


@contextmanager
def counted(world: World) -> Iterator[list[str]]:
    """The statements that go to the database meanwhile; a BEGIN or COMMIT would be one more round trip each."""
    said: list[str] = []
    database = world.service.parts.database
    engines = (database.engine.sync_engine, database._commands.sync_engine)

    def statement(_conn: Any, _cursor: Any, sql: str, *_: Any) -> None:
        said.append(" ".join(sql.split())[:60])

    def begin(_conn: Any) -> None:
        said.append("BEGIN and COMMIT")

    driven = driver.fetch

    async def by_the_driver(conn: AsyncConnection, sql: str, *values: object) -> list[Any]:
        statement(None, None, sql)
        return await driven(conn, sql, *values)

    driver.fetch = by_the_driver
    event.listen(engines[0], "begin", begin)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", statement)
    try:
        yield said
    finally:
        driver.fetch = driven
        event.remove(engines[0], "begin", begin)
        for engine in engines:
            event.remove(engine, "before_cursor_execute", statement)


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.real)])
def databases(postgres_databases: Databases) -> Databases:
    """SQLite is in the process: it has no round trips."""
    return postgres_databases


async def test_a_command_on_a_case_is_one_read_and_one_statement_that_judges_writes_and_tells(world: World) -> None:
    case = await world.report()
    for path, org, body in (
        (f"/cases/{case}/start", COMMUNITY, {}),
        (f"/cases/{case}/result", COMMUNITY, {}),
    ):
        with counted(world) as said:
            await world.post(path, org, body)
        assert len(said) == 2, said
        assert said[0].startswith("SELECT complaint_case")
        assert said[1].startswith("WITH state")


async def test_the_last_statement_writes_only_what_was_changed_and_no_index_hears_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await world.report()
    said: list[tuple[str, int]] = []
    driven = driver.fetch

    async def noting(conn: AsyncConnection, sql: str, *values: object) -> list[Any]:
        said.append((sql, len(values)))
        return await driven(conn, sql, *values)

    monkeypatch.setattr(driver, "fetch", noting)
    await world.post(f"/cases/{case}/start", COMMUNITY, {})
    sql, values = said[-1]
    written = re.findall(r"UPDATE complaint_case SET (.*?) WHERE", sql)
    changed = {part.split("=")[0].strip() for part in written[0].split(", ")}
    assert changed == {"state", "started_at", "version"}
    assert values < 50
    async with world.service.parts.database.read() as conn:
        query = text("SELECT indexdef FROM pg_indexes WHERE tablename = 'complaint_case'")
        indexes = (await conn.execute(query)).scalars().all()
    assert len(indexes) == 6
    assert not [index for index in indexes if re.search(rf"\b({'|'.join(changed)})\b", index)]


async def test_its_idempotency_key_costs_no_statement_of_its_own(world: World) -> None:
    case = await world.report()
    with counted(world) as said:
        await world.post(f"/cases/{case}/start", COMMUNITY, {}, headers={"Idempotency-Key": "k"})
    assert len(said) == 2, said


@pytest.mark.parametrize(
    ("path", "org", "body", "most"),
    [
        ("verification", STREET_ORG, VERIFY, 3),  # the owner of the affair
        ("handovers", COMMUNITY, {"to": FIRM}, 5),  # the receiver, the price, the owner for the words of a refusal
    ],
)
async def test_what_else_a_command_must_know_is_read_once(
    world: World, path: str, org: str, body: dict[str, Any], most: int
) -> None:
    case = await world.report()
    await world.post(f"/cases/{case}/start", COMMUNITY, {})
    if path == "verification":
        await world.post(f"/cases/{case}/result", COMMUNITY, {})
    with counted(world) as said:
        await world.post(f"/cases/{case}/{path}", org, body)
    assert len(said) <= most, said


async def test_a_report_is_taken_in_with_three(world: World) -> None:
    await world.report()  # the first command of a process reads the grants
    with counted(world) as said:
        await world.post("/cases", None, REPORT, caller="resident")
    assert len(said) <= 3, said  # where the area is, what the work costs, and the statement that writes


async def test_a_command_that_writes_behind_the_back_of_its_last_statement_is_refused(world: World) -> None:
    async with world.service.parts.database.deciding() as conn:
        with pytest.raises(TypeError, match="hands its writes over"):
            await conn.execute(insert(idempotency).values(subject="s", key="k"))


async def test_between_the_statements_of_a_command_no_transaction_is_open(world: World) -> None:
    async with world.service.parts.database.deciding() as conn:
        moments = {(await conn.execute(select(func.transaction_timestamp()))).scalar_one() for _ in range(2)}
    assert len(moments) == 2


async def test_who_may_not_is_told_after_one_look_at_what_is_newer(world: World) -> None:
    case = await world.report()
    with counted(world) as said:
        await world.refused(f"/cases/{case}/start", CENTRE)
    assert len(said) == 2, said


async def test_an_event_takes_less_than_a_kilobyte(world: World) -> None:
    case = await world.report()
    await world.events()
    await world.post(f"/cases/{case}/start", COMMUNITY, {})
    async with world.service.parts.database.read() as conn:
        (row,) = (await conn.execute(select(outbox))).all()
    assert len(row.value) < 150
    assert len(row.headers.encode()) < 550
    assert len(row.value) + len(row.headers.encode()) + len(row.key) < 700
