"""Areas that got other codes, in one service's database: its columns follow, and whatever still says an old code means
the new one (authority §3).

The replica of the grants calls `follow` in the transaction that applies the record; a service only declares which of
its columns hold codes. What a neighbour said before it heard of that is translated as it is read (`Inbound`). A
command, or a handler, that was under way at that moment may have written an old code once more; `settle` finds it
after 2 A, and again after S. What a handler commits still later is found by the next re-keying.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Table,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.query import Query
from suizhuan.db.statements import upsert
from suizhuan.db.tables import area_change
from suizhuan.kernel.area import outermost
from suizhuan.kernel.rekeying import Table as Rekeying
from suizhuan.kernel.rekeying import moved

SETTLE = "areas.settle"
PLACE = object()  # marks a field of a view
CodeOfToday = Annotated[str, PLACE]
"""A code of an area in a view: what the handler reads is the code that it has now."""

V = TypeVar("V", bound=BaseModel)
Change = Mapping[str, str]
"""By code that was given up what it has become."""

_C = area_change.c
_CHANGES = Query(select(_C.old, _C.new, _C.switch).order_by(_C.sequence, _C.switch))
_PUT = upsert(area_change, "switch", "old", set_=())


@dataclass(frozen=True, slots=True)
class Codes:
    """Every change there has been, in order."""

    changes: tuple[Change, ...] = ()

    def now(self, code: str) -> str:
        """The code that stands for an area today; one that was never given up stays."""
        return reduce(moved, self.changes, code)

    def inside(self, area: str) -> list[tuple[str, str]]:
        """The outermost codes in an area that were given up, and what stands for them today."""
        gone = {old for change in self.changes for old in change if old.startswith(area)}
        return [(old, self.now(old)) for old in outermost(gone)]


async def codes(conn: AsyncConnection) -> Codes:
    """As this service knows them: up to the record that its replica has applied."""
    changes: dict[str, dict[str, str]] = {}
    for old, new, switch in await _CHANGES.all(conn):
        changes.setdefault(switch, {})[old] = new
    return Codes(tuple(changes.values()))


async def note(conn: AsyncConnection, switch: str, table: Rekeying, sequence: int) -> None:
    """Keep what a switch has changed; a repeat changes nothing."""
    put = _PUT.on(conn.dialect.name)
    rows = [{"switch": switch, "old": old, "new": new, "sequence": sequence} for old, new in table.retired.items()]
    if rows:
        await conn.execute(put, rows)


async def follow(conn: AsyncConnection, placed: Iterable[Column[Any]], change: Change) -> None:
    """Every row that says an old code says the new one: one statement a column. What has followed already stays."""
    if not change:
        return
    for column in placed:
        if isinstance(column.type, JSON):
            await _follow_lists(conn, column, change)
            continue
        await _make_room(conn, column, change)
        now = {column.name: _now(column, change)}
        await conn.execute(update(column.table).where(_stale(column, change)).values(now))


async def settle(conn: AsyncConnection, placed: Sequence[Column[Any]]) -> None:
    """As `follow`, with every change there has ever been."""
    for change in (await codes(conn)).changes:
        await follow(conn, placed, change)


@lru_cache(maxsize=1024)
def coded(view: type[BaseModel]) -> tuple[str, ...]:
    """The fields of a view that hold codes of areas."""
    fields = view.model_fields.items()
    return tuple(name for name, field in fields if PLACE in field.metadata or _marked(field.annotation))


def _marked(annotation: Any) -> bool:
    return any(argument is PLACE or _marked(argument) for argument in get_args(annotation))


def as_today(known: Codes, view: V) -> V:
    """A view with today's codes."""
    said = {name: getattr(view, name) for name in coded(type(view))} if known.changes else {}
    now = {name: _today(known, value) for name, value in said.items()}
    return view.model_copy(update=now) if now != said else view


def _today(known: Codes, value: Any) -> Any:
    if isinstance(value, str):
        return known.now(value)
    return list(dict.fromkeys(map(known.now, value))) if isinstance(value, list) else value


# --- rows ----------------------------------------------------------------------------------------------------------


def _stale(column: ColumnElement[Any], change: Change) -> ColumnElement[bool]:
    return or_(*(column.like(f"{old}%") for old in sorted(change)))


def _now(column: ColumnElement[Any], change: Change) -> ColumnElement[Any]:
    """`moved` of what stands there."""
    narrowest_first = sorted(change.items(), key=lambda pair: (-len(pair[0]), pair[0]))
    moves = [(column.like(f"{old}%"), literal(new) + func.substr(column, len(old) + 1)) for old, new in narrowest_first]
    return case(*moves, else_=column)


async def _make_room(conn: AsyncConnection, column: Column[Any], change: Change) -> None:
    """Where the code is part of a row's key, two rows may become one: one stays, that which says the new code already,
    else that of the lowest old one."""
    table = column.table
    assert isinstance(table, Table)
    if not column.primary_key:
        return
    twin = table.alias()
    code, now = twin.c[column.name], _now(column, change)
    same = [twin.c[key.name] == key for key in table.primary_key.columns if key is not column]
    stays = or_(code == now, and_(_stale(code, change), _now(code, change) == now, code < column))
    await conn.execute(delete(table).where(_stale(column, change), exists().where(*same, stays)))


async def _follow_lists(conn: AsyncConnection, column: Column[Any], change: Change) -> None:
    """Lists of codes: few, and read to be written."""
    table = column.table
    assert isinstance(table, Table)
    keys = list(table.primary_key.columns)
    for *key, said in (await conn.execute(select(*keys, column).order_by(*keys).with_for_update())).all():
        now = list(dict.fromkeys(moved(code, change) for code in said))
        if now != said:
            here = and_(true(), *(column_ == value for column_, value in zip(keys, key, strict=True)))
            await conn.execute(update(table).where(here).values({column.name: now}))
