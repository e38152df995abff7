"""What is sent to the API, with words in Chinese and English. The answers are in `schemas_out`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be plain text")
    return value


SLUG = r"^[a-z0-9]+([.-][a-z0-9]+)*$"
Slug = Annotated[str, StringConstraints(pattern=SLUG, max_length=64)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_printable)]
AreaText = Annotated[str, StringConstraints(min_length=1, max_length=40)]  # judged by the kernel: `area_malformed`
Power = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z_]+\.[a-z_]+$", max_length=100)]
Powers = list[Power]
Role = Literal["lead", "assist"]
Basis = Literal["per_case", "lump"]


def _moment(value: object) -> object:
    # Numbers would be taken for seconds since 1970, and far years break arithmetic with time zones.
    if not isinstance(value, str | datetime):
        raise ValueError("must be an RFC 3339 text")
    return value


def _sane(value: datetime) -> datetime:
    if not 2000 <= value.year <= 2200:
        raise ValueError("must lie between 2000 and 2200")
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_moment), AfterValidator(_sane)]
# Anything but a whole number passes here, so that the kernel can name what is wrong with an amount.
Amount = Annotated[int | float | str | bool, Field(description="金额，整数分 / whole fen", examples=[3_000_000])]


class Request(BaseModel):
    """What is sent in: a field that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid")


class Words(Request):
    """中英文 / the same in both languages."""

    zh: Name
    en: Name


class StaffIn(Request):
    """人员 / a person who works for the organisation. 姓名只存于本服务 / the name stays in this service."""

    id: Slug = Field(description="人员编号 / id, as in the token's `sub`", examples=["staff-nanguan-04"])
    name: Words
    duty: Words


class OrganisationIn(Request):
    """登记组织 / register an organisation."""

    id: Slug = Field(description="组织编号 / id", examples=["community-chengnan"])
    name: Words
    kind: Literal["department", "street", "community", "grid", "company", "social"] = Field(description="类型 / kind")
    parent: Slug | None = Field(None, description="上级 / parent")
    areas: list[AreaText] = Field(
        min_length=1, max_length=50, description="管辖区域代码 / area codes", examples=[["321302002911"]]
    )
    staff: list[StaffIn] = Field(default_factory=list, max_length=200, description="人员 / staff")


class StaffList(Request):
    """登记人员 / register staff."""

    staff: list[StaffIn] = Field(min_length=1, max_length=200)


class AffairIn(Request):
    """事项入目录 / list an affair. 主管部门随即持有全域的根权责 / its owner then holds the root."""

    code: Slug = Field(description="事项代码 / code", examples=["env.leaf-collection"])
    name: Words
    list: Literal["own", "assist", "forbidden", "certificate", "forbidden_certificate"] = Field(
        description="清单：履职 own、协助 assist、负面 forbidden、证明 certificate，或社区不得开具的证明 / which list"
    )
    owner: Slug = Field(description="主管部门 / owner department", examples=["dept-sanitation"])
    powers: Powers = Field([], max_length=50, examples=[["complaints.case.handle"]])
    owner_powers: Powers = Field([], max_length=50)
    basis: Basis = Field(description="计费：按件 per_case 或包干 lump / how it is paid")


class ProposalIn(Request):
    """提出委托 / propose a mandate. 缺项可后补，未补齐不予准入 / what is lacking can be completed, before admission."""

    affair: Slug = Field(examples=["env.exposed-rubbish"])
    area: AreaText = Field(description="区域 / area", examples=["321302002907"])
    holder: Slug = Field(description="承接组织 / who takes it on", examples=["community-nanguan"])
    role: Role = Field("lead", description="牵头或协助 / lead or assist")
    powers: list[Power] = Field(default_factory=list, max_length=50, examples=[["complaints.case.handle"]])
    staff: list[Slug] = Field(default_factory=list, max_length=200, examples=[["staff-nanguan-01"]])
    starts_at: Moment | None = Field(None, description="开始；缺省或已过即为现在 / start; now if left out or past")
    ends_at: Moment | None = Field(None, description="结束 / end")
    basis: Basis | None = Field(None, description="缺省同事项 / by default the affair's")
    amount_fen: Amount | None = None
    replaces: Annotated[str, StringConstraints(max_length=80)] | None = Field(
        None, description="接替的委托 / the mandate that it hands on"
    )
    emergency: Annotated[str, StringConstraints(max_length=40)] | None = Field(
        None, description="应急情形：立即开始，资金随后 / kind of emergency: starts at once, money follows"
    )


class AmendmentIn(Request):
    """补正 / complete a proposal; what is left out stays."""

    powers: list[Power] | None = Field(None, max_length=50)
    staff: list[Slug] | None = Field(None, max_length=200)
    ends_at: Moment | None = None
    amount_fen: Amount | None = None


class AdmissionIn(Request):
    """准入决定 / the decision. 不予准入须说明理由 / a refusal needs a reason."""

    decision: Literal["admit", "refuse"]
    reason: Note | None = None


class ReasonIn(Request):
    """理由 / why."""

    reason: Note = Field(examples=["居民普遍不满意"])


class NoteIn(Request):
    """可附说明 / a note may be added."""

    reason: Note | None = None
