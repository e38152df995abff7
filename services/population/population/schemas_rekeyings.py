"""Requests and answers about areas that get other codes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from population.domain.rekeying import Rekeying
from population.schemas import AreaIn, AreaText, Id, Request


class MoveIn(Request):
    """一项调整 / a move: 旧代码及其下级一并成为新代码 / a code, and all in it, becomes another one."""

    old: AreaText = Field(description="现用代码 / a code in use")
    new: AreaText = Field(description="新代码，同级；与旧代码相同表示保留 / of the same level; the same one: it stays")
    heir: bool = Field(
        default=True,
        description="拆分或合并中恰有一项：其委托承继，未列出的归它"
        " / exactly one of a split or merge: its mandates go on, and what is not listed goes there",
    )
    buildings: Annotated[list[Id], Field(max_length=500)] = Field(
        default_factory=list, description="网格拆分：划入新网格的楼栋 / of a split grid: the buildings that go there"
    )


class RekeyingIn(Request):
    """公布区划调整 / announce that areas get other codes."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "moves": [
                    {"old": "321302002907001", "new": "321302002907001"},
                    {"old": "321302002907001", "new": "321302002907011", "heir": False, "buildings": ["b-7"]},
                ],
                "areas": [{"area": "321302002907011", "name": "南关社区第十一网格", "name_en": "Nanguan Grid 11"}],
            }
        }
    )
    moves: Annotated[list[MoveIn], Field(min_length=1, max_length=200)]
    areas: Annotated[list[AreaIn], Field(max_length=200)] = Field(
        default_factory=list,
        description="新代码的名称；不列出则沿用原名 / names of new codes; without them the old ones go on",
    )


class MoveOut(BaseModel):
    """一项调整 / a move."""

    old: str
    new: str
    heir: bool
    buildings: list[str]


class NewAreaOut(BaseModel):
    """新代码 / a new code."""

    area: str
    name: str
    name_en: str


class RekeyingOut(BaseModel):
    """区划调整 / a re-keying."""

    id: str
    within: str = Field(description="涉及范围 / the narrowest area that contains all of it")
    state: str = Field(description="announced 已公布 | done 已生效")
    moves: list[MoveOut]
    areas: list[NewAreaOut]
    announced_at: datetime
    done_at: datetime | None
    version: int

    @staticmethod
    def of(one: Rekeying) -> RekeyingOut:
        return RekeyingOut(
            id=one.id,
            within=one.within,
            state=one.state,
            moves=[MoveOut(**move) for move in one.moves],
            areas=[NewAreaOut(**area) for area in one.areas],
            announced_at=one.announced_at,
            done_at=one.done_at,
            version=one.version,
        )


class RekeyingPage(BaseModel):
    """一页 / a page."""

    items: list[RekeyingOut]
    next: str | None = Field(description="下一页游标 / cursor of the next page")
