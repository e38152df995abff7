"""How aggregates are kept, and the queries of the registers of mandates. Those of each part are in `store_<part>`."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from property.domain.change import Aggregate, Change, Step
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx

T = TypeVar("T", bound=Aggregate)


class Kept(Generic[T]):
    """Aggregates of one kind in their table, whose columns are the fields of the dataclass."""

    def __init__(self, table: Table, kind: type[T], what: str, after: Step[T]) -> None:
        self.table, self.kind, self.what, self.after = table, kind, what, after
        self.columns = [f.name for f in fields(kind)]  # type: ignore[arg-type]
        self._find = select(table).where(table.c.id == bindparam("b_id"))
        self._lock = self._find.with_for_update()
        # Constants: a statement must stay the same object to be joined with others and compiled once.
        self.add_row = insert(table)
        self.save_row = (
            update(table)
            .where(table.c.id == bindparam("b_id"), table.c.version == bindparam("b_read"))
            .values({name: bindparam(f"b_{name}") for name in self.columns if name != "id"})
        )

    async def find(self, conn: AsyncConnection, key: str, *, lock: bool = False) -> T | None:
        row = (await conn.execute(self._lock if lock else self._find, {"b_id": key})).one_or_none()
        return self.made(row) if row is not None else None

    async def get(self, conn: AsyncConnection, key: str, *, lock: bool = False) -> T:
        """Errors: `not_found`."""
        found = await self.find(conn, key, lock=lock)
        if found is None:
            raise Refusal("not_found", what=self.what, id=key)
        return found

    def made(self, row: Any) -> T:
        """The aggregate of a row of all the columns."""
        return self.kind(**{name: self.read(name, row._mapping[name]) for name in self.columns})

    def row(self, state: T) -> dict[str, Any]:
        return {name: self.written(name, getattr(state, name)) for name in self.columns}

    def read(self, name: str, value: Any) -> Any:
        """A column's value as the field has it."""
        return value

    def written(self, name: str, value: Any) -> Any:
        """A field's value as the column has it."""
        return value

    async def put(self, tx: Tx, change: Change[T], authority: Authority | None, *, org: str | None = None) -> T:
        """Write the aggregate over the version that was decided upon, and publish its facts under `authority`, as acts
        of `org` (by default the caller's)."""
        await self.keep(tx, change.state, change.read)
        for index, fact in enumerate(change.facts):
            tx.emit(
                fact,
                key=change.state.id,
                sequence=change.read + index + 1,
                area=change.state.area,
                authority=authority,
                org=org,
            )
        return change.state

    async def keep(self, tx: Tx, state: T, read: int) -> None:
        """Write it without a word. Errors: `Outdated`, unless version `read` is there."""
        row = self.row(state)
        if read == 0:
            await tx.write(self.add_row, row)
        else:
            changed = {f"b_{name}": value for name, value in row.items()} | {"b_read": read}
            await tx.write(self.save_row, changed, decides=True)

    async def adopt(self, tx: Tx, key: str, fact: object, at: datetime, sequence: int) -> tuple[T | None, T]:
        """Have happen what the log says: (before, after). Errors: ValueError where it is not the next one."""
        before = await self.find(tx.conn, key, lock=True)
        now = self.after(before, fact, at)
        if now.version != sequence:
            raise ValueError(f"it is version {now.version} here, {sequence} on the log")
        await self.keep(tx, now, before.version if before is not None else 0)
        return before, now

    async def page(
        self, conn: AsyncConnection, *, before: str, limit: int, area: str | None = None, **equal: str | None
    ) -> list[T]:
        """The newest first (ids rise with time), of those with these values."""
        c = self.table.c
        where: list[Any] = [c.id < before] if before else []
        if area is not None:
            where.append(c.area.startswith(area, autoescape=True))
        where += [c[name] == value for name, value in equal.items() if value is not None]
        query = select(self.table).where(*where).order_by(c.id.desc()).limit(limit)
        return [self.made(row) for row in await conn.execute(query)]
