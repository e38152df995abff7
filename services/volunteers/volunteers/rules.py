"""What the jurisdiction profile says about voluntary service, as the service asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Timing
from suizhuan.profile import Profile
from suizhuan.profile_volunteering import Training, Volunteering
from volunteers.domain.volunteer import Ages


@dataclass(frozen=True, slots=True)
class Rules:
    """Ages, stars, and the words of one jurisdiction."""

    profile: Profile

    @property
    def of(self) -> Volunteering:
        return self.profile.volunteering

    @property
    def timing(self) -> Timing:
        return self.profile.authority.timing

    @property
    def ages(self) -> Ages:
        return Ages(self.of.least_age, self.of.adult_age, self.of.senior_age)

    @property
    def early(self) -> timedelta:
        """How long before a shift one may check in."""
        return timedelta(minutes=self.of.check_in_early_m)

    def training(self, code: str) -> Training:
        """Errors: `unknown_word`."""
        for training in self.of.training:
            if training.code == code:
                return training
        raise Refusal("unknown_word", what="training", word=code)

    def check(self, what: str, words: Iterable[str]) -> None:
        """`what` is a list of the profile: team_kinds, activity_kinds, skills, training, awards, needs, visits.

        Errors: `unknown_word`."""
        known = {kind.code for kind in getattr(self.of, what)}
        for word in words:
            if word not in known:
                raise Refusal("unknown_word", what=what, word=word)
