"""Who acts and why: what every event of a transaction says about its origin (G6)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from uuid_utils import uuid7

from suizhuan.cloudevents import Event


def new_id() -> str:
    """A fresh UUIDv7: unique, and sorted by time."""
    return str(uuid7())


def derived_id(cause: str, what: str, index: int = 0) -> str:
    """The same id whenever the same cause leads to the same thing, so that a repeat is the same event."""
    return str(uuid5(NAMESPACE_URL, f"suizhuan:{cause}:{what}:{index}"))


def dated_id(when: datetime, cause: str, what: str) -> str:
    """Like `derived_id`, and sorted by time among those of `new_id`: a UUIDv7 whose random bits come from the cause."""
    digest = int.from_bytes(hashlib.blake2b(f"suizhuan:{cause}:{what}".encode(), digest_size=10).digest())
    bits = int(when.timestamp() * 1000) << 80 | digest
    bits = bits & ~(0xF << 76) | 0x7 << 76  # its version
    bits = bits & ~(0x3 << 62) | 0x2 << 62  # its variant
    return str(UUID(int=bits))


@dataclass(frozen=True, slots=True)
class Context:
    """The origin of a transaction. `cause` is set when an event, a deadline row or a seed caused it: then the
    ids of what is emitted derive from it."""

    actor: str
    org: str | None
    correlation_id: str
    cause: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None

    @staticmethod
    def of_event(service: str, event: Event) -> Context:
        """The context of a consumer that handles `event`."""
        return Context(
            actor=f"service:{service}",
            org=None,
            correlation_id=event.attribute("correlationid") or event.id,
            cause=event.id,
            causation_id=event.id,
            traceparent=event.attribute("traceparent"),
        )

    @staticmethod
    def of_system(service: str, cause: str | None = None) -> Context:
        """The context of what the service does by itself: deadlines, beats, the founding."""
        return Context(actor=f"service:{service}", org=None, correlation_id=cause or new_id(), cause=cause)

    def event_id(self, what: str, index: int) -> str:
        if self.cause is None:
            return new_id()
        return derived_id(self.cause, what, index)


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in any of its usual spellings."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
