"""What the API answers, with words in Chinese and English."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from mandates.domain.catalogue import Affair
from mandates.domain.mandate import Mandate
from mandates.domain.organisation import Organisation

Names = list[str]


class OrganisationOut(BaseModel):
    """组织 / an organisation."""

    id: str
    name: dict[str, str]
    kind: str
    parent: str | None
    areas: list[str]
    version: int

    @staticmethod
    def of(org: Organisation) -> OrganisationOut:
        name = {"zh": org.name_zh, "en": org.name_en}
        return OrganisationOut(
            id=org.id, name=name, kind=org.kind, parent=org.parent, areas=list(org.areas), version=org.version
        )


class StaffOut(BaseModel):
    """人员；姓名只给同一组织的人员看 / the name is shown to colleagues only."""

    id: str
    duty: dict[str, str]
    name: dict[str, str] | None


class OrganisationDetail(OrganisationOut):
    """组织及其人员 / an organisation with its staff."""

    staff: list[StaffOut]


class AffairOut(BaseModel):
    """事项 / an affair."""

    code: str
    name: dict[str, str]
    list: str
    owner: str
    powers: Names
    owner_powers: Names
    basis: str
    root: str | None = Field(description="主管部门的根委托 / the owner's root mandate")

    @staticmethod
    def of(a: Affair, root: str | None) -> AffairOut:
        return AffairOut(
            code=a.code,
            name={"zh": a.name_zh, "en": a.name_en},
            list=a.list,
            owner=a.owner,
            powers=[*a.powers],
            owner_powers=[*a.owner_powers],
            basis=a.basis,
            root=root,
        )


class MandateOut(BaseModel):
    """委托 / a mandate."""

    id: str
    affair: str
    area: str
    role: str
    giver: str
    holder: str
    powers: list[str]
    staff: list[str]
    starts_at: datetime
    ends_at: datetime | None
    basis: str
    amount_fen: int | None
    replaces: str | None
    emergency: str | None
    state: str = Field(description="proposed admitted funded active suspended ending settled refused")
    missing: list[str] = Field(description="尚缺 / what it still lacks")
    admitted_by: str | None
    earmark: str | None
    term: int | None
    held_from: datetime | None
    ended_at: datetime | None
    reason: str | None
    shortfall_fen: int
    next_org: str | None = Field(description="下一步由谁 / who can act next")
    next_action: str | None
    switch: str | None = Field(None, description="正在进行的移交 / the switch under way")
    version: int

    @staticmethod
    def values(m: Mandate, switch: str | None = None) -> dict[str, object]:
        names = [n for n in MandateOut.model_fields if n not in ("missing", "switch", "powers", "staff")]
        plain = {name: getattr(m, name) for name in names}
        return {**plain, "missing": m.missing, "switch": switch, "powers": [*m.powers], "staff": [*m.staff]}

    @staticmethod
    def of(m: Mandate, switch: str | None = None) -> MandateOut:
        return MandateOut.model_validate(MandateOut.values(m, switch))


class HistoryOut(BaseModel):
    """一次变化 / one change."""

    version: int
    event: str
    state: str
    at: datetime
    actor_org: str | None
    reason: str | None


class MandateDetail(MandateOut):
    """委托及其经过 / a mandate with its history."""

    history: list[HistoryOut]


class AwaitedOut(BaseModel):
    """等待的副本 / a replica that is waited for."""

    replica: str
    acknowledged: bool
    pending_cases: bool
    lease_over: bool


class SwitchOut(BaseModel):
    """移交 / a switch."""

    id: str
    why: str
    affair: str
    area: str
    mandate: str
    reason: str
    state: str = Field(description="waiting open done dropped cancelled")
    attempt: int
    opened_sequence: int | None
    requested_at: datetime
    opened_at: datetime | None
    deadline_at: datetime | None
    ended_at: datetime | None
    why_dropped: str | None


class SwitchDetail(SwitchOut):
    """移交及其等待的副本 / a switch and whom it waits for."""

    awaited: list[AwaitedOut]
    cases_ready: bool
    on_log: bool


class GrantOut(BaseModel):
    """本服务副本中的权责 / a grant as this service's replica holds it."""

    mandate: str
    affair: str
    area: str
    role: str
    holder: str
    powers: list[str]
    term: int
    starts_at: datetime
    ends_at: datetime | None
    successor: str | None
    in_time: bool
    yields_to: str | None = Field(None, description="让位于 / the switch or narrower mandate that it yields to there")


class Page(BaseModel):
    """一页 / a page; `next` is the cursor of the following one."""

    next: str | None = None


class OrganisationPage(Page):
    """组织 / organisations."""

    items: list[OrganisationOut]


class AffairPage(Page):
    """事项 / affairs."""

    items: list[AffairOut]


class MandatePage(Page):
    """委托 / mandates."""

    items: list[MandateOut]


class SwitchPage(Page):
    """移交 / switches."""

    items: list[SwitchOut]


class GrantPage(Page):
    """权责 / grants. `as_of`: 副本已应用到的记录号 / the sequence that the replica has applied."""

    items: list[GrantOut]
    as_of: int
    beat_at: datetime | None


class RoutingOut(BaseModel):
    """谁负责 / who is responsible, and the chain of prefixes that was asked, longest first."""

    affair: str
    area: str
    responsible: GrantOut | None
    chain: list[GrantOut]
    as_of: int
    beat_at: datetime | None
