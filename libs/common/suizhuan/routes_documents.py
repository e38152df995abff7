"""What a service publishes, for those who subscribe: its AsyncAPI document and the JSON Schema of every event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from suizhuan.asyncapi import document
from suizhuan.events import EventRegistry
from suizhuan.inbox import Inbound
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import TopicSpec


class EventTypeOut(BaseModel):
    """一种事件 / a type of event."""

    type: str = Field(description="类型与版本 / with its version", examples=["complaints.case.closed.v1"])
    topic: str
    summary: str = Field(description="含义 / what it says")


class EventTypesOut(BaseModel):
    items: list[EventTypeOut]


def router_of(registry: EventRegistry, inbound: Inbound, title: str) -> APIRouter:
    """The routes of one service. No token is wanted: they tell of forms, never of facts."""
    router = APIRouter(tags=["documents 文档"])
    made: dict[str, Any] = {}

    def once(name: str, make: Callable[[], Any]) -> Any:
        if name not in made:
            made[name] = make()
        return made[name]

    @router.get("/asyncapi.json", summary="AsyncAPI 3 文档 / the AsyncAPI 3 document")
    async def asyncapi() -> dict[str, Any]:
        owners = {topic: TopicSpec(topic) for topic in inbound.topics} | registry.topics
        found: dict[str, Any] = once("asyncapi", lambda: document(registry, inbound, title, owners))
        return found

    @router.get("/schemas", summary="事件类型 / the types of events", response_model=EventTypesOut)
    async def types() -> EventTypesOut:
        return EventTypesOut(
            items=[
                EventTypeOut(type=t.type, topic=t.topic, summary=(t.data.__doc__ or "").strip().split("\n", 1)[0])
                for t in sorted(registry.types.values(), key=lambda t: t.type)
            ]
        )

    @router.get("/schemas/{type_}", summary="一种事件的 JSON Schema / the JSON Schema of one type")
    async def schema(type_: str) -> dict[str, Any]:
        known = registry.types.get(type_)
        if known is None:
            raise Refusal("not_found", what="event type", id=type_[:80] if type_.isprintable() else "?")
        found: dict[str, Any] = once(type_, known.json_schema)
        return found

    return router
