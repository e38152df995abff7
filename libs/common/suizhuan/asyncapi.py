"""The AsyncAPI 3 document of a service: what it publishes and what it listens to, from its registry and its inbound.

Source: AsyncAPI 3.0.0, its Kafka bindings 0.5.0, and the Kafka protocol binding of CloudEvents 1.0.2 (binary mode).
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from suizhuan.cloudevents import PACKED
from suizhuan.events import EventRegistry, EventType
from suizhuan.inbox import Inbound, Subscription
from suizhuan.ports.log import TopicSpec

Document = dict[str, Any]

_REF = "#/components/schemas/{model}"
_WHAT = {
    "ce_specversion": "CloudEvents 版本 / version of CloudEvents",
    "ce_id": "事件编号；重复投递时相同 / the same whenever the event is delivered again",
    "ce_source": "发布服务 / the service that publishes it",
    "ce_type": "事件类型与版本 / type with version",
    "ce_time": "发生时间，UTC / when it happened, UTC",
    "ce_subject": "聚合编号 / id of the aggregate",
    "ce_partitionkey": "分区键，即聚合编号 / the record's key: the aggregate's id",
    "ce_sequence": "聚合版本号，逐一递增 / the aggregate's version, rising by one",
    "ce_actor": "操作者 / who acted",
    "ce_org": "所代表的组织 / for which organisation",
    "ce_mandate": "所依据的委托 / under which mandate",
    "ce_term": "任期 / term of the grant",
    "ce_area": "区域代码 / area code",
    "ce_correlationid": "同一事情的全部事件相同 / the same for all events of one matter",
    "ce_causationid": "起因事件 / the event that caused it",
    "ce_traceparent": "W3C 链路追踪 / W3C trace context",
    "ce_outboxid": "发件箱序号 / number in the service's outbox",
    "ce_authorityoffset": "所依据的权责日志位置 / up to where the authority log had been applied",
    "ce_beattime": "所依据的心跳时间 / when the beat it relied on was sent",
    "content-type": "application/json",
}
_ALWAYS = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_sequence", "content-type")


def document(registry: EventRegistry, inbound: Inbound, title: str, owners: Mapping[str, TopicSpec]) -> Document:
    """The whole document. `owners` are all topics of the platform, for those that are only listened to."""
    schemas: dict[str, Any] = {"Headers": _headers()}
    messages: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for topic, spec in sorted(registry.topics.items()):
        types = [event for event in registry.types.values() if event.topic == topic]
        for event in types:
            messages[event.type] = _published(event, schemas)
        _channel(channels, operations, spec, sorted(event.type for event in types), action="send")
    for topic in inbound.topics:
        wanted = [s for s in inbound.subscriptions.values() if s.topic == topic]
        for subscription in wanted:
            messages.setdefault(_heard_name(subscription), _heard(subscription, schemas))
        _channel(channels, operations, owners[topic], sorted(map(_heard_name, wanted)), action="receive")
    return {
        "asyncapi": "3.0.0",
        "id": f"urn:suizhuan:{registry.service}",
        "info": {
            "title": title,
            "version": "1",
            "description": "事件至少送达一次：按 ce_id 去重，同一键内按 ce_sequence 有序。"
            " Each event is delivered at least once: drop repeats by ce_id; within a key they are ordered by"
            " ce_sequence.",
        },
        "defaultContentType": "application/json",
        "channels": dict(sorted(channels.items())),
        "operations": dict(sorted(operations.items())),
        "components": {"messages": dict(sorted(messages.items())), "schemas": dict(sorted(schemas.items()))},
    }


def _channel(
    channels: dict[str, Any], operations: dict[str, Any], spec: TopicSpec, names: list[str], *, action: str
) -> None:
    channel = channels.setdefault(
        spec.name,
        {
            "address": spec.name,
            "description": "保留全部事件；键为聚合编号 / keeps everything; the key is the aggregate's id"
            if not spec.compacted
            else "除心跳外全部保留 / keeps everything but beats",
            "messages": {},
            "bindings": {
                "kafka": {
                    "topic": spec.name,
                    "partitions": spec.partitions,
                    "topicConfiguration": {"cleanup.policy": ["compact"] if spec.compacted else ["delete"]},
                    "bindingVersion": "0.5.0",
                }
            },
        },
    )
    for name in names:
        channel["messages"][name] = {"$ref": f"#/components/messages/{name}"}
    operations[f"{action}.{spec.name}"] = {
        "action": action,
        "channel": {"$ref": f"#/channels/{spec.name}"},
        "messages": [{"$ref": f"#/channels/{spec.name}/messages/{name}"} for name in names],
    }


def _published(event: EventType, schemas: dict[str, Any]) -> Document:
    schemas[event.type] = _schema(event.adapter, schemas)
    return _message(event.type, inspect.getdoc(event.data) or "", event.type)


def _heard_name(subscription: Subscription) -> str:
    return f"{subscription.name}.v{subscription.version}.view"


def _heard(subscription: Subscription, schemas: dict[str, Any]) -> Document:
    """What the service needs of another's event; the event itself may hold more."""
    name = _heard_name(subscription)
    schemas[name] = _schema(TypeAdapter(subscription.view), schemas)
    words = f"本服务只读取其中所需字段 / what this service needs of {subscription.name}, version {subscription.version}"
    return _message(name, f"{words} 或更新 / or newer", name)


def _message(name: str, description: str, schema: str) -> Document:
    return {
        "name": name,
        "title": name,
        "summary": description.split("\n", maxsplit=1)[0],
        "description": description,
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/Headers"},
        "payload": {"$ref": f"#/components/schemas/{schema}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }


def _schema(adapter: TypeAdapter[Any], schemas: dict[str, Any]) -> Document:
    schema = adapter.json_schema(mode="serialization", ref_template=_REF)
    for name, definition in schema.pop("$defs", {}).items():
        if schemas.setdefault(name, definition) != definition:
            raise ValueError(f"two different parts of events are called {name}")
    return schema


def _headers() -> Document:
    names = ("ce_specversion", *PACKED, "ce_outboxid", "ce_authorityoffset", "ce_beattime", "content-type")
    return {
        "type": "object",
        "description": "CloudEvents 1.0，二进制模式 / binary mode",
        "properties": {name: {"type": "string", "description": _WHAT[name]} for name in names},
        "required": list(_ALWAYS),
    }
