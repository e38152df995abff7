"""What a caller may see of the streams, and what it wants to see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from suizhuan.kernel.area import contains, overlap
from suizhuan.kernel.refusal import Refusal

# In these fields of an event's data stands an organisation that it concerns.
PARTIES = ("org", "giver", "receiver", "holder", "payer", "payee", "responsible", "from_org", "to", "owner")
_TYPE = re.compile(r"^[a-z_]{1,40}(\.[a-z_]{1,40}){0,3}(\.\*|\.v[0-9]{1,4})?$|^\*$")


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything (`everything`), or what lies in the areas of an organisation or concerns it."""

    org: str | None = None
    areas: tuple[str, ...] = ()
    everything: bool = False

    def sees(self, area: str | None, org: str | None, data: Mapping[str, Any]) -> bool:
        """One event: by where it happened, for whom, and whom it concerns."""
        if self.everything:
            return True
        if area is not None and any(contains(own, area) for own in self.areas):
            return True
        return self.org is not None and (org == self.org or self.org in parties(data))

    def today(self, now: Callable[[str], str]) -> Sight:
        """The same areas by the codes that they have now."""
        return replace(self, areas=tuple(map(now, self.areas)))

    def sees_place(self, area: str) -> bool:
        """A place: the caller's areas contain it, or it contains them."""
        return self.everything or any(overlap(own, area) for own in self.areas)


def parties(data: Mapping[str, Any]) -> set[str]:
    """The organisations that an event's data names."""
    found = {value for name in PARTIES if isinstance(value := data.get(name), str)}
    for line in data.get("lines") or ():
        if isinstance(line, Mapping) and isinstance(line.get("org"), str):
            found.add(line["org"])
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reader's filter: types (`complaints.case.*`), an area, and a beginning. Empty wants everything."""

    types: tuple[str, ...] = ()
    area: str | None = None
    since: datetime | None = None

    def takes(self, type_: str, area: str | None, time: datetime) -> bool:
        if self.since is not None and time < self.since:
            return False
        if self.area is not None and (area is None or not contains(self.area, area)):
            return False
        return not self.types or any(fits(pattern, type_) for pattern in self.types)

    def today(self, now: Callable[[str], str]) -> Wanted:
        """The same area by the code that it has now."""
        return replace(self, area=now(self.area)) if self.area is not None else self


def patterns(texts: Iterable[str]) -> tuple[str, ...]:
    """Type filters, each given alone or several with commas between. Errors: `filter_malformed`."""
    found = [part for text in texts for part in text.split(",") if part]
    for pattern in found:
        if len(pattern) > 200 or _TYPE.match(pattern) is None:
            raise Refusal("filter_malformed", type=pattern[:80])
    if len(found) > 50:
        raise Refusal("filter_malformed", type="…")
    return tuple(found)


def fits(pattern: str, type_: str) -> bool:
    """`complaints.case.*` takes all below it; a name without its version takes all versions."""
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return type_.startswith(pattern[:-1])
    return type_ == pattern or type_.rpartition(".v")[0] == pattern
