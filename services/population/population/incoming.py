"""One row of a sent file: a person as the file says, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from population import columns as c
from population.columns import Columns
from population.domain.person import Identified
from population.idnumber import BadId, read_id
from population.rules import Rules
from population.sheets import Inexact
from suizhuan.kernel.area import contains, trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.profile_population import Coded

PHONE = re.compile(r"^\+?[0-9 ()-]{3,30}$")
YES, NO = frozenset({"是", "yes", "y", "1", "true", "户主"}), frozenset({"", "否", "no", "n", "0", "false"})
LONGEST = 100
Mistake = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says. `unit` and `room` are empty where they are not given."""

    line: int
    cells: tuple[str, ...]
    name: str
    known: Identified
    id_hash: str
    phone: str | None
    grid: str
    building: str | None
    unit: str
    room: str
    household: str | None
    head: bool
    registration: str
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is to be mended."""

    line: int
    cells: tuple[str, ...]
    mistakes: tuple[Mistake, ...]


class Reader:
    """Reads the rows of one file. `grids` are the registered ones of its area."""

    def __init__(self, columns: Columns, rules: Rules, area: str, grids: Collection[str], today: date) -> None:
        self.columns, self.rules, self.area, self.grids, self.today = columns, rules, area, grids, today
        self._registrations = _words(rules.population.registrations)
        self._fields = {field.code: _words(field.values) for field in rules.population.fields}

    def read(self, line: int, cells: Sequence[str]) -> Row | Refused:
        """The person, or everything that is wrong at once."""
        wrong: list[Mistake] = []
        width = len(self.columns.keys)
        if any(cells[width:]):
            wrong.append(("", "too_many_cells"))
        given = dict(zip(self.columns.keys, cells, strict=False))
        text = {key: self._plain(key, given.get(key, ""), wrong) for key in (*c.HEADERS, *self._fields)}
        known = self._identified(given.get(c.ID, ""), wrong)
        grid = self._grid(text[c.GRID], wrong)
        if text[c.PHONE] and not PHONE.match(text[c.PHONE]):
            wrong.append((c.PHONE, "phone"))
        registration = _chosen(c.REGISTRATION, text[c.REGISTRATION], self._registrations, wrong)
        head = self._head(text, wrong)
        if (text[c.UNIT] or text[c.ROOM]) and not text[c.BUILDING]:
            wrong.append((c.BUILDING, "without_building"))
        details = self._details(text, wrong)
        if wrong or known is None:
            return Refused(line, tuple(cells), tuple(dict.fromkeys(wrong)))
        return Row(
            line=line,
            cells=tuple(cells),
            name=text[c.NAME],
            known=known,
            id_hash=self.rules.id_hash(known.id_number),
            phone=text[c.PHONE] or None,
            grid=grid,
            building=text[c.BUILDING] or None,
            unit=text[c.UNIT],
            room=text[c.ROOM],
            household=text[c.HOUSEHOLD] or None,
            head=head,
            registration=registration,
            details=details,
        )

    def _plain(self, key: str, value: str, wrong: list[Mistake]) -> str:
        if not value and key in c.REQUIRED and key != c.ID:
            wrong.append((key, "missing"))
        if len(value) > LONGEST or not value.isprintable():
            wrong.append((key, "text"))
            return ""
        return str(value)

    def _identified(self, value: str, wrong: list[Mistake]) -> Identified | None:
        if not value:
            wrong.append((c.ID, "missing"))
        elif isinstance(value, Inexact):
            wrong.append((c.ID, "id_as_number"))
        else:
            try:
                return read_id(value, self.today)
            except BadId as error:
                wrong.append((c.ID, error.code))
        return None

    def _grid(self, value: str, wrong: list[Mistake]) -> str:
        try:
            grid = trim(value)
        except Refusal:
            grid = ""
        if len(grid) != 15:
            if value:
                wrong.append((c.GRID, "not_a_grid"))
        elif not contains(self.area, grid):
            wrong.append((c.GRID, "outside"))
        elif grid not in self.grids:
            wrong.append((c.GRID, "unknown_area"))
        return grid

    def _head(self, text: dict[str, str], wrong: list[Mistake]) -> bool:
        word = text[c.HEAD].casefold()
        if word not in YES and word not in NO:
            wrong.append((c.HEAD, "code"))
        if word in YES and not text[c.HOUSEHOLD]:
            wrong.append((c.HOUSEHOLD, "without_household"))
        return word in YES

    def _details(self, text: dict[str, str], wrong: list[Mistake]) -> dict[str, str]:
        found: dict[str, str] = {}
        for code, choices in self._fields.items():
            if text[code]:
                found[code] = _chosen(code, text[code], choices, wrong) if choices else text[code]
        return found


def _words(entries: Sequence[Coded]) -> dict[str, str]:
    """A code by itself, and by its names."""
    found: dict[str, str] = {}
    for entry in entries:
        found |= {text.casefold(): entry.code for text in (entry.code, entry.name.zh, entry.name.en)}
    return found


def _chosen(key: str, value: str, choices: dict[str, str], wrong: list[Mistake]) -> str:
    code = choices.get(value.casefold())
    if code is None and value:
        wrong.append((key, "code"))
    return code or ""
