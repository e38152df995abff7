"""What is known of one process: what came of its steps, by what they looked at in its database.

The real code runs once for each difference that it looks at. That is sound: a step is a function of what it is told,
the time, what its process remembers, the locks of a frozen transaction, and what its statements find. If they find the
same as another time, they are the same statements, to the last, and write the same; and what they write over, they have
been counted to ask. `test_simulation.py` compares with schedules in which the real code runs every time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from .processes import Done, Process, Step, Waited
from .reads import KEYED, VIEWS, Row
from .store import INCARNATION, Contents

Memory = tuple[tuple[str, float], ...]
Changes = tuple[tuple[Any, Row | None], ...]  # by key; None: it is gone
MISSING: Any = object()


class Kept:
    """Each value once, by its number."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable) -> int:
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.values)
            self.values.append(value)
        return found

    def __getitem__(self, number: int) -> Any:
        return self.values[number]


class Asks(NamedTuple):
    """What a step looks at in a database: tables, rows by their keys, views."""

    tables: tuple[int, ...]
    rows: tuple[tuple[int, Any], ...]
    views: tuple[tuple[int, str], ...]


class End(NamedTuple):
    """What a step has changed, in whole tables or by the keys of rows, and the rest of a `Done` by numbers."""

    tables: tuple[tuple[int, int], ...]
    rows: tuple[tuple[int, Changes], ...]
    emitted: tuple[int, ...]
    memory: Memory
    held: int | None
    said: Any
    refused: str | None


class Outcome(NamedTuple):
    """The same, made from a certain place: the contents that the database has then."""

    contents: int
    emitted: tuple[int, ...]
    memory: Memory
    held: int | None
    said: Any
    refused: str | None


class Known:
    """One process and all that it was seen to do. Contents of its database, and of its tables, are numbers.

    Messages and frozen transactions are those of the whole world. Without `keeps` the real code runs every time."""

    def __init__(self, process: Process, messages: Kept, helds: Kept, *, keeps: bool) -> None:
        self.process = process
        self.messages, self.helds, self.keeps = messages, helds, keeps
        self.contents, self.rowsets = Kept(), Kept()
        self.tables = (*process.database.tables(), INCARNATION)
        self.places = {name: i for i, name in enumerate(self.tables)}
        self.run_for_real = 0
        self._ways: dict[Hashable, dict[Asks, dict[Hashable, End | None]]] = {}
        self._changed: dict[tuple[int, Changes], int] = {}
        self._by_key: dict[int, dict[Any, Row]] = {}
        self._views: dict[tuple[int, str, str], Any] = {}
        self._rows: dict[tuple[str, int], list[dict[str, Any]]] = {}

    # --- steps -------------------------------------------------------------------------------------------------------

    def step(
        self, contents: int, memory: Memory, held: int | None, true: float, step: Step, *, freeze: bool
    ) -> Outcome | None:
        """What comes of a step made from there, at a time, beside a frozen transaction; None when it has to wait."""

        def run(before: Contents) -> Done:
            helds = () if held is None else (self.helds[held],)
            told = (step[0], self.messages[step[1]]) if step[0] in ("hear", "apply") else step
            return self.process.run(before, memory, helds, true, told, freeze=freeze)

        return self._once((memory, held, true, step, freeze), contents, self.process.clock.text_at(true), run)

    def commit(self, contents: int, held: int) -> Outcome:
        """What comes of a frozen transaction's COMMIT."""
        outcome = self._once(("commit", held), contents, "", lambda b: self.process.commit(b, self.helds[held]))
        assert outcome is not None
        return outcome

    def _once(self, about: Hashable, contents: int, now: str, run: Callable[[Contents], Done]) -> Outcome | None:
        vector: tuple[int, ...] = self.contents[contents]
        ways = self._ways.setdefault(about, {})
        end = MISSING
        if self.keeps:
            for asks, ends in ways.items():
                end = ends.get(self._found(vector, asks, now), MISSING)
                if end is not MISSING:
                    break
        if end is MISSING:
            asks, end = self._run(contents, run)
            ways.setdefault(asks, {})[self._found(vector, asks, now)] = end
        return None if end is None else self._apply(vector, end)

    def _run(self, contents: int, run: Callable[[Contents], Done]) -> tuple[Asks, End | None]:
        """(what a step has asked, what it has changed)."""
        self.run_for_real += 1
        before = self.unpack(contents)
        try:
            done = run(before)
        except Waited:
            return self._asks(), None
        return self._asks(), self._end(before, done)

    def _asks(self) -> Asks:
        reads, places = self.process.database.reads, self.places
        found = {(places[one.table], one.of) for one in reads if one.table in places}
        tables = {table for table, of in found if of is None}
        parts = sorted((one for one in found if one[0] not in tables), key=repr)
        rows, views = ([one for one in parts if isinstance(one[1], kind)] for kind in (tuple, str))
        return Asks(tuple(sorted(tables)), tuple(rows), tuple(views))

    def _found(self, vector: tuple[int, ...], asks: Asks, now: str) -> Hashable:
        """What a database answers to a step that asks so."""
        tables = tuple([vector[i] for i in asks.tables])
        if not asks.rows and not asks.views:
            return tables
        rows = tuple([self._keyed(vector[i]).get(key) for i, key in asks.rows])
        return tables, rows, tuple([self.view(vector[i], name, now) for i, name in asks.views])

    def _end(self, before: Contents, done: Done) -> End:
        was, now = dict(before), dict(done.contents)
        tables, rows = [], []
        for i, name in enumerate(self.tables):
            old, new = was.get(name, ()), now.get(name, ())
            if old == new:
                continue
            if name in KEYED:
                less, more = {row[:2]: row for row in old}, {row[:2]: row for row in new}
                changed = [(key, more.get(key)) for key in {**less, **more} if less.get(key) != more.get(key)]
                rows.append((i, tuple(sorted(changed, key=repr))))
            else:
                tables.append((i, self.rowsets.number(new)))
        emitted = tuple(self.messages.number(m) for m in done.emitted)
        held = self.helds.number(done.held) if done.held is not None else None
        return End(tuple(tables), tuple(rows), emitted, done.memory, held, done.said, done.refused)

    def _apply(self, vector: tuple[int, ...], end: End) -> Outcome:
        after = list(vector)
        for i, number in end.tables:
            after[i] = number
        for i, changes in end.rows:
            after[i] = self._with(after[i], changes)
        return Outcome(self.contents.number(tuple(after)), *end[2:])

    def _with(self, number: int, changes: Changes) -> int:
        """The number of a table's rows when some have been changed."""
        found = self._changed.get((number, changes))
        if found is None:
            rows = dict(self._keyed(number))
            for key, row in changes:
                rows.pop(key, None)
                if row is not None:
                    rows[key] = row
            found = self._changed[number, changes] = self.rowsets.number(tuple(sorted(rows.values(), key=repr)))
        return found

    def _keyed(self, number: int) -> dict[Any, Row]:
        found = self._by_key.get(number)
        if found is None:
            found = self._by_key[number] = {row[:2]: row for row in self.rowsets[number]}
        return found

    # --- contents ----------------------------------------------------------------------------------------------------

    def pack(self, contents: Contents) -> int:
        """The number of a database's contents."""
        found = dict(contents)
        return self.contents.number(tuple(self.rowsets.number(found.get(name, ())) for name in self.tables))

    def unpack(self, number: int) -> Contents:
        """The contents of a database by their number."""
        found = ((name, self.rowsets[rows]) for name, rows in zip(self.tables, self.contents[number], strict=True))
        return tuple((name, rows) for name, rows in found if rows)

    def table(self, contents: int, name: str) -> int:
        """The number of a table's rows."""
        return int(self.contents[contents][self.places[name]])

    def rows(self, contents: int, name: str) -> list[dict[str, Any]]:
        """The rows of a table."""
        key = (name, self.table(contents, name))
        found = self._rows.get(key)
        if found is None:
            columns = self.process.database.columns(name)
            found = self._rows[key] = [dict(zip(columns, row, strict=True)) for row in self.rowsets[key[1]]]
        return found

    def view(self, number: int, name: str, now: str = "") -> Any:
        """What a view shows of a table's rows, by their number."""
        found = self._views.get((number, name, now))
        if found is None:
            view = VIEWS[name]
            columns = self.process.database.columns(view.table)
            places = [columns.index(column) for column in view.columns]
            rows = tuple(tuple(row[i] for i in places) for row in self.rowsets[number])
            found = self._views[number, name, now] = view.found(rows, now)
        return found
