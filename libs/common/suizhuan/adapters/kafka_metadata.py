"""Kafka's own topic ids, which aiokafka 0.14 does not read: Metadata requests of version 12.

Source: Apache Kafka's protocol guide, Metadata (key 3), versions 10 to 12.
"""

from __future__ import annotations

from io import BytesIO
from uuid import UUID

from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)


class _Uuid(AbstractType[UUID]):
    """16 bytes, as Kafka writes an id."""

    @classmethod
    def encode(cls, value: UUID) -> bytes:
        return value.bytes

    @classmethod
    def decode(cls, data: BytesIO) -> UUID:
        return UUID(bytes=data.read(16))

    @classmethod
    def repr(cls, value: UUID) -> str:
        return str(value)


NO_ID = UUID(int=0)
_UTF8 = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)


class TopicIdsResponse(Response):
    API_KEY = 3
    API_VERSION = 12
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(("node_id", Int32), ("host", _UTF8), ("port", Int32), ("rack", _UTF8), _TAGS)),
        ("cluster_id", _UTF8),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", _UTF8),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        _TAGS,
                    ),
                ),
                ("operations", Int32),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class TopicIdsRequestV12(RequestStruct):
    API_KEY = 3
    API_VERSION = 12
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = TopicIdsResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", _UTF8), _TAGS)),
        ("allow_auto_topic_creation", Boolean),
        ("include_operations", Boolean),
        _TAGS,
    )


class TopicIdsRequest(Request[TopicIdsRequestV12]):
    """Asks for the ids (and partitions) of these topics."""

    API_KEY = 3

    def __init__(self, topics: list[str]) -> None:
        self.topics = topics

    def build(self, request_struct_class: type[TopicIdsRequestV12]) -> TopicIdsRequestV12:
        return request_struct_class([(NO_ID, name, {}) for name in self.topics], False, False, {})
