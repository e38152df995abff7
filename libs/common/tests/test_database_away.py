"""The database goes away and comes back: callers are told to try again, and what works in the background works on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]
import httpx
import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from suizhuan.app import create_app
from suizhuan.context import Context
from suizhuan.db import driver
from suizhuan.db.database import Database, is_transient
from suizhuan.db.tables import platform
from suizhuan.deadlines import Deadlines
from suizhuan.errors import COMMON
from suizhuan.identity import TokenVerifier
from suizhuan.kernel.clock import ManualClock, SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics
from suizhuan.notify import CHANNEL, Notifier
from suizhuan.settings import ServiceSettings
from suizhuan.unit_of_work import Tx

from .conftest import Demo, make_demo
from .door import Door

pytestmark = pytest.mark.real


@pytest.fixture
async def door(postgres_database: str) -> AsyncIterator[Door]:
    parts = urlsplit(postgres_database)
    made = Door(str(parts.hostname), int(parts.port or 5432))
    await made.open()
    yield made
    await made.shut()


@pytest.fixture
async def behind(postgres_database: str, door: Door) -> AsyncIterator[Demo]:
    """The tiny service, whose database lies behind a door."""
    parts = urlsplit(postgres_database)
    place = parts.netloc.rpartition("@")[0] + f"@127.0.0.1:{door.port}"
    made = make_demo(urlunsplit(parts._replace(netloc=place)), SystemClock())  # type: ignore[arg-type]
    async with made.database.engine.begin() as conn:
        await conn.run_sync(platform.create_all)
    yield made
    await made.database.close()


async def until(holds: Callable[[], object], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 - it happens in tasks that know nothing of us
            await asyncio.sleep(0.02)


async def reads(tx: Tx) -> int:
    return int((await tx.conn.execute(text("SELECT 1"))).scalar_one())


async def test_while_the_database_is_away_a_command_is_told_to_come_again(behind: Demo, door: Door) -> None:
    context = Context.of_system("demo")
    assert await behind.uow.decide(context, reads) == 1
    await door.shut()
    with pytest.raises(Refusal, match="unavailable"):
        await behind.uow.decide(context, reads)
    with pytest.raises(Refusal, match="unavailable"):
        async with behind.uow.begin(context) as tx:
            await reads(tx)
    await door.open()
    assert await behind.uow.decide(context, reads) == 1


async def test_while_the_database_is_away_a_read_is_answered_503_and_not_500(behind: Demo, door: Door) -> None:
    router = APIRouter()

    @router.get("/count")
    async def count() -> int:
        async with behind.database.read() as conn:
            return int((await conn.execute(text("SELECT 1"))).scalar_one())

    metrics = Metrics(CollectorRegistry(), "demo")
    app = create_app(
        service="demo",
        title="demo",
        routers=[router],
        catalogue=COMMON,
        verifier=TokenVerifier((), clock=ManualClock()),
        readiness={},
        settings=ServiceSettings(),
        metrics=metrics,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://demo") as client:
        assert (await client.get("/count")).json() == 1
        await door.shut()
        answer = await client.get("/count")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        await door.open()
        assert (await client.get("/count")).json() == 1


async def test_deadlines_are_carried_out_when_the_database_is_back(behind: Demo, door: Door) -> None:
    done: list[str] = []

    async def due(_tx: Tx, ref: str, _data: dict[str, Any]) -> None:
        done.append(ref)

    deadlines = Deadlines(behind.uow, {"demo": due}, behind.clock)
    working = asyncio.create_task(deadlines.run())
    try:
        async with behind.uow.begin(Context.of_system("demo")) as tx:
            await tx.deadline("demo", "first", behind.clock.now())
            await tx.deadline("demo", "second", behind.clock.now() + timedelta(seconds=0.5))
        await until(lambda: done == ["first"])
        await door.shut()
        await asyncio.sleep(1.0)  # the second comes due while nobody can know it
        await door.open()
        await until(lambda: done == ["first", "second"])
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def test_a_relay_is_woken_again_when_the_database_is_back(
    behind: Demo, door: Door, postgres_database: str
) -> None:
    heard: list[str] = []
    relay = await asyncpg.connect(postgres_database.replace("+asyncpg", ""))
    await relay.add_listener(CHANNEL, lambda *_: heard.append("woken"))
    notifier = Notifier(behind.database, behind.clock)
    working = asyncio.create_task(notifier.run())
    try:
        notifier.wake()
        await until(lambda: heard)
        await door.shut()
        heard.clear()
        notifier.wake()  # what was committed just before must not be forgotten
        await asyncio.sleep(0.2)
        assert heard == []
        await door.open()
        await until(lambda: heard)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await relay.close()


@pytest.mark.parametrize("by", ["driver", "sqlalchemy"])
@pytest.mark.parametrize("turns", range(4))
async def test_a_session_that_was_ended_while_it_was_idle_is_a_reason_to_try_again(
    postgres_database: str, turns: int, by: str
) -> None:
    """A leader whose process got no time to run. After so many turns of its loop it has read nothing of the server's
    farewell, or the words without the end of the connection, or all."""
    database = Database(postgres_database)
    try:
        async with database.engine.connect() as plain:
            conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
            await conn.execute(text("SET idle_session_timeout = '20ms'"))
            raw: Any = (await conn.get_raw_connection()).driver_connection
            transport = raw._transport
            transport.pause_reading()
            time.sleep(0.3)  # noqa: ASYNC251 - nobody runs, that is the point
            transport.resume_reading()
            for _ in range(turns):
                await asyncio.sleep(0)
            with pytest.raises(DBAPIError) as ended:
                await (driver.fetch(conn, "SELECT 1") if by == "driver" else conn.execute(text("SELECT 1")))
            assert is_transient(ended.value)
            assert conn.invalidated or by == "sqlalchemy"
    finally:
        await database.close()
