"""Requests and answers about the rights of a person, and about coverage and codes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from population.domain.correction import Correction
from population.schemas import Code, Line, Listed, PersonOut, Request
from population.schemas_files import FileOut, PermitOut


class GroupOut(BaseModel):
    """一组信息为何、依何、存多久 / why a group of fields is held, on what basis, for how long (PIPL 17, 48)."""

    code: str
    name: dict[str, str]
    purpose: dict[str, str]
    basis: str = Field(description="statutory consent")
    sensitive: bool
    keep_days: int = Field(description="离开后保存天数 / days after departure")
    held: bool = Field(description="目前有无 / whether anything of it is held")


class ReadOut(BaseModel):
    """谁为何查阅 / who read what, and why."""

    at: datetime
    org: str
    power: str
    purpose: str
    fields: list[str]


class FileHeldOut(FileOut):
    """您的档案及其内容 / your file, with what it says."""

    attributes: dict[str, str]


class OwnOut(BaseModel):
    """关于您的全部记录 / everything that is held on you."""

    person: PersonOut
    name: str | None
    id_number: str | None
    birth_date: str | None
    phone: str | None
    details: dict[str, str]
    groups: list[GroupOut]
    files: list[FileHeldOut]
    permit: PermitOut | None
    reads: list[ReadOut] = Field(description="最近的查阅 / the newest reads")


class CorrectionIn(Request):
    """申请更正 / ask to have a field put right."""

    field: Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z0-9._-]+$")] = Field(
        description="name id_number phone 或其他项代码 / field"
    )
    value: Line = Field(description="应为 / what it should be")


class DecisionIn(Request):
    """办理更正 / decide."""

    accepted: bool
    answer: Line = Field(description="答复，本人可见 / the answer, which the person reads")


class CorrectionOut(BaseModel):
    """更正请求 / a request. 内容另行查阅 / what it asks for is read apart."""

    id: str
    person: str
    grid: str
    field: str
    state: str = Field(description="asked accepted rejected")
    asked_at: datetime
    due_at: datetime
    answer: str | None = Field(None, description="仅本人可见 / for the person alone")
    version: int

    @staticmethod
    def of(one: Correction, answer: str | None = None) -> CorrectionOut:
        names = [name for name in CorrectionOut.model_fields if name != "answer"]
        return CorrectionOut(**{name: getattr(one, name) for name in names}, answer=answer)


class CorrectionPrivateOut(BaseModel):
    """请求更正的内容；本次查阅已记录 / what is asked for; this read was recorded."""

    correction: str
    purpose: str
    field: str
    value: str | None
    version: int


class CorrectionPage(Listed):
    items: list[CorrectionOut]


class ErasureIn(Request):
    """申请删除 / ask for erasure. 不填则全部 / all groups where none is named."""

    groups: list[Code] | None = Field(None, max_length=40)


class KeptOut(BaseModel):
    """依法须保存的 / what the law keeps."""

    group: str
    duties: list[dict[str, str]]


class ErasureOut(BaseModel):
    """删除结果 / what became of it."""

    person: str
    erased: list[str]
    kept: list[KeptOut]
    version: int


class CoverageOut(BaseModel):
    """缺人、缺钱或缺新记录的网格或楼栋 / a grid or building without staff, money or fresh records."""

    area: str = Field(description="网格 / grid")
    building: str | None
    missing: list[str] = Field(description="staff money records")
    responsible: str | None = Field(description="现由谁负责 / who is responsible there")
    refreshed_at: datetime | None = Field(description="最近一次记录 / the newest record")


class CoveragePage(Listed):
    items: list[CoverageOut]
    as_of: datetime
