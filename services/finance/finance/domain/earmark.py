"""Earmarks: money set aside for a mandate. Source: authority.md §4."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suizhuan.kernel.fen import pro_rata

ACTIVE, CLAIM, ENDED, SETTLED = "active", "claim", "ended", "settled"
PER_CASE, LUMP = "per_case", "lump"


@dataclass(frozen=True, slots=True)
class Earmark:
    """amount = captured + returned + held + left, always. A claim is money owed, not held: its amount is 0 here."""

    mandate: str
    payer: str
    holder: str
    basis: str
    amount_fen: int
    captured_fen: int = 0
    returned_fen: int = 0
    held_fen: int = 0
    state: str = ACTIVE
    version: int = 0

    @property
    def available_fen(self) -> int:
        """What can still be held or paid from it."""
        return self.amount_fen - self.captured_fen - self.returned_fen - self.held_fen

    def hold(self, amount: int) -> Earmark:
        return replace(self, held_fen=self.held_fen + amount)

    def release(self, amount: int) -> Earmark:
        return replace(self, held_fen=self.held_fen - amount)

    def capture(self, amount: int, *, held: bool) -> Earmark:
        return replace(
            self,
            captured_fen=self.captured_fen + amount,
            held_fen=self.held_fen - amount if held else self.held_fen,
        )

    def give_back(self, amount: int) -> Earmark:
        return replace(self, returned_fen=self.returned_fen + amount)

    def earned_fen(self, starts_at: datetime, ends_at: datetime | None, ended_at: datetime) -> int:
        """Of a lump sum, what the holder keeps: the rest goes back by days left, rounded down to the fen."""
        if self.basis != LUMP or ends_at is None or ended_at >= ends_at:
            return self.available_fen if self.basis == LUMP else 0
        if ended_at <= starts_at:
            return 0
        day = timedelta(days=1)
        whole = max(1, -(-(ends_at - starts_at) // day))
        left = max(0, (ends_at - ended_at) // day)
        return self.available_fen - pro_rata(self.available_fen, left, whole)
