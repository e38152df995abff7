"""What happens when areas get other codes: announced here, effective everywhere by one switch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaMove:
    """A code that becomes another one, with all that lies in it, unless a narrower move says otherwise. `heir`: of
    several that become one, this one's grants hold in the whole of it; of a grid that becomes several, what is not
    listed goes here. `buildings`: what of such a grid goes to this one, with its dwellings and who lives there."""

    old: str
    new: str
    heir: bool
    buildings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewArea:
    """A code that was not in use, and the names of its area."""

    area: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RekeyingAnnounced:
    """These areas are to get other codes, all at once. Nothing has changed yet."""

    rekeying: str
    within: str
    moves: list[AreaMove]
    areas: list[NewArea]


@dataclass(frozen=True, slots=True, kw_only=True)
class RekeyingDone:
    """They have them since this switch."""

    rekeying: str
    switch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaGivenUp:
    """The code is in use no longer and never will be again; `now` stands for it."""

    area: str
    now: str
