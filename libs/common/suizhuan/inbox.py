"""What a service hears: handlers by event name, each with the tolerant view it needs of the event's data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from suizhuan.cloudevents import Event
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx


class View(BaseModel):
    """A tolerant view of another service's event: unknown fields are ignored, needed ones must be there.

    So a later version that only adds passes, and one that took something away is told (dead letter)."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Handler = Callable[[Tx, Event, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """`handler` wants `name` from `topic`, written against `version` of it; `view` parses the data."""

    topic: str
    name: str
    version: int
    view: type[View]
    handler: Handler


class Inbound:
    """All that one consumer group of a service listens to."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.subscriptions: dict[str, Subscription] = {}

    def on(self, topic: str, name: str, view: type[View], version: int = 1) -> Callable[[Handler], Handler]:
        """Register a handler: `@inbound.on("finance.hold", "finance.hold.placed", HoldPlaced)`."""

        def register(handler: Handler) -> Handler:
            if name in self.subscriptions:
                raise ValueError(f"{self.group} handles {name} twice")
            self.subscriptions[name] = Subscription(topic, name, version, view, handler)
            return handler

        return register

    @property
    def topics(self) -> list[str]:
        return sorted({s.topic for s in self.subscriptions.values()})

    def wants(self, event: Event) -> bool:
        return event.name in self.subscriptions

    async def handle(self, tx: Tx, event: Event) -> None:
        """Run the handler. Errors: `event_malformed`, `event_unknown_version`, and the handler's own."""
        subscription = self.subscriptions[event.name]
        if event.version < subscription.version:
            raise Refusal("event_unknown_version", type=event.type)
        try:
            view = subscription.view.model_validate(event.data)
        except ValidationError as error:
            fields = ", ".join(".".join(str(p) for p in e["loc"]) + " " + e["type"] for e in error.errors()[:5])
            code = "event_malformed" if event.version == subscription.version else "event_unknown_version"
            raise Refusal(code, reason=fields, type=event.type) from None
        await subscription.handler(tx, event, view)
