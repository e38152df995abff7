"""The peers of the consumer: the same inbox and projection, one transaction a message, and in FastStream's handlers."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]
from aiokafka import AIOKafkaConsumer
from faststream import AckPolicy, Context
from faststream.kafka import KafkaBroker
from sqlalchemy import Table, bindparam, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bench.stage import asynchronous
from gateway import tables as t
from suizhuan.db.tables import inbox

Row = dict[str, Any]
Done = Callable[[], int]  # how many events are committed
Peer = Callable[[str, str, str], AbstractAsyncContextManager[Done]]
STATES = {"routed": "dispatched", "started": "started", "handled": "handled"}
MOMENTS = ("due_at", "yellow_at", "red_at")


def steps_of(about: Mapping[str, str], data: Row, topic: str, partition: int, offset: int) -> tuple[str, Row, Row]:
    """(event id, columns of the case, row of the step), as the gateway makes them of an event."""
    kind = about["ce_type"].split(".")[2]
    at, version = datetime.fromisoformat(about["ce_time"]), int(about["ce_sequence"])
    columns: Row = {name: datetime.fromisoformat(v) if name in MOMENTS else v for name, v in data.items()}
    case = columns.pop("case")
    columns.pop("org", None)
    if kind == "reported":
        columns |= {"state": "reported", "case_term": 0, "price_fen": 0, "reported_at": at}
    else:
        columns = {**columns, "state": STATES[kind]} if kind == "routed" else {"state": STATES[kind]}
    step = {
        "case": case,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "event": about["ce_id"],
        "type": about["ce_type"],
        "at": at,
        "actor": about["ce_actor"],
        "org": about["ce_org"],
        "mandate": about["ce_mandate"],
        "term": int(about["ce_term"]),
        "authority_offset": int(about["ce_authorityoffset"]),
        "causation": about.get("ce_causationid"),
        "data": data,
    }
    return about["ce_id"], {"id": case, **columns, "version": version}, step


@asynccontextmanager
async def per_message(url: str, kafka: str, topic: str) -> AsyncIterator[Done]:
    """aiokafka and asyncpg: each message in a transaction of its own, statements prepared."""
    done = 0
    conn = await asyncpg.connect(url)
    client: Any = AIOKafkaConsumer(  # type: ignore[no-untyped-call]
        topic,
        bootstrap_servers=kafka,
        group_id=f"bench-{secrets.token_hex(3)}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await client.start()

    async def work() -> None:
        nonlocal done
        while True:
            for messages in (await client.getmany(timeout_ms=1000, max_records=500)).values():
                for message in messages:
                    about = {name: value.decode() for name, value in message.headers}
                    data = json.loads(message.value)
                    event, case, step = steps_of(about, data, message.topic, message.partition, message.offset)
                    async with conn.transaction():
                        if await conn.fetchval(_NOTE, "peer", event, step["at"]) is not None:
                            await _project(conn, case, step)
                    done += 1
            await client.commit()

    working = asyncio.create_task(work())
    try:
        yield lambda: done
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await client.stop()
        await conn.close()


_NOTE = "INSERT INTO inbox VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING event_id"


async def _project(conn: Any, case: Row, step: Row) -> None:
    names = list(case)
    if case["version"] == 1:
        places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        await conn.execute(
            f"INSERT INTO case_view ({', '.join(names)}) VALUES ({places}) ON CONFLICT (id) DO NOTHING",
            *case.values(),
        )
    else:
        sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(names, 1))
        version = len(names)
        await conn.execute(f"UPDATE case_view SET {sets} WHERE id = $1 AND version < ${version}", *case.values())
    names = [f'"{name}"' for name in step]
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    await conn.execute(
        f"INSERT INTO case_step ({', '.join(names)}) VALUES ({places}) ON CONFLICT DO NOTHING",
        *{**step, "data": json.dumps(step["data"])}.values(),
    )


Headers = Annotated[list[dict[str, str]], Context("message.batch_headers")]
Raw = Annotated[Any, Context("message.raw_message")]


@asynccontextmanager
async def faststream_batches(url: str, kafka: str, topic: str) -> AsyncIterator[Done]:
    """`batch=True`, acknowledged after the handler; a transaction a batch, its rows in as few statements as we use."""
    done = 0
    engine = create_async_engine(asynchronous(url))
    broker = KafkaBroker(kafka, logger=None)

    async def handle(bodies: list[dict[str, Any]], about: Headers, raw: Raw) -> None:
        nonlocal done
        made = [
            steps_of(h, body, r.topic, r.partition, r.offset) for h, body, r in zip(about, bodies, raw, strict=True)
        ]
        async with engine.begin() as conn:
            await _all(conn, made)
        done += len(made)

    broker.subscriber(
        topic,
        batch=True,
        max_records=500,
        group_id=f"bench-{secrets.token_hex(3)}",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.ACK,
    )(handle)

    await broker.start()
    try:
        yield lambda: done
    finally:
        await broker.stop()
        await engine.dispose()


@asynccontextmanager
async def faststream_messages(url: str, kafka: str, topic: str) -> AsyncIterator[Done]:
    """A message at a time, as most handlers are written: each in a transaction of its own."""
    done = 0
    engine = create_async_engine(asynchronous(url))
    broker = KafkaBroker(kafka, logger=None)

    async def handle(
        body: dict[str, Any], about: Annotated[dict[str, str], Context("message.headers")], raw: Raw
    ) -> None:
        nonlocal done
        async with engine.begin() as conn:
            await _all(conn, [steps_of(about, body, raw.topic, raw.partition, raw.offset)])
        done += 1

    broker.subscriber(
        topic, group_id=f"bench-{secrets.token_hex(3)}", auto_offset_reset="earliest", ack_policy=AckPolicy.ACK
    )(handle)
    await broker.start()
    try:
        yield lambda: done
    finally:
        await broker.stop()
        await engine.dispose()


async def _all(conn: AsyncConnection, made: list[tuple[str, Row, Row]]) -> None:
    """Inbox, cases and steps of these, in SQLAlchemy's words."""
    noted = insert(inbox).values([{"consumer": "peer", "event_id": e, "seen_at": s["at"]} for e, _, s in made])
    new = set((await conn.execute(noted.on_conflict_do_nothing().returning(inbox.c.event_id))).scalars())
    cases: dict[str, Row] = {}
    for event, case, _ in made:
        if event in new:
            cases.setdefault(case["id"], {}).update(case)
    alike: dict[tuple[str, ...], list[Row]] = {}
    for case in cases.values():
        alike.setdefault(tuple(sorted(case)), []).append(case)
    for names, rows in alike.items():
        await conn.execute(_case(t.cases, names), [{f"b_{n}": v for n, v in row.items()} for row in rows])
    steps = [step for event, _, step in made if event in new]
    if steps:
        await conn.execute(insert(t.step).on_conflict_do_nothing(), steps)


def _case(table: Table, names: tuple[str, ...]) -> Any:
    if "channel" in names:
        return insert(table).values({n: bindparam(f"b_{n}") for n in names}).on_conflict_do_nothing()
    changed: Row = {n: bindparam(f"b_{n}") for n in names if n != "id"}
    return (
        update(table).where(table.c.id == bindparam("b_id"), table.c.version < bindparam("b_version")).values(changed)
    )
