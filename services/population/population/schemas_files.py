"""Requests and answers about classified files and residence permits."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from population.domain.file import File
from population.domain.permit import Permit
from population.schemas import Code, Id, Line, Listed, Request

Attributes = Annotated[dict[Code, Code], Field(max_length=20)]


class FileIn(Request):
    """建档 / open a classified file. 内容只选代码，不写文字 / codes only, no free text about a person's need."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"person": "0190…", "kind": "disabled", "attributes": {"type": "limbs", "grade": "g2"}}
        }
    )
    person: Id
    kind: Code = Field(description="档案类别，见 GET /codes / kind")
    attributes: Attributes = Field(default_factory=dict, description="类别规定的内容 / what the kind asks for")
    officer: Line | None = Field(None, description="责任人账号 / the officer's account")


class VisitIn(Request):
    """走访 / a visit."""

    outcome: Code = Field(description="结果，见 GET /codes / outcome")


class EndingIn(Request):
    """结档 / close."""

    reason: Code = Field(description="原因，见 GET /codes / reason")


class FileOut(BaseModel):
    """档案 / a file; what it says of its person is read apart."""

    id: str
    person: str
    kind: str
    grid: str
    state: str
    officer: str | None
    opened_at: datetime
    due_at: datetime = Field(description="下次走访期限 / to be visited by")
    visited_at: datetime | None
    reminded: int = Field(description="已催办次数 / reminders since")
    ending: str | None
    version: int

    @staticmethod
    def of(file: File) -> FileOut:
        return FileOut(**{name: getattr(file, name) for name in FileOut.model_fields})


class FilePrivateOut(BaseModel):
    """档案内容；本次查阅已记录 / what the file says; this read was recorded."""

    file: str
    purpose: str
    attributes: dict[str, str]
    version: int


class VisitOut(BaseModel):
    """一次走访 / a visit."""

    version: int
    at: datetime
    org: str
    outcome: str


class FilePage(Listed):
    items: list[FileOut]


class VisitPage(Listed):
    items: list[VisitOut]


class PermitIn(Request):
    """申领居住证 / apply for a residence permit."""

    person: Id
    ground: Code = Field(description="job home school")
    lived_since: date = Field(description="居住起始日 / lives here since")


class EmptyIn(Request):
    """无须填写 / nothing to say."""


class PermitOut(BaseModel):
    """居住证 / a residence permit."""

    id: str
    person: str
    grid: str
    ground: str
    state: str = Field(description="applied issued lapsed cancelled")
    applied_at: datetime
    due_at: datetime = Field(description="应制发期限 / to be issued by")
    valid_until: datetime | None = Field(description="签注有效期 / to be endorsed by")
    version: int

    @staticmethod
    def of(permit: Permit) -> PermitOut:
        return PermitOut(**{name: getattr(permit, name) for name in PermitOut.model_fields})


class PermitPage(Listed):
    items: list[PermitOut]
