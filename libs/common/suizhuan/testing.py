"""Helpers for tests of a service: feed it records and events as the log would, without a log.

Nothing here is a mock: the service's real replica, handlers, unit of work and database do the work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from joserfc.jwk import ECKey
from sqlalchemy import delete, event, select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.authority import records
from suizhuan.authority.grants import to_grant
from suizhuan.authority.replica import Replica
from suizhuan.cloudevents import Event, decode, headers, unpack
from suizhuan.context import Context, new_id
from suizhuan.db import driver
from suizhuan.db.database import Database
from suizhuan.db.tables import grants, outbox
from suizhuan.inbox import Inbound
from suizhuan.kernel.area import overlap
from suizhuan.kernel.clock import Clock, utc_text
from suizhuan.kernel.rekeying import Move, Table
from suizhuan.kernel.term import LEAD, Grant
from suizhuan.partitioner import partition_for
from suizhuan.ports.log import Record
from suizhuan.settings import IssuerSettings
from suizhuan.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from suizhuan.service import Service


class Bench(Protocol):
    """What is needed of a service's `Parts`."""

    @property
    def name(self) -> str: ...
    @property
    def database(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def uow(self) -> UnitOfWork: ...
    @property
    def replica(self) -> Replica: ...


def issuer_in(folder: Path, issuer: str) -> tuple[ECKey, IssuerSettings]:
    """The key of an issuer, and the settings with which a service trusts it: its public keys are a file in `folder`."""
    key = ECKey.generate_key("P-256", {"kid": "k1"})
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}))
    return key, IssuerSettings(issuer=issuer, jwks_file=file)


def record(
    type_: str,
    data: object,
    *,
    key: str,
    time: datetime,
    topic: str | None = None,
    event_id: str | None = None,
    offset: int = 0,
    **attributes: object,
) -> Record:
    """A record as the relay would append it. `type_` is the full type, such as `finance.hold.placed.v1`."""
    value = asdict(data) if is_dataclass(data) and not isinstance(data, type) else data
    pairs = headers(
        [
            ("id", event_id or new_id()),
            ("source", type_.split(".", 1)[0]),
            ("type", type_),
            ("time", utc_text(time)),
            ("subject", key),
            *attributes.items(),
        ]
    )
    body = json.dumps(value, default=lambda v: utc_text(v) if isinstance(v, datetime) else list(v)).encode()
    name = topic or ".".join(type_.split(".")[:2])
    return Record(name, partition_for(key.encode(), 3), offset, key.encode(), body, pairs)


class Rekeyed(NamedTuple):
    """A switch by which areas get other codes, and the grants that were there when it opened."""

    switch: str
    table: Table
    about: dict[str, Any]
    grants: list[Grant]


@dataclass(slots=True)
class AuthorityLog:
    """Plays mandates for one service: every call applies the next record of the authority log to its replica."""

    parts: Bench
    sequence: int = 0
    terms: dict[tuple[str, str], int] = field(default_factory=dict)
    told: list[tuple[str, dict[str, Any], int]] = field(default_factory=list)

    async def apply(self, name: str, data: dict[str, Any], *, sequence: int | None = None) -> Event:
        """Apply one record; `sequence` may repeat an old one."""
        if sequence is None:
            self.sequence += 1
        number = self.sequence if sequence is None else sequence
        self.told.append((name, data, number))
        made = record(
            f"{name}.v1",
            data,
            key=str(number),
            time=self.parts.clock.now(),
            topic=records.TOPIC,
            sequence=number,
            offset=number,
        )
        applied = decode(made)
        async with self.parts.uow.begin(Context.of_event(self.parts.name, applied), limited=False) as tx:
            await self.parts.replica.apply(tx, applied)
        return applied

    async def again(self) -> None:
        """Every record that was applied here, once more from the first on."""
        for name, data, sequence in list(self.told):
            await self.apply(name, data, sequence=sequence)

    async def replica_id(self) -> str:
        async with self.parts.database.read() as conn:
            return f"{self.parts.name}:{await self.parts.database.incarnation(conn)}"

    async def beat(self, *, named: bool = True, sent_at: datetime | None = None) -> Event:
        """A beat that names this service's replica (or not)."""
        replicas = [await self.replica_id()] if named else []
        return await self.apply(
            records.BEAT, {"replicas": replicas, "sent_at": utc_text(sent_at or self.parts.clock.now())}
        )

    async def opened(self, switch: str, slots: Sequence[dict[str, Any]], why: str = "test", **more: Any) -> Event:
        return await self.apply(records.OPENED, {"switch": switch, "slots": list(slots), "why": why, **more})

    async def dropped(self, switch: str) -> Event:
        return await self.apply(records.DROPPED, {"switch": switch, "why": "test"})

    async def done(self, switch: str, slots: Sequence[dict[str, Any]], **more: Any) -> Event:
        return await self.apply(records.DONE, {"switch": switch, "slots": list(slots), "why": "test", **more})

    async def rekey(self, rekeys: Sequence[Mapping[str, Any]], *, rekeying: str | None = None) -> str:
        """Open and do the switch by which areas get other codes. Returns the switch."""
        opened = await self.rekey_opened(rekeys, rekeying=rekeying)
        await self.rekey_done(opened)
        return opened.switch

    async def rekey_opened(self, rekeys: Sequence[Mapping[str, Any]], *, rekeying: str | None = None) -> Rekeyed:
        """Open it, as mandates would with the grants that this replica has."""
        table = Table(Move(r["old"], r["new"], r.get("heir", True)) for r in rekeys)
        about = {"rekeys": [dict(r) for r in rekeys], "rekeying": rekeying}
        async with self.parts.database.read() as conn:
            rows = await conn.execute(select(grants).where(grants.c.live.is_(True)).order_by(grants.c.mandate))
            found = sorted(map(to_grant, rows), key=lambda g: len(g.area))
        yielding = [
            {"affair": g.affair, "area": max(code, g.area, key=len), "role": g.role, "mandate": g.mandate}
            for g in found
            for code in table.touched
            if overlap(code, g.area)
        ]
        switch = new_id()
        await self.opened(switch, yielding, "rekeying", **about)
        return Rekeyed(switch, table, about, found)

    async def rekey_done(self, opened: Rekeyed) -> None:
        """Every grant there follows, or ends."""
        gone: list[dict[str, Any]] = []
        come: list[dict[str, Any]] = []
        lost = opened.table.losers((g.mandate, g.affair, g.area) for g in opened.grants if g.role == LEAD)
        for g in opened.grants:
            area = None if g.mandate in lost else opened.table.grant(g.area)
            if area == g.area:
                continue
            slot = {"affair": g.affair, "role": g.role, "old": None, "new": None}
            held = {"mandate": g.mandate, "holder": g.holder, "term": g.term, "powers": sorted(g.powers)}
            gone.append({**slot, "area": g.area, "old": held})
            if area is not None:
                self.terms[g.affair, area] = g.term + 1
                times = {"starts_at": utc_text(self.parts.clock.now()), "ends_at": g.ends_at and utc_text(g.ends_at)}
                new = {**held, **times, "term": g.term + 1, "successor": g.successor}
                come.append({**slot, "area": area, "new": new})
        await self.done(opened.switch, [*gone, *come], **opened.about)
        await self.beat()

    def holding(
        self,
        mandate: str,
        holder: str,
        affair: str,
        area: str,
        powers: Iterable[str],
        *,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        successor: str | None = None,
    ) -> dict[str, Any]:
        """A `new` (or `old`) of a moved slot, under the slot's next term."""
        term = self.terms.get((affair, area), 0) + 1
        self.terms[affair, area] = term
        return {
            "mandate": mandate,
            "holder": holder,
            "term": term,
            "powers": sorted(powers),
            "starts_at": utc_text(starts_at or self.parts.clock.now()),
            "ends_at": utc_text(ends_at) if ends_at else None,
            "successor": successor,
        }

    async def grant(
        self,
        mandate: str,
        holder: str,
        affair: str,
        area: str,
        powers: Iterable[str],
        *,
        role: str = "lead",
        **more: Any,
    ) -> Event:
        """Open and do a switch that gives `holder` the slot, and send a beat."""
        slot = {"affair": affair, "area": area, "role": role}
        switch = new_id()
        await self.opened(switch, [slot])
        new = self.holding(mandate, holder, affair, area, powers, **more)
        done = await self.done(switch, [{**slot, "old": None, "new": new}])
        await self.beat()
        return done

    async def revoke(self, mandate: str, holder: str, affair: str, area: str, *, role: str = "lead") -> Event:
        """Open and do a switch that takes the slot away; the broader holder follows."""
        slot = {"affair": affair, "area": area, "role": role, "mandate": mandate}
        switch = new_id()
        await self.opened(switch, [slot])
        old = self.holding(mandate, holder, affair, area, [])
        done = await self.done(switch, [{**slot, "old": old, "new": None}])
        await self.beat()
        return done


async def feed(service: Service, made: Record, inbound: Inbound | None = None) -> None:
    """Handle one record in a transaction of its own, as the consumer would (without the inbox)."""
    heard = decode(made)
    target = inbound or service.inbound
    async with service.parts.uow.begin(Context.of_event(service.parts.name, heard), limited=False) as tx:
        if target.wants(heard):
            await target.handle(tx, heard)


@dataclass(frozen=True, slots=True)
class Published:
    """An event that waits in the outbox."""

    id: str
    name: str
    key: str
    data: dict[str, Any]
    attributes: dict[str, str]


async def published(parts: Bench, *, forget: bool = True) -> list[Published]:
    """What the service has emitted since the last call, in order."""
    async with parts.database.write() as conn:
        rows = (await conn.execute(select(outbox).order_by(outbox.c.id))).all()
        if forget and rows:
            await conn.execute(delete(outbox).where(outbox.c.id <= rows[-1].id))
    found = []
    for row in rows:
        attributes = {name[3:]: value.decode() for name, value in unpack(row.headers) if name.startswith("ce_")}
        name = attributes["type"].rsplit(".v", 1)[0]
        found.append(Published(row.event_id, name, row.key, json.loads(bytes(row.value)), attributes))
    return found


_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{20,}|[0-9a-f]{16,}")


def told_of(text: str, secrets: Iterable[str]) -> list[str]:
    """Those of the secrets that stand in a text. Short ones count outside of ids only, where they stand by chance."""
    plain = _IDS.sub("", text)
    return [secret for secret in secrets if secret in (text if len(secret) > 6 else plain)]


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that go to the database meanwhile, also those of the driver; BEGIN and COMMIT are one each."""
    said: list[str] = []
    engines = {database.engine.sync_engine, database._commands.sync_engine}
    driven = driver.fetch

    def statement(_conn: Any, _cursor: Any, sql: str, *_: Any) -> None:
        said.append(" ".join(sql.split()))

    async def by_the_driver(conn: AsyncConnection, sql: str, *values: object) -> list[Any]:
        statement(None, None, sql)
        return await driven(conn, sql, *values)

    def plain(word: str) -> Any:
        return lambda _conn: said.append(word)

    listened = [(engine, "before_cursor_execute", statement) for engine in engines]
    listened += [(database.engine.sync_engine, word.lower(), plain(word)) for word in ("BEGIN", "COMMIT")]
    for target, name, listener in listened:
        event.listen(target, name, listener)
    driver.fetch = by_the_driver
    try:
        yield said
    finally:
        driver.fetch = driven
        for target, name, listener in listened:
            event.remove(target, name, listener)
