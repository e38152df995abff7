"""What the auditor has to be told: the profile's times, and which account is the bank."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """S, A and ε (authority.md), and the account in which money lies."""

    staleness: timedelta = timedelta(minutes=15)
    act: timedelta = timedelta(seconds=5)
    clock_error: timedelta = timedelta(milliseconds=50)
    bank: str = "102"

    @property
    def gap(self) -> timedelta:
        """2ε + A: within this nobody can say which side of a planned end an act was on."""
        return 2 * self.clock_error + self.act

    @property
    def wait(self) -> timedelta:
        """S + 2ε + A: after this a silent replica can act no more."""
        return self.staleness + self.gap
