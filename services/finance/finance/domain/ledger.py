"""Double entry in fen: debit positive, credit negative; an entry sums to 0 for each organisation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from finance.domain.facts import EntryPosted, Line
from suizhuan.kernel.refusal import Refusal

RENT = "rent"


@dataclass(frozen=True, slots=True)
class Roles:
    """Which accounts of the chart automatic entries use."""

    bank: str
    earmark: str
    subsidy: str
    allocation: str
    receivable: str
    rent: str
    other_income: str


def check_balanced(lines: Sequence[Line]) -> None:
    """Errors: `entry_unbalanced` names the organisation and the difference; an empty entry balances nothing."""
    sums: dict[str, int] = defaultdict(int)
    for line in lines:
        sums[line.org] += line.amount_fen
    for org, total in sorted(sums.items()):
        if total:
            raise Refusal("entry_unbalanced", org=org, difference=total)


def fund(roles: Roles, payer: str, holder: str, mandate: str, amount: int) -> list[Line]:
    """Money of `payer` becomes the earmark of `mandate` with `holder`: 专项应付款."""
    return [
        Line(org=payer, account=roles.allocation, earmark=None, amount_fen=amount),
        Line(org=payer, account=roles.bank, earmark=None, amount_fen=-amount),
        Line(org=holder, account=roles.bank, earmark=mandate, amount_fen=amount),
        Line(org=holder, account=roles.earmark, earmark=mandate, amount_fen=-amount),
    ]


def give_back(roles: Roles, payer: str, holder: str, mandate: str, amount: int) -> list[Line]:
    """What is left of an earmark goes back to who paid it."""
    return reversed_lines(fund(roles, payer, holder, mandate, amount))


def pay_from_earmark(roles: Roles, holder: str, mandate: str, payee: str, amount: int) -> list[Line]:
    """Verified work is paid out of an earmark."""
    return [
        Line(org=holder, account=roles.earmark, earmark=mandate, amount_fen=amount),
        Line(org=holder, account=roles.bank, earmark=mandate, amount_fen=-amount),
        Line(org=payee, account=roles.bank, earmark=None, amount_fen=amount),
        Line(org=payee, account=roles.subsidy, earmark=None, amount_fen=-amount),
    ]


def pay_from_budget(roles: Roles, payer: str, payee: str, amount: int) -> list[Line]:
    """Verified work is paid out of the payer's own budget; nothing moves when it did the work itself."""
    if payer == payee:
        return []
    return allocate(roles, payer, payee, amount)


def income_due(roles: Roles, org: str, what: str, amount: int) -> list[Line]:
    """What is due to `org` becomes receivable, and income (accrual)."""
    income = roles.rent if what == RENT else roles.other_income
    return [
        Line(org=org, account=roles.receivable, earmark=None, amount_fen=amount),
        Line(org=org, account=income, earmark=None, amount_fen=-amount),
    ]


def income_received(roles: Roles, org: str, amount: int) -> list[Line]:
    """What was receivable has come to the bank."""
    return [
        Line(org=org, account=roles.bank, earmark=None, amount_fen=amount),
        Line(org=org, account=roles.receivable, earmark=None, amount_fen=-amount),
    ]


def rows_of(entry: EntryPosted, *, posted_by: str, at: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(the row of an entry, the rows of its lines): a pure function of what was published, who said it and when."""
    head = {
        "id": entry.entry,
        "kind": entry.kind,
        "cause": entry.cause,
        "memo": entry.memo,
        "case": entry.case,
        "mandate": entry.mandate,
        "posted_by": posted_by,
        "approved_by": entry.approved_by,
        "at": at,
    }
    lines = [
        {
            "entry": entry.entry,
            "number": number,
            "org": line.org,
            "account": line.account,
            "earmark": line.earmark or "",
            "amount_fen": line.amount_fen,
        }
        for number, line in enumerate(entry.lines)
    ]
    return head, lines


def reversed_lines(lines: Sequence[Line]) -> list[Line]:
    """红冲: the same lines, the other way round."""
    return [
        Line(org=line.org, account=line.account, earmark=line.earmark, amount_fen=-line.amount_fen) for line in lines
    ]


def allocate(roles: Roles, payer: str, payee: str, amount: int) -> list[Line]:
    """A budget moves from one organisation to another."""
    return [
        Line(org=payer, account=roles.allocation, earmark=None, amount_fen=amount),
        Line(org=payer, account=roles.bank, earmark=None, amount_fen=-amount),
        Line(org=payee, account=roles.bank, earmark=None, amount_fen=amount),
        Line(org=payee, account=roles.subsidy, earmark=None, amount_fen=-amount),
    ]
