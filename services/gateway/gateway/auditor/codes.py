"""Codes of areas that were given up, by the records that said so: what a place is called before and after."""

from __future__ import annotations

from gateway.auditor.records import Event

LENGTHS = (15, 12, 9, 6, 4, 2)


class Codes:
    """Every change of codes, in the order of the authority log."""

    def __init__(self) -> None:
        self._changes: list[tuple[Event, dict[str, str]]] = []

    def take(self, done: Event) -> None:
        """A switch that is done may say that areas have other codes. Of a code that becomes several, the heir is meant
        where nothing else is said."""
        moved: dict[str, str] = {}
        for rekey in done.data.get("rekeys") or ():
            old, new = str(rekey["old"]), str(rekey["new"])
            if rekey.get("heir", True) or old not in moved:
                moved[old] = new
        gone = {old: new for old, new in moved.items() if old != new}
        if gone:
            self._changes.append((done, gone))

    def now(self, code: str) -> str:
        """What stands for a code today."""
        for _, gone in self._changes:
            code = _after(code, gone)
        return code

    def given_up(self, place: str, offset: int) -> tuple[Event, str] | None:
        """(the record by which a place had no such code any more, what it was called then), by the records up to
        `offset`."""
        for done, gone in self._changes:
            if done.offset <= offset and (new := _after(place, gone)) != place:
                return done, new
        return None

    def inside(self, place: str, area: str) -> bool:
        """Whether a place lies in an area, each called as it was when it was written down."""
        return place.startswith(area) or self.now(place).startswith(self.now(area))


def _after(code: str, gone: dict[str, str]) -> str:
    for length in LENGTHS:
        if length <= len(code) and (new := gone.get(code[:length])) is not None:
            return new + code[length:]
    return code
