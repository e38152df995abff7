"""Areas: division codes with their names. A grid belongs to one community, since its code begins with that one's.

Source: GB/T 2260, the statistical division codes, and the grid code of 6+3+3+3 digits. Grids are numbered from west to
east and from north to south; that is a convention of who numbers them, and nothing here depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from population.domain import facts
from population.domain.change import Change, changed
from suizhuan.kernel.area import LENGTHS, contains
from suizhuan.kernel.refusal import Refusal

KINDS = {2: "province", 4: "city", 6: "district", 9: "street", 12: "community", 15: "grid"}
GRID = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """An area that is in use, or was: then `now` is the code that stands for it."""

    code: str
    name_zh: str
    name_en: str
    kind: str
    version: int
    synthetic: bool = False
    now: str | None = None

    @property
    def key(self) -> str:
        return self.code

    @property
    def place(self) -> str:
        return self.code


def kind_of(code: str) -> str:
    """By the length of the code."""
    return KINDS[len(code)]


def parent_of(code: str) -> str | None:
    """The next broader area; None above a province."""
    at = LENGTHS.index(len(code))
    return code[: LENGTHS[at - 1]] if at else None


def register(
    code: str, name_zh: str, name_en: str, *, root: str, parent_known: bool, synthetic: bool = False
) -> Change[Area]:
    """A new area. Errors: `area_outside`, `parent_unknown`: a grid without its community would be nobody's."""
    if not contains(root, code):
        raise Refusal("area_outside", area=code, root=root)
    if code != root and not parent_known:
        raise Refusal("parent_unknown", area=code, parent=parent_of(code))
    made = Area(code=code, name_zh=name_zh, name_en=name_en, kind=kind_of(code), version=0, synthetic=synthetic)
    fact = facts.AreaRegistered(area=code, kind=made.kind, name=name_zh, name_en=name_en)
    return changed(made, fact)


def rename(area: Area, name_zh: str, name_en: str) -> Change[Area]:
    """Other names; nothing happens where they are the same."""
    if (area.name_zh, area.name_en) == (name_zh, name_en):
        return Change(area)
    fact = facts.AreaRenamed(area=area.code, name=name_zh, name_en=name_en)
    return changed(area, fact, name_zh=name_zh, name_en=name_en)


def needs_grid(code: str) -> str:
    """Errors: `not_a_grid`: what stands on the ground is counted in exactly one grid."""
    if len(code) != GRID:
        raise Refusal("not_a_grid", area=code)
    return code
