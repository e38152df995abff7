"""The queries of every aggregate: one way to find, lock, add and save them all. Others are in `store_people`,
`store_service`, `store_views` and `store_gauges`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any, Generic, TypeVar

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx
from volunteers import tables as t
from volunteers.domain.activity import Activity
from volunteers.domain.change import Aggregate, Change
from volunteers.domain.course import Course
from volunteers.domain.pairing import Pairing
from volunteers.domain.shift import Shift
from volunteers.domain.team import Team
from volunteers.domain.volunteer import Volunteer

A = TypeVar("A", bound=Aggregate)


class Kept(Generic[A]):
    """An aggregate and its table: each column is the field of that name. The statements are made once."""

    def __init__(self, table: Table, kind: type[A], what: str) -> None:
        self.table, self.kind, self.what = table, kind, what
        self.names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
        self.columns = [table.c[name] for name in self.names]
        self._tuples = frozenset(f.name for f in fields(kind) if str(f.type).startswith("tuple"))  # type: ignore[arg-type]
        found = select(*self.columns).where(table.c.id == bindparam("b_id"))
        self._find, self._lock = Query(found), Query(found.with_for_update())
        self._add = insert(table)
        self._put = upsert(table, "id")
        self._save = (
            update(table)
            .where(table.c.id == bindparam("b_id"), table.c.version == bindparam("b_read"))
            .values({name: bindparam(f"b_{name}") for name in self.names if name != "id"})
        )

    def of(self, row: Sequence[Any]) -> A:
        values = dict(zip(self.names, row, strict=True))
        return self.kind(**{n: tuple(v) if n in self._tuples else v for n, v in values.items()})

    def row(self, state: A) -> dict[str, Any]:
        found = {name: getattr(state, name) for name in self.names}
        return {n: list(v) if n in self._tuples else v for n, v in found.items()}

    async def find(self, conn: AsyncConnection, id_: str, *, lock: bool = False) -> A | None:
        row = await (self._lock if lock else self._find).first(conn, b_id=id_)
        return self.of(row) if row is not None else None

    async def get(self, conn: AsyncConnection, id_: str, *, lock: bool = False) -> A:
        """Errors: `not_found`."""
        found = await self.find(conn, id_, lock=lock)
        if found is None:
            raise Refusal("not_found", what=self.what, id=id_)
        return found

    async def take(self, tx: Tx, id_: str) -> A:
        """To be changed: locked, or looked at again when it is written. Errors: `not_found`."""
        return await self.get(tx.conn, id_, lock=tx.locks)

    async def add(self, tx: Tx, change: Change[A], authority: Authority | None = None, org: str | None = None) -> A:
        """A new one, and its facts."""
        await tx.write(self._add, self.row(change.state))
        return self._tell(tx, change, authority, org)

    async def save(self, tx: Tx, change: Change[A], authority: Authority | None = None, org: str | None = None) -> A:
        """Write it over the version that was read, and publish its facts; where there are none nothing is done."""
        if not change.facts:
            return change.state
        row = {f"b_{name}": value for name, value in self.row(change.state).items()}
        row["b_read"] = change.state.version - len(change.facts)
        await tx.write(self._save, row, decides=True)
        return self._tell(tx, change, authority, org)

    async def put(self, tx: Tx, state: A) -> None:
        """As it is, without a word: what a restore takes over is on the log already."""
        await tx.write(self._put, self.row(state))

    def _tell(self, tx: Tx, change: Change[A], authority: Authority | None, org: str | None) -> A:
        first = change.state.version - len(change.facts) + 1
        for index, fact in enumerate(change.facts):
            state = change.state
            tx.emit(fact, key=state.id, sequence=first + index, area=state.area, authority=authority, org=org)
        return change.state

    async def page(
        self, conn: AsyncConnection, *, before: str, limit: int, area: str | None = None, **equal: Any
    ) -> list[A]:
        """The newest first (ids rise with time); `area` and all in it; None means any."""
        where: list[Any] = [self.table.c.id < before] if before else []
        where += [self.table.c[name] == value for name, value in equal.items() if value is not None]
        if area is not None:
            where.append(self.table.c.area.startswith(area, autoescape=True))
        query = select(*self.columns).where(*where).order_by(self.table.c.id.desc()).limit(limit)
        return [self.of(row) for row in await conn.execute(query)]

    async def where(self, conn: AsyncConnection, *conditions: Any, lock: bool = False) -> list[A]:
        """All of them, by id; locked in that order."""
        query = select(*self.columns).where(*conditions).order_by(self.table.c.id)
        return [self.of(row) for row in await conn.execute(query.with_for_update() if lock else query)]


VOLUNTEER = Kept(t.volunteers, Volunteer, "volunteer")
TEAM = Kept(t.teams, Team, "team")
ACTIVITY = Kept(t.activities, Activity, "activity")
SHIFT = Kept(t.shifts, Shift, "shift")
COURSE = Kept(t.courses, Course, "course")
PAIRING = Kept(t.pairings, Pairing, "pairing")

_TITLE = upsert(t.titles, "ref")


async def put_title(tx: Tx, ref: str, title: str) -> None:
    await tx.write(_TITLE, {"ref": ref, "title": title})


async def titles(conn: AsyncConnection, refs: Collection[str]) -> dict[str, str]:
    """What they are called; those that a restore has lost are not among them."""
    rows = await conn.execute(select(t.titles).where(t.titles.c.ref.in_(sorted(refs))))
    return {row.ref: row.title for row in rows}


# --- what is heard ----------------------------------------------------------------------------------------------------


_ENDED = upsert(t.ended_mandates, "mandate")
_CLOSED = upsert(t.closed_files, "file")


async def note_ended(tx: Tx, mandate: str, ended_at: object) -> None:
    await tx.write(_ENDED, {"mandate": mandate, "ended_at": ended_at})


async def has_ended(conn: AsyncConnection, mandate: str) -> bool:
    """Whether it was heard that the mandate is over."""
    query = select(t.ended_mandates.c.mandate).where(t.ended_mandates.c.mandate == mandate)
    return (await conn.execute(query)).first() is not None


async def note_closed(tx: Tx, file: str) -> None:
    await tx.write(_CLOSED, {"file": file})


async def file_closed(conn: AsyncConnection, file: str) -> bool:
    """Whether it was heard that the file is closed."""
    query = select(t.closed_files.c.file).where(t.closed_files.c.file == file)
    return (await conn.execute(query)).first() is not None
