"""Bills 单据: what other departments have asked of finance. Source: `suizhuan.bills`, authority.md §4 (money first)."""

from __future__ import annotations

from dataclasses import dataclass, replace

INCOME, COST = "income", "cost"
HELD, BOOKED, PAID, RELEASED, REFUSED = "held", "booked", "paid", "released", "refused"
STATES = (HELD, BOOKED, PAID, RELEASED, REFUSED)
SHORT, NOT_UNDER_MANDATE, NO_EARMARK, ABOVE_HOLD = "short", "not_under_mandate", "no_earmark", "above_hold"


@dataclass(frozen=True, slots=True)
class Bill:
    """One thing to be received by `org`, or paid from the earmark of `mandate`, which `org` holds.

    A cost is held, then paid or released; an income is booked as receivable, then paid or released."""

    service: str
    bill: str
    kind: str
    org: str
    mandate: str | None
    what: str
    amount_fen: int
    state: str
    paid_fen: int = 0
    version: int = 0

    @property
    def key(self) -> str:
        return f"{self.service}:{self.bill}"

    @property
    def open(self) -> bool:
        """Something can still become of it."""
        return self.state in (HELD, BOOKED)

    def now(self, state: str, paid_fen: int = 0) -> Bill:
        return replace(self, state=state, paid_fen=paid_fen, version=self.version + 1)
