"""Finance restored from a backup: it takes over from its log what the backup lacks, and pays on (authority.md §5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from finance import store
from finance import tables as t
from finance.app import build
from finance.bootstrap import bootstrap
from finance.domain.facts import Line
from finance.domain.ledger import Roles
from suizhuan import ahead
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.cloudevents import Event, decode
from suizhuan.context import Context
from suizhuan.db.tables import consumer_offset, dead_letter, outbox
from suizhuan.kernel.clock import SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Appended, Log, LogProducer, LogUnavailable, NewRecord, TopicPartition, TopicSpec
from suizhuan.reconcile_command import reconcile
from suizhuan.seed import load_seed
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import record
from suizhuan.testing_databases import Databases

if TYPE_CHECKING:
    from deploy.local import Kafka

Backup = Callable[[str], Awaitable[str]]
SEED = Path(__file__).parents[3] / "deploy" / "seed" / "xiangli.seed.yaml"
GIVER, HOLDER, FIRM = "dept-sanitation", "community-nanguan", "firm-jiecheng"
PRICE, WAIT_S = 80_000, 60
HEARD = ("complaints.case", "mandates.mandate", "mandates.organisation", "mandates.authority")
LEDGER = (t.entry, t.line, t.balance, t.earmark, t.hold, t.given_up, t.case_money, t.tariff)


class Withholding:
    """A log whose producers do not take records of some topics, as when a broker of theirs is away."""

    def __init__(self, log: Log, *topics: str) -> None:
        self._log, self._topics = log, topics

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def producer(self, client_id: str) -> LogProducer:
        real, topics = await self._log.producer(client_id), self._topics

        class Producer:
            async def append(self, records: Sequence[NewRecord]) -> Appended:
                taken = [r for r in records if r.topic not in topics]
                offsets = iter((await real.append(taken)).offsets)
                away = {TopicPartition(r.topic, r.partition): LogUnavailable("away") for r in records if r not in taken}
                return Appended([None if r.topic in topics else next(offsets) for r in records], dict(away))

            async def close(self) -> None:
                await real.close()

        return Producer()


class Stage:
    """A log with what mandates and complaints say, and finance on it, on one database after the other."""

    def __init__(self, log: Log, folder: Path) -> None:
        self.log, self.folder = log, folder

    @asynccontextmanager
    async def finance(self, url: str, log: Log | None = None) -> AsyncIterator[Service]:
        settings = load_settings(ServiceSettings, "finance", database_url=url, data_dir=self.folder)
        service = build(settings, broker=log or self.log)
        await service.migrate()
        await bootstrap(service, load_seed(SEED, service.parts.profile))
        await service.start()
        try:
            yield service
        finally:
            await service.stop()
            await service.close()

    async def say(self, *told: tuple[str, str, dict[str, Any]]) -> None:
        producer = await self.log.producer("others")
        made = [record(f"{name}.v1", data, key=key, time=SystemClock().now()) for name, key, data in told]
        await producer.append([NewRecord(r.topic, r.partition, r.key, r.value, r.headers) for r in made])
        await producer.close()

    async def said(self, *topics: str) -> list[Event]:
        """What finance has put on the log."""
        tps = [tp for topic in topics or OWN for tp in await self.log.partitions(topic)]
        wanted = sum((await self.log.end_offsets(tps)).values())
        found: list[Event] = []
        if wanted:
            reader = await self.log.reader(dict.fromkeys(tps, 0))
            while len(found) < wanted:
                found += [decode(r) for rs in (await reader.poll(timeout=1, max_records=500)).values() for r in rs]
            await reader.close()
        return found

    async def caught_up(self, service: Service) -> bool:
        """It has handled everything that was said to it, and everything it says is on the log."""
        tps = [tp for topic in service.inbound.topics for tp in await self.log.partitions(topic)]
        ends = await self.log.end_offsets(tps)
        async with service.parts.database.read() as conn:
            rows = await conn.execute(select(consumer_offset).where(consumer_offset.c.consumer == "finance"))
            read = {TopicPartition(r.topic, r.partition): r.next_offset for r in rows}
            waits = (await conn.execute(select(outbox.c.id))).first()
        return waits is None and all(read.get(tp, 0) >= end for tp, end in ends.items())


OWN = ("finance.entry", "finance.earmark", "finance.hold", "finance.tariff")


async def until(true: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await true():
            await SystemClock().sleep(0.02)


async def ledger(service: Service) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table of the ledger."""
    async with service.parts.database.read() as conn:
        return {
            table.name: sorted((tuple(row) for row in await conn.execute(select(table))), key=repr) for table in LEDGER
        }


async def locked(service: Service) -> set[tuple[str, str]]:
    async with service.parts.database.read() as conn:
        return {(row.topic, row.key) for row in await ahead.aggregates(conn, limit=1000)}


async def recovered(service: Service) -> None:
    async def done() -> bool:
        return service.recovering is None

    await until(done)


def admitted(mandate: str, amount: int) -> tuple[str, str, dict[str, Any]]:
    data = {"mandate": mandate, "giver": GIVER, "holder": HOLDER, "basis": "per_case", "amount_fen": amount}
    return "mandates.mandate.admitted", mandate, data


def requested(case: str, handover: str, mandate: str = "m1") -> tuple[str, str, dict[str, Any]]:
    data = {"case": case, "case_term": 1, "handover": handover, "giver": HOLDER, "mandate": mandate}
    return "complaints.case.handover_requested", case, {**data, "needed_fen": PRICE}


def verified(case: str) -> tuple[str, str, dict[str, Any]]:
    data = {"case": case, "case_term": 2, "responsible": FIRM, "mandate": "m1", "owner": GIVER, "price_fen": PRICE}
    return "complaints.case.verified", case, data


def refused(case: str, handover: str) -> tuple[str, str, dict[str, Any]]:
    return "complaints.case.handover_refused", case, {"case": case, "handover": handover}


async def journal(service: Service, memo: str) -> str:
    """Somebody posts an entry; its id."""
    lines = [
        Line(org=HOLDER, account="502", earmark=None, amount_fen=1000),
        Line(org=HOLDER, account=service.app.state.money.roles.bank, earmark=None, amount_fen=-1000),
    ]
    made: list[str | None] = []

    async def posted() -> bool:
        """A backup cuts the connections, so the first try may find one that is closed."""
        try:
            async with service.parts.uow.begin(Context("staff:1", HOLDER, "c1")) as tx:
                made[:] = [await store.post(tx, lines, kind="journal", cause=memo, memo=memo, approved_by="staff:2")]
        except Refusal as refusal:
            assert refusal.code == "unavailable"
            return False
        return True

    await until(posted)
    assert made[0] is not None
    return made[0]


async def prepared(stage: Stage, service: Service) -> None:
    """What is in the backup: an earmark, and an open hold for c1."""
    await stage.say(admitted("m1", 10 * PRICE))
    await until(lambda: stage.caught_up(service))
    await stage.say(requested("c1", "h1"), requested("c0", "h0"))
    await until(lambda: stage.caught_up(service))


async def since_the_backup(stage: Stage, service: Service) -> str:
    """c1 is paid from its hold, c0 called off, c2 held, c4 held and called off, m2 funded, and somebody posts an entry;
    its id."""
    entry = await journal(service, "purchase")
    await stage.say(verified("c1"), requested("c2", "h2"), refused("c0", "h0"), admitted("m2", 3 * PRICE))
    await stage.say(requested("c4", "h4"), refused("c4", "h4"))
    await until(lambda: stage.caught_up(service))
    return entry


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    log = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    await log.ensure_topics([TopicSpec(name, 1 if name == "mandates.authority" else 3) for name in HEARD])
    yield Stage(log, tmp_path)
    await log.close()


def twice(events: Iterable[Event]) -> list[str]:
    ids = [event.id for event in events]
    return sorted({i for i in ids if ids.count(i) > 1})


async def restored_and_paid_on(stage: Stage, url: str, backup: Backup) -> None:
    """The whole story; on every log and database."""
    async with stage.finance(url) as service:
        await prepared(stage, service)
        then, copy = len(await stage.said()), await backup(url)
        entry = await since_the_backup(stage, service)
        as_it_was = await ledger(service)
    published = await stage.said()

    async with stage.finance(copy) as service:
        await recovered(service)
        behind = await locked(service)
        holds = {("finance.hold", case) for case in ("c0", "c1", "c2", "c4")}
        assert {*holds, ("finance.earmark", "m2"), ("finance.entry", entry)} < behind
        assert ("finance.earmark", "m1") not in behind
        with pytest.raises(Refusal, match="aggregate_behind_log"):
            async with service.parts.uow.begin(Context("staff:1", None, "c"), limited=False) as tx:
                await service.app.state.money.give_up(tx, "h1", "c1", "refused")
        await until(lambda: says_that_it_is_behind(service))
        assert await ledger(service) != as_it_was

        done = await service.reconciler.adopt(Context("operator", None, "reconciled"), "the disk was lost")
        assert (done.events, done.left, done.why) == (len(published) - then, 0, None)
        assert await ledger(service) == as_it_was
        await until(lambda: stage.caught_up(service))
        assert await ledger(service) == as_it_was  # also when everything was heard once more

        await stage.say(verified("c2"), requested("c3", "h3"))
        await until(lambda: stage.caught_up(service))
        async with service.parts.database.read() as conn:
            assert (await conn.execute(select(dead_letter))).all() == []
        assert await earmark(service, "m1") == (10 * PRICE, 2 * PRICE, 0, PRICE)
    every = await stage.said()
    assert twice(every) == []
    assert paid(every) == ["c1", "c2"]
    (audit,) = await stage.said("finance.reconciliation")
    assert (audit.data["action"], audit.data["left"], audit.attribute("actor")) == ("adopt", 0, "operator")


async def says_that_it_is_behind(service: Service) -> bool:
    return "behind the log" in (await service._work_ready() or "")


async def earmark(service: Service, mandate: str) -> tuple[int, int, int, int]:
    """Its amount, and what of it is captured, returned, held."""
    async with service.parts.database.read() as conn:
        found = await store.earmark(conn, mandate)
    assert found is not None
    return found.amount_fen, found.captured_fen, found.returned_fen, found.held_fen


def paid(events: Iterable[Event]) -> list[str]:
    return sorted(e.data["case"] for e in events if e.name == "finance.case.paid")


async def test_it_takes_over_what_the_backup_lacks_and_pays_on(stage: Stage, database_url: str, backup: Backup) -> None:
    await restored_and_paid_on(stage, database_url, backup)


@pytest.mark.real
async def test_it_takes_over_what_the_backup_lacks_and_pays_on_with_kafka(
    own_kafka: Callable[[], Kafka], postgres_databases: Databases, tmp_path: Path
) -> None:
    kafka = KafkaLog((await asyncio.to_thread(own_kafka)).url)
    await kafka.ensure_topics([TopicSpec(name, 1 if name == "mandates.authority" else 3) for name in HEARD])
    try:
        url = await postgres_databases.empty()
        await restored_and_paid_on(Stage(kafka, tmp_path), url, postgres_databases.copy_of)
    finally:
        await kafka.close()


async def test_of_a_payment_that_had_reached_the_log_in_part_the_rest_is_said(
    stage: Stage, database_url: str, backup: Backup
) -> None:
    """Its entry was published, its capture was not: it is neither forgotten nor paid twice."""
    async with stage.finance(database_url) as service:
        await prepared(stage, service)
        copy = await backup(database_url)
    before = len(await stage.said())
    async with stage.finance(database_url, Withholding(stage.log, "finance.hold")) as service:  # type: ignore[arg-type]
        await stage.say(verified("c1"))

        async def published() -> bool:
            return len(await stage.said("finance.entry", "finance.earmark", "finance.tariff")) > before - 2

        await until(published)
        as_it_was = await ledger(service)
    assert paid(await stage.said()) == []

    async with stage.finance(copy) as service:
        await recovered(service)
        (alone,) = await locked(service)
        assert alone[0] == "finance.entry"
        assert (await service.reconciler.adopt(Context("operator", None, "r1"), "crashed")).left == 0
        assert await ledger(service) == as_it_was
        await until(lambda: stage.caught_up(service))
        assert await ledger(service) == as_it_was
    every = await stage.said()
    assert (paid(every), twice(every)) == (["c1"], [])
    assert [e.data["case"] for e in every if e.name == "finance.hold.captured"] == ["c1"]


async def test_where_it_would_come_out_otherwise_it_stops_and_stays_locked_from_there(
    stage: Stage, database_url: str, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage.finance(database_url) as service:
        await prepared(stage, service)
        copy = await backup(database_url)
        entry = await since_the_backup(stage, service)
    async with stage.finance(copy) as service:
        await recovered(service)
        with monkeypatch.context() as patched:
            patched.setattr(service.app.state.money, "roles", Roles(**dict.fromkeys(Roles.__slots__, "502")))
            done = await service.reconciler.adopt(Context("operator", None, "r1"), "with other rules")
        assert done.why is not None
        assert "leads to something else" in done.why
        assert done.left > 0
        assert done.events >= 1  # the entry that somebody posted, before it
        assert ("finance.entry", entry) not in await locked(service)
        assert (await service.reconciler.adopt(Context("operator", None, "r2"), "with the right ones")).left == 0
        await until(lambda: stage.caught_up(service))
    assert twice(await stage.said()) == []


async def test_an_entry_of_a_person_can_be_taken_back_and_what_follows_from_events_cannot(
    stage: Stage, database_url: str, backup: Backup, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stage.finance(database_url) as service:
        await prepared(stage, service)
        books, copy = (await ledger(service))["balance"], await backup(database_url)
        entry = await journal(service, "by mistake")
        await stage.say(requested("c2", "h2"))
        await until(lambda: stage.caught_up(service))
    async with stage.finance(copy) as service:
        await recovered(service)
        await reconcile(service, [])
        assert f"finance.entry  {entry}  +1  →1" in capsys.readouterr().out
        with pytest.raises(SystemExit, match="cannot_reverse"):
            await reconcile(service, ["reverse", "finance.hold", "c2", "why not"])
        await reconcile(service, ["reverse", "finance.entry", entry, "never bought"])
        assert "reverse: events 已处理 1, left 仍锁定 1" in capsys.readouterr().out
        with pytest.raises(SystemExit, match="not_found"):
            await reconcile(service, ["reverse", "finance.entry", entry, "once more"])
        await reconcile(service, ["adopt", "the rest"])
        assert "adopt: events 已处理 1, left 仍锁定 0" in capsys.readouterr().out
        await until(lambda: stage.caught_up(service))
        assert [row for row in (await ledger(service))["balance"] if row[-1]] == [row for row in books if row[-1]]
    taken_back = [e for e in await stage.said("finance.entry") if e.data["kind"] == "reversal"]
    assert [e.data["cause"] for e in taken_back] == [f"reverse:{entry}"]


@pytest.mark.parametrize("words", [["adopt"], ["burn", "x"], ["reverse", "finance.entry", "x"]])
async def test_a_command_line_that_is_not_understood_says_how_to_use_it(
    stage: Stage, tmp_path: Path, words: list[str]
) -> None:
    async with stage.finance(f"sqlite+aiosqlite:///{tmp_path}/f.db") as service:
        with pytest.raises(SystemExit, match=r"reconcile \[adopt REASON"):
            await reconcile(service, words)
