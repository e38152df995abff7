"""What the jurisdiction profile says about property, as the service asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from suizhuan.adapters.china_calendar import ChinaCalendar
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.worktime import Limit, due
from suizhuan.profile import Profile
from suizhuan.profile_property import Property, RepairKind


@dataclass(frozen=True, slots=True)
class Rules:
    """Norms, limits and calendar of one jurisdiction."""

    profile: Profile
    calendar: ChinaCalendar

    @staticmethod
    def of(profile: Profile) -> Rules:
        return Rules(profile, ChinaCalendar(profile.working_hours))

    @property
    def own(self) -> Property:
        return self.profile.property

    def repair_kind(self, code: str) -> RepairKind:
        """Errors: `unknown_repair_kind`."""
        for kind in self.own.repairs.kinds:
            if kind.code == code:
                return kind
        raise Refusal("unknown_repair_kind", kind=code)

    def answered_by(self, asked: datetime, limit: str | None) -> datetime:
        """When a firm must have answered: by its contract's limit, else the profile's."""
        return due(asked, Limit.parse(limit) if limit else self.own.repairs.answer_limit, self.calendar)

    def affair_of(self, category: str) -> str:
        """The affair under which complaints handles a category; of the profile, which names each category's."""
        found = self.profile.category(category)
        if found is None:
            raise Refusal("unknown_repair_kind", kind=category)
        return found.affair
