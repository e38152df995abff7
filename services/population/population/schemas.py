"""Requests and answers about areas, buildings, households and people, with words in Chinese and English."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from population.domain.area import Area
from population.domain.building import Building, Dwelling
from population.domain.household import Household
from population.domain.person import Person


def _line(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("must be plain text without blanks around it")
    return value


AreaText = Annotated[str, StringConstraints(min_length=1, max_length=40)]  # judged by the kernel: `area_malformed`
Line = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_line)]
Short = Annotated[str, StringConstraints(max_length=40), AfterValidator(_line)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[\x21-\x7e]+$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-z0-9.-]+$")]
IdNumber = Annotated[str, StringConstraints(min_length=1, max_length=40)]  # judged by `idnumber`: `id_malformed`
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9 ()-]{3,30}$")]
Details = Annotated[dict[Code, Line], Field(max_length=40)]


class Request(BaseModel):
    """What is sent in: a field that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid")


class NamesIn(Request):
    """名称 / names."""

    name: Line = Field(description="中文名称 / name in Chinese")
    name_en: Line = Field(description="英文名称 / name in English")


class AreaIn(NamesIn):
    """登记区域 / register an area; 类别由代码位数决定 / its kind follows from the length of its code."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"area": "321302002907003", "name": "南关社区第三网格", "name_en": "Nanguan Grid 3"}
        }
    )
    area: AreaText = Field(description="区划代码；网格 15 位 / division code; a grid has 15 digits")


class AreaOut(BaseModel):
    """区域 / an area."""

    area: str
    kind: str = Field(description="province city district street community grid")
    name: str
    name_en: str
    synthetic: bool = Field(description="代码为虚构 / the code is made up")
    version: int
    now: str | None = Field(default=None, description="已停用：现为此代码 / given up: this one stands for it now")

    @staticmethod
    def of(area: Area) -> AreaOut:
        return AreaOut(
            area=area.code,
            kind=area.kind,
            name=area.name_zh,
            name_en=area.name_en,
            synthetic=area.synthetic,
            version=area.version,
            now=area.now,
        )


class BuildingIn(Request):
    """登记楼栋 / register a building."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"grid": "321302002907001", "name": "南关小区3号楼", "floors": 6}}
    )
    grid: AreaText = Field(description="所在网格 / its grid")
    name: Line = Field(description="楼栋名称，网格内唯一 / unique in its grid")
    floors: Annotated[int, Field(ge=1, le=200)] | None = Field(None, description="层数 / floors")


class BuildingOut(BaseModel):
    """楼栋 / a building."""

    id: str
    grid: str
    name: str
    floors: int | None
    refreshed_at: datetime = Field(description="最近一次记录 / when something was recorded of it last")
    version: int

    @staticmethod
    def of(building: Building) -> BuildingOut:
        return BuildingOut(**_fields(building))


class DwellingIn(Request):
    """登记房屋 / register a dwelling. 独户住宅二者皆空 / a house of one dwelling has neither."""

    unit: Short = Field("", description="单元 / unit")
    room: Short = Field("", description="房号 / room")


class DwellingOut(BaseModel):
    """房屋 / a dwelling."""

    id: str
    building: str
    grid: str
    unit: str
    room: str

    @staticmethod
    def of(dwelling: Dwelling) -> DwellingOut:
        return DwellingOut(**_fields(dwelling))


class HouseholdIn(Request):
    """登记户 / register a household."""

    grid: AreaText = Field(description="所在网格 / its grid")
    number: Line = Field(description="户号，网格内唯一 / unique in its grid")
    dwelling: Id | None = Field(None, description="房屋 / its dwelling")


class HeadIn(Request):
    """确定户主 / name its head."""

    person: Id


class HouseholdOut(BaseModel):
    """户 / a household."""

    id: str
    grid: str
    number: str
    dwelling: str | None
    head: str | None = Field(description="户主 / its head")
    version: int

    @staticmethod
    def of(household: Household) -> HouseholdOut:
        return HouseholdOut(**_fields(household))


class HomeIn(Request):
    """住处 / where somebody lives."""

    grid: AreaText = Field(description="所在网格 / grid")
    dwelling: Id | None = Field(None, description="房屋 / dwelling")
    household: Id | None = Field(None, description="户 / household")


class PersonalIn(Request):
    """个人信息，只存于本服务 / personal data, which stay in this service."""

    name: Line = Field(description="姓名 / name")
    id_number: IdNumber = Field(description="居民身份证号 / resident ID number (GB 11643)")
    phone: Phone | None = Field(None, description="电话 / phone")
    details: Details = Field(default_factory=dict, description="辖区配置中的其他项 / other fields of the profile")
    registration: Code = Field(description="人口类型，见 GET /codes / kind of registration")


class PersonIn(PersonalIn, HomeIn):
    """登记人员 / register a person."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "grid": "321302002907001",
                "registration": "registered",
                "name": "张某",
                "id_number": "11010519491231002X",
                "phone": "13800000000",
                "details": {"employment": "retired"},
            }
        }
    )


class DepartureIn(Request):
    """离开本地 / lives here no longer."""

    reason: Code = Field(description="见 GET /codes / see the codes")


class PersonOut(BaseModel):
    """人员，姓名与证号已遮蔽 / a person; name and ID are masked."""

    id: str
    grid: str
    building: str | None
    dwelling: str | None
    household: str | None
    sex: str
    birth_from: int = Field(description="出生年段的首年 / first year of the band of birth")
    registration: str
    state: str = Field(description="present departed erased")
    name: str
    id_number: str
    changed_at: datetime
    departed_at: datetime | None
    lost: bool = Field(description="个人信息随数据库丢失，待重新采集 / personal data were lost with a database")
    version: int

    @staticmethod
    def of(person: Person) -> PersonOut:
        values = _fields(person)
        return PersonOut(name=values.pop("shown_name"), id_number=values.pop("shown_id"), **values)


class PrivateOut(BaseModel):
    """个人信息；本次查阅已记录 / personal data; this read was recorded."""

    person: str
    purpose: str
    name: str | None
    id_number: str | None
    birth_date: str | None
    phone: str | None
    details: dict[str, str]
    version: int


class SearchIn(Request):
    """按身份证号精确查找 / find by exact ID. 证号只在正文中，不进入地址 / in the body, never in an address."""

    area: AreaText = Field(description="查找范围 / where to look")
    id_number: IdNumber
    purpose: Code = Field(description="用途 / purpose")


class LinkIn(Request):
    """核验证件后关联账号 / link an account once its holder has shown his card."""

    subject: Line = Field(description="账号 / the `sub` of his token")


class Listed(BaseModel):
    """一页 / a page."""

    next: str | None = Field(None, description="下一页的游标 / cursor of the following page")


class AreaPage(Listed):
    items: list[AreaOut]


class BuildingPage(Listed):
    items: list[BuildingOut]


class DwellingPage(Listed):
    items: list[DwellingOut]


class HouseholdPage(Listed):
    items: list[HouseholdOut]


class PersonPage(Listed):
    items: list[PersonOut]


class PrivatePage(Listed):
    items: list[PrivateOut]


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}
