"""What a hub may see: a purpose of the profile's catalogue says which fields of which events. The rest is masked.

Source: domain.md §10 (政务数据共享条例: one catalogue, a sharing class per data set; PIPL 6: no more than it takes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from gateway.domain.sight import fits
from suizhuan.kernel.refusal import Refusal

ACTOR = "actor"  # who did it: a person, though only an id


@dataclass(frozen=True, slots=True)
class Shown:
    """Of events of these types these fields; without fields, all of them."""

    types: tuple[str, ...]
    fields: frozenset[str] | None


@dataclass(frozen=True, slots=True, eq=False)
class Purpose:
    """Why somebody reads, and what that covers. Each is the same only as itself, so that what follows from one is
    worked out once."""

    code: str
    shows: tuple[Shown, ...]

    def hidden(self, type_: str, data: Mapping[str, Any]) -> list[str]:
        """The fields that are masked, sorted: those that no entry for this type shows."""
        fields = _seen(self, type_).fields
        return [] if fields is None else sorted(data.keys() - fields)

    def covers(self, type_: str) -> bool:
        """Whether it says anything of events of this type, be it only that they may be counted."""
        return _seen(self, type_).covered

    def names(self) -> tuple[str, ...]:
        """What it covers, as names without a version: those of the first one."""
        patterns = {pattern for entry in self.shows for pattern in entry.types}
        return tuple(sorted(p.removesuffix(".v1") for p in patterns))

    def counts(self, topic: str) -> tuple[bool, bool]:
        """Whether it covers (any, every) event of a topic."""
        patterns = [pattern for entry in self.shows for pattern in entry.types]
        every = any(p == "*" or (p.endswith(".*") and f"{topic}.".startswith(p[:-1])) for p in patterns)
        return every or any(p.startswith(f"{topic}.") for p in patterns), every

    def masked(self, type_: str, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """(the data with what is not covered set to null, the names of that)."""
        hidden = self.hidden(type_, data)
        return {**data, **dict.fromkeys(hidden)}, hidden

    def shows_actor(self, type_: str) -> bool:
        """Whether it needs to know who acted."""
        return _seen(self, type_).actor


class _Seen(NamedTuple):
    """What a purpose sees of one type: these fields (None: all), anything, who acted."""

    fields: frozenset[str] | None
    covered: bool
    actor: bool


@lru_cache(maxsize=4096)
def _seen(purpose: Purpose, type_: str) -> _Seen:
    entries = [entry for entry in purpose.shows if any(fits(pattern, type_) for pattern in entry.types)]
    named = frozenset[str]().union(*(entry.fields for entry in entries if entry.fields is not None))
    whole = any(entry.fields is None for entry in entries)
    return _Seen(None if whole else named, bool(entries), ACTOR in named)


def find(purposes: Iterable[Purpose], code: str | None) -> Purpose:
    """The purpose of that code. Errors: `purpose_unknown`, which names those there are."""
    known = {purpose.code: purpose for purpose in purposes}
    if code not in known:
        raise Refusal("purpose_unknown", purpose=code or "", purposes=", ".join(sorted(known)))
    return known[code]
