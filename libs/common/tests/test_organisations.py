"""A service's copy of which organisations there are, on each database. How it is heard is tested in the services."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import MetaData, insert

from suizhuan.db.database import Database
from suizhuan.organisations import Organisations

ROOT, STREET, COMMUNITY, GRID = "321302", "321302002", "321302002907", "321302002907001"
METADATA = MetaData()
ORGANISATIONS = Organisations(METADATA)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    made = Database(database_url)
    async with made.write() as conn:
        await conn.run_sync(METADATA.create_all)
    yield made
    await made.close()


async def register(database: Database, org: str, *areas: str) -> None:
    async with database.write() as conn:
        values = {"id": org, "name_zh": org, "name_en": org, "kind": "community", "sequence": 1}
        await conn.execute(insert(ORGANISATIONS.organisation), values)
        for area in areas:
            await conn.execute(insert(ORGANISATIONS.area), {"org": org, "area": area})


@pytest.mark.parametrize(
    ("area", "registered", "expected"),
    [
        (ROOT, ["110101"], True),
        (STREET, [COMMUNITY], True),
        (COMMUNITY, [COMMUNITY], True),
        (GRID, [COMMUNITY], True),
        ("321302009", [COMMUNITY], False),
        ("321302009", [], True),
        ("3213", [COMMUNITY], False),
        ("110101", ["110101"], False),
    ],
)
async def test_an_area_is_known_by_the_registered_ones(
    database: Database, area: str, registered: list[str], expected: bool
) -> None:
    if registered:
        await register(database, "one", *registered)
    async with database.read() as conn:
        assert await ORGANISATIONS.area_known(conn, area, ROOT) is expected


async def test_any_organisation_is_known_until_one_is_registered(database: Database) -> None:
    async with database.read() as conn:
        assert await ORGANISATIONS.known(conn, "other")
        assert await ORGANISATIONS.kind_and_areas(conn, "other") is None
    await register(database, "one", COMMUNITY, STREET)
    async with database.read() as conn:
        assert await ORGANISATIONS.known(conn, "one")
        assert not await ORGANISATIONS.known(conn, "other")
        assert await ORGANISATIONS.kind_and_areas(conn, "one") == ("community", [STREET, COMMUNITY])
