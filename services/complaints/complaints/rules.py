"""What the jurisdiction profile says about cases, as the service asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from complaints.domain.times import Clockwork
from suizhuan.adapters.china_calendar import ChinaCalendar
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Timing
from suizhuan.kernel.worktime import Limit
from suizhuan.profile import Category, Profile

REFERRED = "department"  # the channel of what other departments refer, and of nobody else


@dataclass(frozen=True, slots=True)
class Rules:
    """Limits, prices, categories and calendar of one jurisdiction."""

    profile: Profile
    clockwork: Clockwork

    @staticmethod
    def of(profile: Profile) -> Rules:
        calendar = ChinaCalendar(profile.working_hours)
        cards = profile.cards
        return Rules(profile, Clockwork(calendar, cards.yellow_workdays_before, cards.red_workdays_after))

    @property
    def timing(self) -> Timing:
        return self.profile.authority.timing

    @property
    def handover_wait(self) -> timedelta:
        """How long a handover may wait for its money."""
        return timedelta(seconds=self.profile.handover.deadline_s)

    @property
    def end_lead(self) -> timedelta:
        """How long before a planned end its cases' holds are asked for."""
        return timedelta(seconds=self.profile.handover.end_hold_lead_s)

    def category(self, code: str) -> Category:
        """Errors: `unknown_category`."""
        for category in self.profile.categories:
            if category.code == code:
                return category
        raise Refusal("unknown_category", category=code)

    def limit_of(self, category: Category) -> Limit:
        return category.limit or self.profile.default_limit

    def check_channel(self, code: str) -> None:
        """Errors: `unknown_channel`."""
        if all(channel.code != code for channel in self.profile.channels):
            raise Refusal("unknown_channel", channel=code)

    def check_redirect(self, code: str) -> None:
        """Errors: `unknown_redirect`."""
        if all(redirect.code != code for redirect in self.profile.out_of_scope):
            raise Refusal("unknown_redirect", redirect=code)

    def price(self, affair: str, published: int | None) -> int:
        """The price of a case: finance's tariff, before it is heard the profile's, from which finance takes it."""
        return published if published is not None else self.profile.tariffs.get(affair, 0)
