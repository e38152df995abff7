"""The broker is told who may do what (`deploy.access`). What was allowed before stays."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest_v1
from aiokafka.protocol.api import Request

from deploy.access import Rule
from suizhuan.adapters.kafka_client import AdminClient


class _Kind(IntEnum):
    TOPIC, GROUP = 2, 3


class _Pattern(IntEnum):
    LITERAL, PREFIXED = 3, 4


class _Operation(IntEnum):
    READ, WRITE = 3, 4


ALLOW = 3
ANYWHERE = "*"


async def grant(kafka: str, rules: Sequence[Rule], security: dict[str, Any]) -> None:
    """All in one request. `security` is that of a login that may do so. Errors: aiokafka's KafkaError."""
    admin: AdminClient = AIOKafkaAdminClient(bootstrap_servers=kafka, **security)
    await admin.start()
    try:
        answer = await admin._send_request(_CreateAcls(rules))
        for code, words in answer.creation_responses:
            if code:
                raise for_code(code)(words)
    finally:
        await admin.close()


class _CreateAcls(Request[CreateAclsRequest_v1]):
    """aiokafka's own asks for one rule at a time."""

    API_KEY = CreateAclsRequest_v1.API_KEY

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        return request_struct_class([_encoded(rule) for rule in self._rules])


def _encoded(rule: Rule) -> tuple[int, str, int, str, str, int, int]:
    return (
        _Kind[rule.kind.upper()],
        rule.name,
        _Pattern.PREFIXED if rule.prefixed else _Pattern.LITERAL,
        f"User:{rule.login}",
        ANYWHERE,
        _Operation[rule.operation.upper()],
        ALLOW,
    )
