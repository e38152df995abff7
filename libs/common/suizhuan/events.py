"""The registry of a service's events: the one source of topics, schemas and documents.

An event's data is a frozen dataclass of the pure domain (`domain/facts.py`); `events.py` of the service
registers it here under its name, version and topic. Nothing else decides what goes onto the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from suizhuan.ports.log import TopicSpec


@dataclass(frozen=True)
class EventType:
    """One version of one event. `type` is what stands in `ce_type`: `complaints.case.handed_over.v1`."""

    name: str
    version: int
    topic: str
    partitions: int
    data: type[Any]

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        """Built when first wanted: a platform in one process has hundreds, and few are wanted before it is ready."""
        return TypeAdapter(self.data)

    @property
    def type(self) -> str:
        return f"{self.name}.v{self.version}"

    def encode(self, fact: object) -> bytes:
        """The JSON value of the record."""
        return self.adapter.dump_json(fact)

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema 2020-12 of the data."""
        schema = self.adapter.json_schema(mode="serialization")
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": self.type, **schema}


class EventRegistry:
    """What one service publishes. A dataclass stands for exactly one event type."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.topics: dict[str, TopicSpec] = {}
        self.types: dict[str, EventType] = {}
        self.aggregates: set[str] = set()
        self._by_class: dict[type[Any], EventType] = {}

    def topic(
        self,
        name: str,
        *,
        partitions: int = 3,
        compacted: bool = False,
        lag_s: float = 0.0,
        aggregate: bool = True,
    ) -> TopicSpec:
        """Declare a topic of this service; its name starts with the service's.

        `aggregate`: its keys are things that the database keeps, which after a restore may be behind the log."""
        if not name.startswith(f"{self.service}."):
            raise ValueError(f"{name} does not belong to {self.service}")
        spec = TopicSpec(name, partitions, compacted, lag_s)
        self.topics[name] = spec
        if aggregate:
            self.aggregates.add(name)
        return spec

    def register(self, topic: TopicSpec, data: type[Any], name: str, version: int = 1) -> EventType:
        """Bind a dataclass to `<service>.<name>.v<version>` on `topic`."""
        full = f"{self.service}.{name}"
        event = EventType(full, version, topic.name, topic.partitions, data)
        if event.type in self.types or data in self._by_class:
            raise ValueError(f"registered twice: {event.type}")
        if not (data.__doc__ or "").strip():
            raise ValueError(f"{data.__name__} says nothing about itself")
        self.types[event.type] = event
        self._by_class[data] = event
        return event

    def of(self, fact: object) -> EventType:
        """The type of a fact. Errors: KeyError when its class was never registered."""
        return self._by_class[type(fact)]
