"""A hub's subscription: events are pushed to its endpoint until it is ended, or parked because nobody answers there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suizhuan.kernel.refusal import Refusal

ACTIVE, PARKED, ENDED = "active", "parked", "ended"
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Subscription:
    """`cursor` is the position after the last events that its endpoint has taken. `failing_since` and `attempts` tell
    of an endpoint that does not; `generation` of the secret, which a new one replaces."""

    id: str
    hub: str
    purpose: str
    url: str
    types: tuple[str, ...]
    area: str | None
    since: datetime | None
    state: str
    cursor: str
    generation: int
    created_at: datetime
    failing_since: datetime | None = None
    attempts: int = 0
    next_at: datetime | None = None
    why: str | None = None
    delivered: int = 0
    version: int = 1

    def after(self, **changes: object) -> Subscription:
        return replace(self, **changes, version=self.version + 1)  # type: ignore[arg-type]

    def taken(self, cursor: str, events: int) -> Subscription:
        """Its endpoint has taken everything before this position."""
        return self.after(
            cursor=cursor,
            delivered=self.delivered + events,
            failing_since=None,
            attempts=0,
            next_at=None,
            why=None,
        )

    def passed(self, cursor: str) -> Subscription:
        """Before this position there was nothing for it; that says nothing of its endpoint."""
        return self.after(cursor=cursor)

    def failed(self, why: str, now: datetime, dead_after: timedelta, *, for_good: bool = False) -> Subscription:
        """Nothing more could be pushed: tried again later, ever more rarely, and parked after `dead_after`, or at once
        when that is `for_good`."""
        since = self.failing_since or now
        if for_good or now - since >= dead_after:
            return self.after(state=PARKED, failing_since=since, attempts=self.attempts + 1, next_at=None, why=why)
        pause = min(FIRST_PAUSE * 2 ** min(self.attempts, 20), LONGEST_PAUSE)
        return self.after(failing_since=since, attempts=self.attempts + 1, next_at=now + pause, why=why)

    def resumed(self, purpose: str) -> Subscription:
        """From where it stopped, nothing left out, for the purpose for which its hub reads today. One that is at work
        for that purpose stays as it is: who resumes it now and then must not keep a dead endpoint from being parked.

        Errors: `subscription_ended`."""
        if self.state == ENDED:
            raise Refusal("subscription_ended", subscription=self.id)
        if self.state == ACTIVE and self.purpose == purpose:
            return self
        return self.after(state=ACTIVE, purpose=purpose, failing_since=None, attempts=0, next_at=None, why=None)

    def rotated(self) -> Subscription:
        """From now on signed with another secret. Errors: `subscription_ended`."""
        if self.state == ENDED:
            raise Refusal("subscription_ended", subscription=self.id)
        return self.after(generation=self.generation + 1)

    def ended(self) -> Subscription:
        return self.after(state=ENDED, next_at=None) if self.state != ENDED else self
