"""What the gateway needs of the services' events: its own tolerant views."""

from __future__ import annotations

from datetime import datetime

from suizhuan.areas import CodeOfToday
from suizhuan.inbox import View


class OrganisationView(View):
    org: str
    name: str
    name_en: str = ""
    kind: str = ""
    parent: str | None = None
    areas: list[CodeOfToday]


class AffairView(View):
    affair: str
    name: str
    name_en: str = ""
    list: str
    owner: str
    basis: str = "per_case"


class MandateTermsView(View):
    """Proposed, admitted or activated: all that a mandate is."""

    mandate: str
    affair: str
    area: CodeOfToday
    role: str
    giver: str
    holder: str
    powers: list[str]
    staff_count: int = 0
    starts_at: datetime
    ends_at: datetime | None = None
    basis: str
    amount_fen: int
    term: int | None = None


class MandateView(View):
    """Any later event of a mandate."""

    mandate: str


class MandateRekeyedView(View):
    """Its area has another code."""

    mandate: str
    holder: str
    area: CodeOfToday
    term: int | None = None


class CaseRekeyedView(View):
    """The same case under the code that its place has now, and under the grant's new term."""

    case: str
    area: CodeOfToday
    mandate: str
    term: int


class ReportedView(View):
    case: str
    category: str
    affair: str
    area: CodeOfToday
    channel: str


class RoutedView(View):
    case: str
    case_term: int
    affair: str
    area: CodeOfToday
    responsible: str
    mandate: str
    term: int
    price_fen: int
    due_at: datetime
    yellow_at: datetime
    red_at: datetime


class CaseView(View):
    case: str


class TimesView(View):
    case: str
    due_at: datetime
    yellow_at: datetime
    red_at: datetime


class CardView(View):
    case: str
    card: str


class RequestedView(View):
    case: str
    handover: str


class HandedOverView(View):
    case: str
    case_term: int
    receiver: str
    affair: str
    mandate: str
    term: int
    price_fen: int


class MovedView(View):
    """Returned or re-pointed."""

    case: str
    case_term: int
    to: str
    mandate: str
    term: int
    affair: str
    price_fen: int


class ClosedView(View):
    case: str
    outcome: str


class LineView(View):
    org: str
    account: str
    earmark: str | None = None
    amount_fen: int


class EntryView(View):
    entry: str
    kind: str
    cause: str
    memo: str = ""
    lines: list[LineView]


class FundedView(View):
    mandate: str
    payer: str
    holder: str
    amount_fen: int
    basis: str
    entry: str | None = None


class ReturnedView(View):
    mandate: str
    payer: str
    holder: str
    amount_fen: int


class SettledView(View):
    mandate: str


class PlacedView(View):
    hold: str
    purpose: str
    ref: str
    case: str
    payer: str
    mandate: str | None = None
    amount_fen: int


class CapturedView(View):
    hold: str
    case: str
    payer: str
    payee: str
    amount_fen: int
    entry: str | None = None


class ReleasedView(View):
    hold: str
    case: str
    payer: str
    amount_fen: int
