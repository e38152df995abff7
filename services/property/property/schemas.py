"""Words that requests and answers are made of, and those of estates and premises, in Chinese and English."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from property.domain.norm import Coverage
from suizhuan.kernel.fen import MAX_FEN


def _line(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be plain text")
    return value


def _prose(value: str) -> str:
    if not all(c.isprintable() or c in "\n\t" for c in value):
        raise ValueError("must be plain text")
    return value


Line = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_line)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=4000), AfterValidator(_prose)]
Key = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_line)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64), AfterValidator(_line)]
AreaText = Annotated[str, StringConstraints(min_length=1, max_length=40)]  # judged by the kernel: `area_malformed`
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()-]{3,30}$")]
Count = Annotated[int, Field(ge=0, le=10**9, strict=True)]
Size = Annotated[int, Field(ge=1, le=10**12, strict=True)]
Fen = Annotated[int, Field(ge=1, le=MAX_FEN, strict=True)]
SIZE = "面积，单位 0.01 平方米 / area in 0.01 m²"
Structure = Literal["reinforced_concrete", "brick_concrete", "brick_timber", "steel", "temporary"]
Use = Literal["activity", "office", "service", "commerce", "parking", "storage", "vacant"]
Kind = Literal["community", "air_defence", "shop"]
Reason = Literal["demolished", "requisitioned", "given_back", "registered_by_mistake"]


class Request(BaseModel):
    """What is sent in: a field that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """An answer, made of an aggregate."""

    model_config = ConfigDict(from_attributes=True)


class EstateIn(Request):
    """登记小区 / register an estate."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"area": "321302002907001", "name": "南关小区", "households": 860}}
    )

    area: AreaText = Field(description="所在社区（12 位）或网格（15 位）/ its community or grid")
    name: Line
    households: Count = Field(description="户数 / households")


class EstateRevisionIn(Request):
    """更正小区 / correct an estate. 不填的不变 / what is left out stays."""

    name: Line | None = None
    households: Count | None = None


class EstateOut(Out):
    """小区 / an estate."""

    id: str
    area: str
    name: str
    households: int
    registered_at: datetime
    version: int


class EstatePage(BaseModel):
    """小区列表，新的在前 / estates, newest first."""

    items: list[EstateOut]
    next: str | None = None


class PremiseIn(Request):
    """登记房屋 / register a premise."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "area": "321302002907",
                "kind": "community",
                "location": "南关小区 3 号楼一层东侧",
                "size_dm2": 12050,
                "structure": "brick_concrete",
                "use": "activity",
                "permanent": True,
            }
        }
    )

    estate: Key | None = Field(None, description="所在小区；不在小区内则不填 / its estate, if it stands in one")
    area: AreaText = Field(description="所在社区或网格 / its community or grid")
    kind: Kind = Field(description="社区用房 community、人防工程 air_defence、门面房 shop")
    location: Line = Field(description="位置，不含个人信息 / where it is; nothing personal")
    size_dm2: Size = Field(description=SIZE)
    structure: Structure = Field(description="结构：钢混、砖混、砖木、钢结构、临时 / structure")
    use: Use = Field(description="用途：活动、办公、服务、经营、停车、仓储、空置 / what it serves")
    permanent: bool = Field(description="永久性（临时建筑为 false）/ permanent, not a temporary building")
    title: Line | None = Field(None, description="权属证明文号 / reference of the title on file")
    delegation: Line | None = Field(None, description="委托书文号 / reference of the delegation on file")


class PaperIn(Request):
    """存档一份文件 / file a paper."""

    paper: Literal["title", "delegation"] = Field(description="权属证明或委托书 / which paper")
    reference: Line = Field(description="文号 / its reference")


class UseIn(Request):
    """改变用途 / change what it serves."""

    use: Use


class WithdrawalIn(Request):
    """注销房屋 / take it off the register."""

    reason: Reason = Field(description="拆除、征收、归还、登记错误 / why")


class PremiseOut(Out):
    """房屋 / a premise."""

    id: str
    estate: str | None
    area: str
    kind: str
    location: str
    size_dm2: int = Field(description=SIZE)
    structure: str
    use: str
    permanent: bool
    title: str | None
    delegation: str | None
    registered_at: datetime
    withdrawn_at: datetime | None
    withdrawn_for: str | None
    version: int


class PremisePage(BaseModel):
    """房屋列表，新的在前 / premises, newest first."""

    items: list[PremiseOut]
    next: str | None = None


class CoverageOut(BaseModel):
    """一个社区的用房覆盖 / a community's premises against the norm. 单位 0.01 平方米 / in 0.01 m²."""

    area: str
    households: int = Field(description="登记小区的户数合计 / households of its registered estates")
    size_dm2: int = Field(description="已有社区用房 / what there is")
    wanted_dm2: int = Field(description="应有 / what the norm wants")
    short_dm2: int = Field(description="缺口 / what is missing")
    met: bool
    activity_dm2: int = Field(description="其中用于活动 / of it for activity")
    activity_met: bool = Field(description="活动用房占比达标 / whether its share for activity is large enough")

    @staticmethod
    def of(c: Coverage) -> CoverageOut:
        return CoverageOut(**{name: getattr(c, name) for name in CoverageOut.model_fields})


class CoveragePage(BaseModel):
    """各社区的用房覆盖 / by community."""

    items: list[CoverageOut]
    m2_per_100_households: int = Field(description="标准：每百户平方米数 / the norm")
    activity_percent: int = Field(description="标准：活动用房占比下限 / the least share for activity")
    next: str | None = None
