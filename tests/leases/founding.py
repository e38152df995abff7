"""The world of the simulation before it begins: one affair, its owner, a community, a firm, and perhaps a case."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

import complaints.app
import finance.app
import mandates.app
from complaints import desk as case_desk
from complaints import store as case_store
from complaints.domain import intake
from finance import store as money_store
from finance.domain.facts import Line
from mandates import store, timers
from mandates import store_switches as switches
from mandates.bootstrap import bootstrap
from mandates.domain import ending
from mandates.domain.mandate import ACTIVE, FUNDED, Change, Mandate
from mandates.domain.switch import ENDING as TO_END
from suizhuan.authority.replica import Replica, ReplicaAcknowledged, ReplicaJoined
from suizhuan.commands import Command
from suizhuan.context import Context
from suizhuan.db.tables import platform
from suizhuan.events import EventRegistry
from suizhuan.identity import Identity
from suizhuan.kernel.rekeying import Move
from suizhuan.kernel.worktime import Limit
from suizhuan.metrics import Metrics
from suizhuan.profile import Profile, load_profile
from suizhuan.seed import Seed
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings
from suizhuan.unit_of_work import Authority, Tx, UnitOfWork

from .processes import Process, SimClock
from .store import Contents, SimDatabase, drive

AFFAIR, HANDLE = "env.exposed-rubbish", "complaints.case.handle"
DISTRICT, STREET, NANGUAN, XIANGLI = "321302", "321302002", "321302002907", "321302002909"
PLACE = NANGUAN + "001"
MERGED = "321302002911"
# Two communities become one under a new code, of which 南关 is the heir; a point of the other one before and after.
MERGE = (Move(NANGUAN, MERGED), Move(XIANGLI, MERGED, heir=False))
THERE, THEN = XIANGLI + "001", MERGED + "001"
DEPT, COMMUNITY, OTHER, FIRM = "dept-sanitation", "community-nanguan", "community-xiangli", "firm-jiecheng"
ROOT, LEAD, BESIDE, WIDER, ASSIST = f"root:{AFFAIR}", "m-nanguan", "m-xiangli", "m-street", "m-jiecheng"
CASE = "00000000-0000-4000-8000-000000000001"
PRICE = 8_000
PLAIN, SKEWED = (Path(__file__).with_name(f"{name}.yaml") for name in ("plain", "skewed"))


@lru_cache(maxsize=2)
def profile(path: Path) -> Profile:
    return load_profile(path)


def _words(text: str) -> dict[str, str]:
    return {"zh": text, "en": text}


SEED = Seed.model_validate(
    {
        "profile": "demonstration",
        "areas": [],
        "organisations": [
            {"id": DEPT, "kind": "department", "areas": [DISTRICT], "name": _words(DEPT)},
            {"id": COMMUNITY, "kind": "community", "areas": [NANGUAN], "name": _words(COMMUNITY)},
            {"id": OTHER, "kind": "community", "areas": [XIANGLI], "name": _words(OTHER)},
            {"id": FIRM, "kind": "company", "areas": [STREET], "name": _words(FIRM)},
        ],
        "staff": [],
        "residents": [],
        "affairs": [
            {
                "code": AFFAIR,
                "name": _words(AFFAIR),
                "list": "own",
                "owner": DEPT,
                "powers": [HANDLE],
                "owner_powers": ["mandates.mandate.place"],
                "basis": "per_case",
            }
        ],
        "mandates": [],
        "entries": [],
    }
)


def settings(name: str, profile: Path) -> ServiceSettings:
    return ServiceSettings(service=name, data_dir=Path("/nonexistent"), profile=str(profile))


def placed(mandate: str, holder: str, area: str, now: Any, *, role: str = "lead", days: float = 100) -> Mandate:
    """A mandate that is funded and about to be switched in."""
    return Mandate(
        id=mandate,
        affair=AFFAIR,
        area=area,
        role=role,
        giver=DEPT,
        holder=holder,
        powers=(HANDLE,),
        staff=("somebody",),
        starts_at=now,
        ends_at=now + timedelta(days=days),
        basis="per_case",
        amount_fen=0,
        replaces=None,
        emergency=None,
        state=FUNDED,
        version=1,
        created_at=now,
        admitted_by=DEPT,
        earmark=mandate,
    )


class Mandates:
    """Mandates, and what is commanded of it."""

    def __init__(self, profile: Path, clock_error: float, incarnation: str = "postgres:1") -> None:
        database = SimDatabase(incarnation)
        clock = SimClock(clock_error)
        self.service = mandates.app.build(
            settings("mandates", profile), broker=_no_log(), clock=clock, database=database
        )
        beats, waits = self.service.extra
        self.waits: Any = waits
        own = {"place": self.place, "end": self.end, "withdraw": self.withdraw, "beat": beats.step, "found": self.found}  # type: ignore[attr-defined]
        own["rekey"] = self.rekey
        self.process = Process(
            "mandates", self.service.parts, self.service.inbound, self.service.deadlines, own, self.look
        )

    async def found(self) -> None:
        await bootstrap(self.service, SEED)

    async def place(self, mandate: str, holder: str, area: str, role: str = "lead", days: float = 100) -> None:
        """A mandate has been funded: its slot is switched as soon as its row is carried out."""
        async with self._transaction(f"place:{mandate}") as tx:
            wanted = placed(mandate, holder, area, tx.now, role=role, days=days)
            after = await store.save(tx, Change(wanted, ()), new=True)
            await timers.watch_planned_end(tx, after)
            await timers.activate_when_it_starts(tx, after)

    async def end(self, mandate: str) -> None:
        """The giver ends it early, if it is active and nothing else is under way."""
        async with self._transaction(f"end:{mandate}") as tx:
            found = await store.mandate(tx.conn, mandate, lock=True)
            if found.state != ACTIVE or await switches.under_way(tx.conn, mandate) is not None:
                return
            after = await store.save(tx, ending.end_early(found, reason="test", now=tx.now))
            await self.service.app.state.switching.request(tx, after, TO_END, "test")

    async def withdraw(self, mandate: str) -> None:
        """The giver takes it back, if it has not begun. Errors: `wrong_state`."""
        async with self._transaction(f"withdraw:{mandate}") as tx:
            found = await store.mandate(tx.conn, mandate, lock=True)
            await store.save(tx, ending.withdraw(found, now=tx.now))

    async def rekey(self) -> None:
        """Population has announced that the two communities become one."""
        async with self._transaction("rekey") as tx:
            await self.service.app.state.rekeyings.request(tx, "r-1", MERGE)

    async def look(self) -> None:
        """The waits of open switches: what `SwitchWaits` remembers is the process's memory."""
        self.waits._since = dict(self.process.memory)
        await self.waits.look()
        self.process.memory.clear()
        self.process.memory.update(self.waits._since)

    def _transaction(self, cause: str) -> Any:
        return self.service.parts.uow.begin(Context.of_system("mandates", cause), limited=False)


class Complaints:
    """Complaints, with one case, and what is commanded of it."""

    def __init__(self, profile: Path, clock_error: float, incarnation: str = "postgres:2") -> None:
        database = SimDatabase(incarnation)
        clock = SimClock(clock_error)
        self.service = complaints.app.build(
            settings("complaints", profile), broker=_no_log(), clock=clock, database=database
        )
        own = {"report": self.report, "hand_over": self.hand_over, "give_back": self.give_back}
        self.process = Process("complaints", self.service.parts, self.service.inbound, self.service.deadlines, own)

    def _command(self, org: str) -> Command:
        identity = Identity("somebody", "staff", org, None, frozenset(), "test")
        return Command(self.service.parts.uow, identity, None, None, "")

    async def report(self) -> None:
        """The case comes in and is routed."""
        rules = self.service.app.state.rules
        personal = case_store.Personal("r", None, None, None, "")

        async def report(tx: Tx) -> None:
            reported = intake.report(
                case=CASE,
                category="01-02",
                affair=AFFAIR,
                area=PLACE,
                channel="wechat",
                limit=Limit(20, "WD"),
                price_fen=PRICE,
                now=tx.now,
                clockwork=rules.clockwork,
            )
            found = await case_desk.try_to_route(tx, rules, reported.case)
            assert found is not None
            routed, grant = found
            await case_store.add_case(tx, [(reported, None, None), (routed, Authority.of(grant), None)], personal)

        await self.service.parts.uow.decide(Context.of_system("complaints", "report"), report)

    async def hand_over(self, org: str, to: str) -> None:
        """The responsible organisation asks to hand the case over. Errors: those of `Handovers.request`."""
        command = self._command(org)
        handovers = self.service.app.state.handovers

        async def ask(tx: Tx) -> None:
            await handovers.request(tx, command, CASE, to, None, None)

        await self.service.parts.uow.decide(command.context, ask)

    async def give_back(self, org: str) -> None:
        """The responsible organisation returns the case. Errors: those of `Handovers.give_back`."""
        command = self._command(org)
        handovers = self.service.app.state.handovers

        async def back(tx: Tx) -> None:
            await handovers.give_back(tx, command, CASE, None)

        await self.service.parts.uow.decide(command.context, back)


class Finance:
    """Finance, with money for everything or for nothing."""

    def __init__(self, profile: Path, clock_error: float, incarnation: str = "postgres:3") -> None:
        database = SimDatabase(incarnation)
        clock = SimClock(clock_error)
        self.service = finance.app.build(settings("finance", profile), broker=_no_log(), clock=clock, database=database)
        self.process = Process("finance", self.service.parts, self.service.inbound, {}, {"budget": self.budget})

    async def budget(self, org: str, fen: int) -> None:
        """An opening balance."""
        roles = self.service.app.state.money.roles
        async with self.service.parts.uow.begin(Context.of_system("finance", "budget"), limited=False) as tx:
            lines = [
                Line(org=org, account=roles.bank, earmark=None, amount_fen=fen),
                Line(org=org, account=roles.subsidy, earmark=None, amount_fen=-fen),
            ]
            await money_store.post(tx, lines, kind="opening", cause="budget", memo="opening")


class Gateway:
    """The smallest service that keeps a replica and acts by it: nothing but the platform's tables."""

    def __init__(self, path: Path, clock_error: float, incarnation: str = "postgres:4") -> None:
        self.database = SimDatabase(incarnation, single_writer=incarnation.startswith("sqlite"))
        self.clock = SimClock(clock_error)
        self.name = "gateway"
        registry = EventRegistry("gateway")
        topic = registry.topic("gateway.replica")
        registry.register(topic, ReplicaJoined, "replica.joined")
        registry.register(topic, ReplicaAcknowledged, "replica.acknowledged")
        metrics = Metrics(CollectorRegistry(), "gateway")
        self.uow = UnitOfWork(self.database, registry, self.clock, profile(path).authority.timing, metrics)
        self.replica = Replica("gateway", self.database)
        self.process = Process("gateway", self, steps={"act": self.act})

    async def act(self, org: str, place: str = PLACE) -> None:
        """An act that writes nothing but itself. Errors: those of acting."""

        async def work(tx: Tx) -> None:
            await tx.act(HANDLE, AFFAIR, place, org)

        await self.uow.decide(Context("somebody", org, "c"), work)


_migrated: dict[str, bytes] = {}


def migrated(made: Service) -> Contents:
    """The contents of a service's new database, with its tables made (once; then copied)."""
    database: SimDatabase = made.parts.database  # type: ignore[assignment]
    known = _migrated.get(made.parts.name)
    if known is None:
        drive(made.migrate())
        _migrated[made.parts.name] = database.raw.serialize()
    else:
        database.raw.deserialize(known)
    return database.everything()


def bare(database: SimDatabase) -> Contents:
    """The contents of a new database with the platform's tables only."""

    async def make() -> None:
        async with database.write() as conn:
            await conn.run_sync(platform.create_all)

    drive(make())
    return database.everything()


def _no_log() -> Any:
    class NoLog:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"the log was asked for {name}")

    return NoLog()
