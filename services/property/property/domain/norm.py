"""The norm of community premises: what there is against what the households want, in exact integers.

Source: 30 m² for every 100 households, at least 60 % of them for activity (domain.md §6; numbers from the profile).
"""

from __future__ import annotations

from dataclasses import dataclass

DM2_PER_M2 = 100


@dataclass(frozen=True, slots=True)
class Coverage:
    """A community. Areas in dm² (0.01 m²)."""

    area: str
    households: int
    size_dm2: int
    activity_dm2: int
    wanted_dm2: int
    activity_percent: int

    @property
    def short_dm2(self) -> int:
        """What is missing; 0 where the norm is met."""
        return max(0, self.wanted_dm2 - self.size_dm2)

    @property
    def met(self) -> bool:
        return self.size_dm2 >= self.wanted_dm2

    @property
    def activity_met(self) -> bool:
        """Whether enough of what there is serves activity; of nothing, nothing is enough."""
        return self.activity_dm2 * 100 >= self.activity_percent * self.size_dm2


def wanted_dm2(households: int, m2_per_100: int) -> int:
    """`m2_per_100` m² for 100 households is as many dm² for each of them."""
    return households * m2_per_100 * DM2_PER_M2 // 100
