"""What must hold in the end, read from Kafka and from the databases themselves, not from what a service answers."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]

from deploy.local.platform import Platform
from deploy.topology import BY_NAME, TOPICS
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.cloudevents import Event, decode
from suizhuan.ports.log import TopicPartition

Rows = list[asyncpg.Record]
QUIET_S = 60.0
LOOK_AGAIN_S = 0.1


async def rows(platform: Platform, service: str, query: str) -> Rows:
    """From the service's own database."""
    url = urlsplit(platform.database_url(service))._replace(scheme="postgresql").geturl()
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def caught_up(platform: Platform, kafka: str, service: str) -> None:
    """Returns when the service has published all it has to say, and has taken in all that was said to it.

    Errors: TimeoutError.
    """
    log = KafkaLog(kafka, security=platform.security())
    try:
        async with asyncio.timeout(QUIET_S):
            while await _behind(platform, log, service):  # noqa: ASYNC110 - of other processes
                await asyncio.sleep(LOOK_AGAIN_S)
    finally:
        await log.close()


async def quiet(platform: Platform, kafka: str) -> None:
    """Returns when nothing is on its way any more: twice in a row every service has caught up."""
    for _ in range(2):
        for service in platform.services:
            await caught_up(platform, kafka, service)


async def _behind(platform: Platform, log: KafkaLog, service: str) -> bool:
    if await rows(platform, service, "SELECT 1 FROM outbox WHERE topic <> 'mandates.authority' LIMIT 1"):
        return True
    for group, topics in BY_NAME[service].groups.items():
        known = {
            TopicPartition(r["topic"], r["partition"]): r["next_offset"]
            for r in await rows(platform, service, f"SELECT * FROM consumer_offset WHERE consumer = '{group}'")
        }
        for topic in topics:
            if topic == "mandates.authority":
                continue  # beats never end
            ends = await log.end_offsets(await log.partitions(topic))
            if any(known.get(tp, 0) < end for tp, end in ends.items()):
                return True
    return False


async def events(platform: Platform, kafka: str) -> list[Event]:
    """Everything on the log but the beats, in the order of each partition; repeats left out."""
    log = KafkaLog(kafka, security=platform.security())
    try:
        tps = [tp for t in TOPICS if t.name != "mandates.authority" for tp in await log.partitions(t.name)]
        ends = await log.end_offsets(tps)
        reader = await log.reader(dict.fromkeys(tps, 0))
        found: dict[str, Event] = {}
        try:
            while any(reader.position(tp) < ends[tp] for tp in tps):
                for batch in (await reader.poll(timeout=1.0, max_records=1000)).values():
                    for record in batch:
                        event = decode(record)
                        found.setdefault(event.id, event)
        finally:
            await reader.close()
        return list(found.values())
    finally:
        await log.close()


def named(found: Iterable[Event], *names: str) -> list[Event]:
    return [e for e in found if e.name in names]


async def whole(platform: Platform, kafka: str, under_way: Collection[str] = ()) -> list[Event]:
    """No command lost, none applied twice, every fen in its place. Returns all events.

    `under_way` are cases of a story that is not told to its end: money may be held for them."""
    await quiet(platform, kafka)
    for service in platform.services:
        assert await rows(platform, service, "SELECT * FROM dead_letter") == [], f"dead letters of {service}"
    found = await events(platform, kafka)
    _handovers_are_answered_once(found)
    _verified_cases_are_paid_once(found)
    _holds_come_to_one_end(found, under_way)
    await _the_ledger_is_what_was_said(platform, found)
    await _cases_are_what_was_said(platform, found)
    return found


def _handovers_are_answered_once(found: list[Event]) -> None:
    asked = {e.data["handover"] for e in named(found, "complaints.case.handover_requested")}
    answers = Counter(
        e.data["handover"] for e in named(found, "complaints.case.handed_over", "complaints.case.handover_refused")
    )
    assert answers == dict.fromkeys(asked, 1)


def _verified_cases_are_paid_once(found: list[Event]) -> None:
    verified = {e.data["case"] for e in named(found, "complaints.case.verified")}
    paid = Counter(e.data["case"] for e in named(found, "finance.case.paid", "finance.case.unpaid"))
    assert paid == dict.fromkeys(verified, 1)
    assert named(found, "finance.case.unpaid") == []


def _holds_come_to_one_end(found: list[Event], under_way: Collection[str]) -> None:
    placed = {e.data["hold"]: e.data for e in named(found, "finance.hold.placed")}
    per_movement = Counter((h["case"], h["ref"]) for h in placed.values())
    assert set(per_movement.values()) <= {1}
    ended: dict[str, int] = defaultdict(int)
    for event in named(found, "finance.hold.captured", "finance.hold.released"):
        ended[event.data["hold"]] += event.data["amount_fen"]
    still = {hold for hold, data in placed.items() if hold not in ended and data["case"] in under_way}
    assert ended == {hold: data["amount_fen"] for hold, data in placed.items() if hold not in still}


async def _the_ledger_is_what_was_said(platform: Platform, found: list[Event]) -> None:
    said: dict[tuple[str, str, str], int] = defaultdict(int)
    posted = named(found, "finance.entry.posted")
    for event in posted:
        for line in event.data["lines"]:
            said[line["org"], line["account"], line["earmark"] or ""] += line["amount_fen"]
        for org in {line["org"] for line in event.data["lines"]}:
            assert sum(x["amount_fen"] for x in event.data["lines"] if x["org"] == org) == 0, event.data
    total = "sum(amount_fen)::bigint AS fen"
    query = f"SELECT org, account, coalesce(earmark, '') AS earmark, {total} FROM line GROUP BY 1, 2, 3"
    booked = {(r["org"], r["account"], r["earmark"]): r["fen"] for r in await rows(platform, "finance", query)}
    assert booked == said
    assert sum(booked.values()) == 0
    assert (await rows(platform, "finance", "SELECT count(*) AS n FROM entry"))[0]["n"] == len(posted)


async def _cases_are_what_was_said(platform: Platform, found: list[Event]) -> None:
    responsible: dict[str, tuple[str, int]] = {}
    moves = {"routed": "responsible", "handed_over": "receiver", "returned": "to", "repointed": "to"}
    names = [f"complaints.case.{kind}" for kind in moves]
    for event in sorted(named(found, *names), key=lambda e: e.sequence):
        responsible[event.data["case"]] = (event.data[moves[event.name.rpartition(".")[2]]], event.data["case_term"])
    query = "SELECT id, responsible, case_term FROM complaint_case WHERE responsible IS NOT NULL"
    stored = {r["id"]: (r["responsible"], r["case_term"]) for r in await rows(platform, "complaints", query)}
    assert stored == responsible
    reported = Counter(e.data["case"] for e in named(found, "complaints.case.reported"))
    cases = await rows(platform, "complaints", "SELECT id FROM complaint_case")
    assert reported == dict.fromkeys((r["id"] for r in cases), 1)
