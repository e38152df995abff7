"""Answers about imports."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from population.domain.job import Job
from population.schemas import Listed


class JobOut(BaseModel):
    """导入进度 / an import, and how far it is."""

    id: str
    area: str
    org: str
    format: str
    state: str = Field(description="waiting running done stopped lost")
    size: int = Field(description="字节 / bytes")
    read: int = Field(description="已读行数，不含表头 / rows read, without the header")
    total: int | None = Field(description="总行数，读完方知 / rows in all, once it has been read")
    added: int = Field(description="新登记 / new people")
    updated: int = Field(description="更新 / people who were changed")
    unchanged: int = Field(description="无变化 / people who are as they were")
    refused: int = Field(description="有误待改 / rows to be mended")
    buildings: int = Field(description="新增楼栋 / new buildings")
    dwellings: int = Field(description="新增房屋 / new dwellings")
    households: int = Field(description="新增户 / new households")
    begun_at: datetime
    ended_at: datetime | None
    reason: str | None = Field(description="中止原因 / why it stopped")
    version: int

    @staticmethod
    def of(job: Job) -> JobOut:
        values = {name: getattr(job, name) for name in JobOut.model_fields}
        return JobOut(**{**values, "read": job.rows, "total": job.rows if job.total is not None else None})


class JobPage(Listed):
    items: list[JobOut]
