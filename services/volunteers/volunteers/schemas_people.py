"""Answers of the API about people, with words in Chinese and English."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

from volunteers.domain.pairing import Pairing
from volunteers.domain.recognition import Award, Certificate
from volunteers.domain.volunteer import Volunteer
from volunteers.schemas import Answer


class VolunteerOut(Answer):
    """志愿者，不含个人信息 / a volunteer, without personal data."""

    id: str
    state: str = Field(description="active erased")
    area: str = Field(description="社区 / community")
    age_band: str = Field(description="minor adult senior")
    skills: tuple[str, ...]
    minutes: int = Field(description="已确认的服务分钟数 / confirmed minutes of service")
    star: int = Field(description="星级 / stars")
    registered_at: datetime
    version: int

    @staticmethod
    def of(volunteer: Volunteer) -> VolunteerOut:
        return VolunteerOut.model_validate(volunteer)


class VolunteerPage(BaseModel):
    """志愿者，新的在前 / volunteers, newest first."""

    items: list[VolunteerOut]
    next: str | None = None


class PrivateOut(BaseModel):
    """个人信息；本次查阅已记录 / personal data; this read was recorded. 恢复后丢失的为空 / null: lost in a restore."""

    volunteer: str
    purpose: str
    name: str | None
    id_number: str | None
    born: date | None
    phone: str | None
    skill_note: str | None
    guardian_consent: str | None
    version: int


class TrainedOut(BaseModel):
    """已完成的培训 / a course that was attended."""

    volunteer: str
    training: str
    course: str
    attended_at: datetime
    valid_until: datetime


class TrainedPage(BaseModel):
    """已完成的培训，每种一条 / one of each kind."""

    items: list[TrainedOut]
    next: str | None = None


class AwardOut(Answer):
    """荣誉 / an award."""

    id: str
    kind: str
    giver: str
    area: str
    state: str = Field(description="given published kept")
    given_at: datetime
    shown_as: str | None = Field(None, description="本人同意公布的名义 / the name under which he lets it be published")

    @staticmethod
    def of(award: Award, shown_as: str | None = None) -> AwardOut:
        return AwardOut.model_validate(award).model_copy(update={"shown_as": shown_as})


class AwardPage(BaseModel):
    """荣誉，新的在前 / awards, newest first."""

    items: list[AwardOut]
    next: str | None = None


class CertificateOut(Answer):
    """服务证明，不含个人信息；查到即为真 / a certificate, without personal data; what is found is genuine."""

    number: str
    issuer: str
    minutes: int
    issued_at: datetime

    @staticmethod
    def of(certificate: Certificate) -> CertificateOut:
        return CertificateOut.model_validate(certificate)


class CertificatePage(BaseModel):
    """本人的服务证明 / one's own certificates."""

    items: list[CertificateOut]
    next: str | None = None


class CertificateDocument(CertificateOut):
    """服务证明全文，仅给本人 / the whole certificate, for the volunteer alone."""

    name: str
    id_number: str


class PairingOut(Answer):
    """结对，志愿者可知的部分 / a pairing, as far as the volunteer may know."""

    id: str
    state: str = Field(description="offered active ended")
    org: str
    need: str
    area: str
    linked: bool = Field(description="否：恢复后须重新说明档案 / false: after a restore its file has to be said again")
    arranged_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    version: int

    @staticmethod
    def of(pairing: Pairing) -> PairingOut:
        return PairingOut.model_validate(pairing)


class PairingFullOut(PairingOut):
    """结对全部内容，仅给有权者 / all of it, for who has the power; this read was recorded."""

    volunteer: str
    purpose: str
    file: str | None
    file_consent: str | None
    volunteer_consent: str | None


class PairingPage(BaseModel):
    """结对，新的在前 / pairings, newest first."""

    items: list[PairingOut]
    next: str | None = None


class VisitOut(BaseModel):
    """走访 / a visit."""

    id: str
    pairing: str
    finding: str
    minutes: int
    at: datetime
    version: int | None = Field(None, description="结对的版本 / version of the pairing")


class VisitPage(BaseModel):
    """走访，新的在前 / visits, newest first."""

    items: list[VisitOut]
    next: str | None = None
