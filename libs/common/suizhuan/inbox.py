"""What a service hears: handlers by event name, each with the tolerant view it needs of the event's data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from suizhuan.areas import as_today, coded
from suizhuan.cloudevents import Event
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx


class View(BaseModel):
    """A tolerant view of another service's event: unknown fields are ignored, needed ones must be there.

    So a later version that only adds passes, and one that took something away is told (dead letter). Codes of areas are
    fields of the type `suizhuan.areas.CodeOfToday`: handlers read today's, whatever the neighbour knew."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


# The data of one version as that of the next; a pure function that leaves its argument as it is.
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
Handler = Callable[[Tx, Event, Any], Awaitable[None]]
# Takes neighbours of the log together, in order: [(event, its view), …]; sets of rows by sorted keys are its to make.
SetHandler = Callable[[Tx, Sequence[tuple[Event, Any]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """`handler` wants `name` from `topic`, written against `version` of it; `view` parses the data."""

    topic: str
    name: str
    version: int
    view: type[View]
    handler: Handler | None
    together: SetHandler | None = None


def services_with(kind: str, topics: Iterable[str]) -> list[str]:
    """The services that have a topic of this kind: `claim` of `property.claim`."""
    return sorted(name.partition(".")[0] for name in topics if name.partition(".")[2] == kind)


class Inbound:
    """All that one consumer group of a service listens to."""

    def __init__(self, group: str) -> None:
        self.group = group
        self.subscriptions: dict[str, Subscription] = {}
        self.upcasters: dict[tuple[str, int], Upcaster] = {}
        self.whole: dict[str, SetHandler] = {}  # topics of which every event is taken, whatever it is

    def on(self, topic: str, name: str, view: type[View], version: int = 1) -> Callable[[Handler], Handler]:
        """Register a handler: `@inbound.on("finance.hold", "finance.hold.placed", HoldPlaced)`."""

        def register(handler: Handler) -> Handler:
            if name in self.subscriptions:
                raise ValueError(f"{self.group} handles {name} twice")
            self.subscriptions[name] = Subscription(topic, name, version, view, handler)
            return handler

        return register

    def on_sets(self, topic: str, names: Mapping[str, type[View]], handler: SetHandler, version: int = 1) -> None:
        """Register one handler for several events, which takes those that stand side by side in the log at once."""
        for name, view in names.items():
            if name in self.subscriptions:
                raise ValueError(f"{self.group} handles {name} twice")
            self.subscriptions[name] = Subscription(topic, name, version, view, None, handler)

    def on_topic(self, topic: str, handler: SetHandler) -> None:
        """Register a handler for every event of a topic that no other handler takes: it knows of them only what every
        event says of itself, and gets None for a view."""
        if topic in self.whole:
            raise ValueError(f"{self.group} takes the whole of {topic} twice")
        self.whole[topic] = handler

    def upcast(self, name: str, version: int) -> Callable[[Upcaster], Upcaster]:
        """Register how data of `name` in `version` becomes that of the next one: `@inbound.upcast("finance.x", 1)`.

        Handlers then know the newest version only; what was published before is read through a chain of these."""

        def register(upcaster: Upcaster) -> Upcaster:
            if (name, version) in self.upcasters:
                raise ValueError(f"{self.group} raises version {version} of {name} twice")
            self.upcasters[name, version] = upcaster
            return upcaster

        return register

    @property
    def topics(self) -> list[str]:
        return sorted({*(s.topic for s in self.subscriptions.values()), *self.whole})

    def wants(self, event: Event) -> bool:
        return event.name in self.subscriptions or event.topic in self.whole

    def together(self, event: Event) -> SetHandler | None:
        """The handler that takes this event with its neighbours."""
        known = self.subscriptions.get(event.name)
        return known.together if known is not None else self.whole[event.topic]

    async def handle(self, tx: Tx, event: Event) -> None:
        """Run the handler. Errors: `event_malformed`, `event_unknown_version`, and the handler's own."""
        if event.name not in self.subscriptions:
            await self.whole[event.topic](tx, [(event, None)])
            return
        subscription = self.subscriptions[event.name]
        view = await self._today(tx, self._view(subscription, event))
        if subscription.handler is not None:
            await subscription.handler(tx, event, view)
        elif subscription.together is not None:
            await subscription.together(tx, [(event, view)])

    async def handle_together(self, tx: Tx, events: Sequence[Event]) -> None:
        """Run the one handler of all of these. Errors: as `handle`."""
        if events[0].name not in self.subscriptions:
            await self.whole[events[0].topic](tx, [(event, None) for event in events])
            return
        handler = self.subscriptions[events[0].name].together
        if handler is None:
            raise ValueError(f"{events[0].name} is handled by itself")
        views = [self._view(self.subscriptions[event.name], event) for event in events]
        await handler(tx, [(event, await self._today(tx, view)) for event, view in zip(events, views, strict=True)])

    @staticmethod
    async def _today(tx: Tx, view: View) -> View:
        return as_today(await tx.codes(), view) if coded(type(view)) else view

    def _view(self, subscription: Subscription, event: Event) -> View:
        data = None
        for version in range(event.version, subscription.version):
            upcaster = self.upcasters.get((event.name, version))
            if upcaster is None:
                raise Refusal("event_unknown_version", type=event.type)
            data = upcaster(event.data if data is None else data)
        try:
            if data is None:
                return subscription.view.model_validate_json(event.text)
            return subscription.view.model_validate(data)
        except ValidationError as error:
            fields = ", ".join(".".join(str(p) for p in e["loc"]) + " " + e["type"] for e in error.errors()[:5])
            code = "event_malformed" if event.version == subscription.version else "event_unknown_version"
            raise Refusal(code, reason=fields, type=event.type) from None
