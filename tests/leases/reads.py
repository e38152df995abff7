"""What a statement asks of the database, so that a step is carried out anew only where that is different.

SQLite itself says which tables a statement touches. A few statements, which most steps make, ask for less than whole
tables, and what they ask for is named more closely: rows by their keys, or a view of a table. Each is recognised by its
whole text; one that is not recognised asks for all of its tables, so a statement that changes costs time, not truth.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

Row = tuple[Any, ...]
Rows = tuple[Row, ...]

# A migration copies a table into one of these and renames it; with a new database, all of them are empty.
COPIES = "_alembic_tmp_"
# Tables of which rows are asked for by their keys, which stand first in a row.
KEYED = {"inbox": ("consumer", "event_id"), "deadline": ("kind", "ref")}


class View(NamedTuple):
    """A part of a table: what of its rows is found now. `columns` are those that `found` takes, in its order."""

    name: str
    table: str
    columns: tuple[str, ...]
    found: Callable[[Rows, str], Any]


class Asked(NamedTuple):
    """A whole table (`of` is None), a view of it, or the row of a key."""

    table: str
    of: Any = None


# The loop of the deadlines carries out the rows that are due; of the others it reads only for how long to sleep.
DUE = View("due", "deadline", ("kind", "ref", "due_at"), lambda rows, now: tuple(r for r in rows if r[2] <= now))
# The waits of mandates look at the switches that are open.
OPEN = View("open", "switch", ("id", "on_log", "state"), lambda rows, _: tuple(r for r in rows if r[2] == "open"))
# A verdict asks which beat a replica holds, not how many records it has applied.
HELD = View("held", "authority_state", ("replica", "beat_at", "beat_replicas"), lambda rows, _: rows)
VIEWS = {view.name: view for view in (DUE, OPEN, HELD)}

_SELECTS = {
    DUE: re.compile(
        r"SELECT deadline\.kind, deadline\.ref, deadline\.due_at \s*FROM deadline \s*WHERE deadline\.kind IN \([?, ]*\)"
        r" ORDER BY deadline\.due_at\s+LIMIT \? OFFSET \?"
    ),
    OPEN: re.compile(r"SELECT switch\.id, switch\.on_log \s*FROM switch \s*WHERE switch\.state = \?"),
}
# How far the replica is, beside an event: it goes where only the auditor reads it, and into the memory of a process,
# which here begins with each step.
_ASIDE = re.compile(
    r'SELECT authority_state\.sequence, authority_state\."offset", authority_state\.beat_at \s*FROM authority_state'
    r" \s*WHERE authority_state\.id = \?"
)
_ROWS = {
    table: re.compile(
        rf"(?:SELECT [^()]*?\bFROM|DELETE FROM) {table} \s*WHERE {table}\.{first} = \?"
        rf" AND {table}\.{second} (?:= \?|IN \((?P<many>\?(?:, \?)*)\))"
        rf"(?P<more> AND {table}\.\w+ = \?)?(?: /\* FOR UPDATE \*/)?"
    )
    for table, (first, second) in KEYED.items()
}
_INSERT = {
    table: re.compile(
        rf"INSERT INTO {table} \({first}, {second}, [^()]*\) VALUES \([?, ]*\)"
        rf"(?: ON CONFLICT \({first}, {second}\) DO UPDATE SET (?:\w+ = excluded\.\w+(?:, )?)+)?"
    )
    for table, (first, second) in KEYED.items()
}


@lru_cache(maxsize=4096)
def _shape(sql: str) -> tuple[str, Any] | None:
    """(the table, how its rows are named); None: it asks for whole tables."""
    if _ASIDE.fullmatch(sql):
        return "", None
    for view, text in _SELECTS.items():
        if text.fullmatch(sql):
            return view.table, view
    for table in KEYED:
        if _INSERT[table].fullmatch(sql):
            return table, "one"
        if found := _ROWS[table].fullmatch(sql):
            return table, "many" if found["many"] else "one"
    return None


class Touched(NamedTuple):
    """What SQLite says of a statement: every table that it looks at or changes, through triggers, too."""

    tables: frozenset[str]
    changed: frozenset[str]


def touched(raw: sqlite3.Connection, sql: str, values: Sequence[Any]) -> Touched:
    """Ask SQLite which tables a statement is about, without carrying it out."""
    if not sql.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
        return Touched(frozenset(), frozenset())
    tables, changed = set[str](), set[str]()

    def note(action: int, table: str | None, *_: object) -> int:
        if table and table.startswith(COPIES):
            return sqlite3.SQLITE_OK
        if action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE):
            changed.add(table or "")
        if action == sqlite3.SQLITE_READ:
            tables.add(table or "")
        return sqlite3.SQLITE_OK

    raw.set_authorizer(note)
    try:
        raw.execute(f"EXPLAIN {sql}", values).close()
    finally:
        raw.set_authorizer(None)
    return Touched(frozenset(tables | changed), frozenset(changed))


def asked(sql: str, values: Sequence[Any], about: Touched) -> set[Asked]:
    """What one statement asks: whole tables, unless it is one of those that ask for less."""
    shape = _shape(sql)
    if shape is None or (shape[1] == OPEN and tuple(values) != ("open",)):
        return {Asked(table) for table in about.tables}
    table, how = shape
    if how is None:
        return set()
    if isinstance(how, View):
        return {Asked(table, how.name)}
    others = values[1:] if how == "many" else values[1:2]
    return {Asked(table, (values[0], other)) for other in others}
