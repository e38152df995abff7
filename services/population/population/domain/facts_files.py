"""What happens to classified files and residence permits. They name no person: see `facts`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOpened:
    """A classified file 分类档案 of this kind is kept in this grid; its person is to be visited by `due_at`."""

    file: str
    kind: str
    grid: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVisited:
    """Its person was visited, or was not at home. `outcome` is one of the profile's; the next visit by `due_at`."""

    file: str
    grid: str
    outcome: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitOverdue:
    """Nobody has come by `due_at`; said again at the profile's interval until somebody comes. `times` counts it."""

    file: str
    kind: str
    grid: str
    due_at: datetime
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMoved:
    """Its person lives in another grid: whoever is responsible there keeps the file."""

    file: str
    grid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileClosed:
    """The file is kept no longer; `reason` is one of the profile's."""

    file: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePrivateRead:
    """Somebody read what the file says of its person, under a power and for a purpose."""

    file: str
    power: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitApplied:
    """A residence permit 居住证 was applied for, to be issued by `due_at`. `ground`: job, home, school."""

    permit: str
    grid: str
    ground: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitOverdue:
    """It was not issued by `due_at`."""

    permit: str
    grid: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitIssued:
    """It was issued and holds until `valid_until`, by when it is to be endorsed."""

    permit: str
    grid: str
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitEndorsementDue:
    """It ends soon unless it is endorsed 签注."""

    permit: str
    grid: str
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitEndorsed:
    """It holds on until `valid_until`; one that had lapsed holds again."""

    permit: str
    grid: str
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitLapsed:
    """It was not endorsed in time and gives no right until it is."""

    permit: str
    grid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitMoved:
    """Its holder lives in another grid."""

    permit: str
    grid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitCancelled:
    """Its holder has left the city, or got a registration here."""

    permit: str
    grid: str
