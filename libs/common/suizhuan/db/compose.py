"""Many statements as one: each a CTE, behind a gate, so that a command needs one round trip to PostgreSQL.

PostgreSQL carries out every data-modifying CTE on the same snapshot and commits all or none. A gate is a condition
over CTEs that stand before it (was the act allowed; did the first change find its row), so that nothing is done when
it is closed, and no error has to be raised inside the database.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Executable, Insert, TextClause, bindparam, literal_column, select, text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import Dialect

from suizhuan.db.statements import Write, column_of

# The dialect that SQLAlchemy's asyncpg engines use: `$1` placeholders with casts, its types' own processors.
DIALECT: Dialect = PGDialect_asyncpg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
_PLACE = re.compile(r"\$(\d+)")
_KEPT = 512
# What stands for the gate, and for the condition that every deciding write found its row, in a tail.
GATE, DECIDED = "/*gate*/", "/*decided*/"

Take = tuple[int, str, Callable[[Any], Any] | None, Any]  # which values, the name in them, processor, else


@dataclass(frozen=True, slots=True)
class Composed:
    """SQL with `$n` placeholders, and where each value comes from."""

    sql: str
    takes: tuple[Take, ...]

    def parameters(self, values: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
        """`values[i]` are those of part i."""
        found = []
        for part, name, process, otherwise in self.takes:
            value = values[part].get(name, otherwise)
            found.append(process(value) if process is not None else value)
        return tuple(found)


def composed(statement: Executable) -> Composed:
    """One statement by itself; its values are part 0."""
    joined = _Joined()
    joined.add(0, statement)
    return Composed(joined.sql, tuple(joined.takes))


class Composer:
    """Joins a head, writes and a tail. What was joined once is kept, by the identity of its constant parts."""

    def __init__(self, head: TextClause, tail: TextClause, *, gate: str) -> None:
        self.head, self.tail, self.gate = head, tail, gate
        self._kept: OrderedDict[Hashable, Composed] = OrderedDict()

    def of(self, writes: Sequence[Write]) -> Composed:
        """Part 0 is the head, parts 1.. are the writes, the last is the tail."""
        key = tuple((id(w.statement), w.decides, tuple(w.values)) for w in writes)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._join(writes)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found

    def _join(self, writes: Sequence[Write]) -> Composed:
        joined = _Joined()
        joined.add(0, self.head)
        gate, decided = self.gate, []
        for number, write in enumerate(writes, start=1):
            joined.add(number, _gated(write, gate), f", w{number} AS ({{}})")
            if write.decides:
                decided.append(f"EXISTS (SELECT FROM w{number})")
                gate = " AND ".join([self.gate, *decided])
        joined.add(len(writes) + 1, self.tail)
        sql = joined.sql.replace(GATE, gate).replace(DECIDED, " AND ".join(decided) or "true")
        return Composed(sql, tuple(joined.takes))


@dataclass(slots=True)
class _Joined:
    """SQL in the making; the placeholders of each part go on counting where the last part ended."""

    sql: str = ""
    takes: list[Take] = field(default_factory=list)

    def add(self, part: int, statement: Executable, around: str = "{}") -> None:
        compiled = statement.compile(dialect=DIALECT)  # type: ignore[attr-defined]
        before = len(self.takes)
        self.sql += around.format(_PLACE.sub(lambda m: f"${int(m[1]) + before}", str(compiled)))
        for name in compiled.positiontup or ():
            bind = compiled.binds[name]
            process = bind.type.dialect_impl(DIALECT).bind_processor(DIALECT)
            self.takes.append((part, bind.key, process, bind.value))


def _gated(write: Write, gate: str) -> Executable:
    statement = write.on("postgresql")
    done: ColumnElement[int] = literal_column("1")
    if isinstance(statement, Insert):
        columns = [column_of(statement, name) for name in write.values]
        row = select(*[bindparam(c.name, type_=c.type) for c in columns]).where(text(gate))
        return statement.from_select([c.name for c in columns], row).returning(done)
    return statement.where(text(gate)).returning(done)
