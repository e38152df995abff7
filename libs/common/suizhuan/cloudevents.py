"""CloudEvents 1.0 on Kafka in binary mode: JSON data in the value, attributes in `ce_*` headers.

Source: CloudEvents 1.0.2 and its Kafka protocol binding. Extensions are those of design §4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any

from suizhuan.kernel.clock import parse_utc
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Record

Headers = tuple[tuple[str, bytes], ...]

CONTENT_TYPE = ("content-type", b"application/json")
_TYPE = re.compile(r"^(?P<name>[a-z_]+(?:\.[a-z_]+){1,3})\.v(?P<version>[1-9][0-9]{0,3})$")


@dataclass(frozen=True, slots=True)
class Event:
    """A record read as an event. `name` is the type without its version; `key` is the aggregate's id."""

    id: str
    name: str
    version: int
    source: str
    key: str
    time: datetime
    data: dict[str, Any]
    attributes: dict[str, str]
    topic: str
    partition: int
    offset: int
    text: str = ""  # `data` as it was written

    @property
    def type(self) -> str:
        return f"{self.name}.v{self.version}"

    @property
    def sequence(self) -> int:
        return int(self.attributes.get("sequence", "0"))

    @property
    def outbox_id(self) -> int:
        return int(self.attributes.get("outboxid", "0"))

    def attribute(self, name: str) -> str | None:
        return self.attributes.get(name)


def headers(attributes: Iterable[tuple[str, object | None]]) -> Headers:
    """Attributes as binary-mode headers; those that are None are left out."""
    pairs = [(f"ce_{k}", str(v).encode()) for k, v in attributes if v is not None]
    return (("ce_specversion", b"1.0"), *pairs, CONTENT_TYPE)


# Attributes wait in the outbox as their values in this order, so that a relay makes headers of thousands a second. New
# ones are added at the end, none is ever taken out: rows of an older release may still be waiting.
PACKED = (
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_time",
    "ce_subject",
    "ce_partitionkey",
    "ce_sequence",
    "ce_actor",
    "ce_org",
    "ce_mandate",
    "ce_term",
    "ce_area",
    "ce_correlationid",
    "ce_causationid",
    "ce_traceparent",
)
_NAMES = tuple(name.removeprefix("ce_") for name in PACKED)
_BETWEEN = "\x1f"
_SPECVERSION = ("ce_specversion", b"1.0")
_second = itemgetter(1)


def pack(attributes: Mapping[str, object | None]) -> str:
    """Attributes as one text; those that are None, or empty, are left out when it is unpacked."""
    values = ["" if value is None else str(value) for value in map(attributes.get, _NAMES)]
    packed = _BETWEEN.join(values)
    if packed.count(_BETWEEN) >= len(values):  # in one of them, too
        packed = _BETWEEN.join([value.replace(_BETWEEN, " ") for value in values])
    return packed


def unpack(packed: str) -> list[tuple[str, bytes]]:
    """The headers of a record, from `pack`."""
    values = packed.encode().split(b"\x1f")
    return [_SPECVERSION, *filter(_second, zip(PACKED, values, strict=False)), CONTENT_TYPE]


def decode(record: Record) -> Event:
    """Read a record. Errors: `event_malformed` with the reason, `event_unknown_version`."""
    attributes = _attributes(record.headers)
    for needed in ("id", "type", "source", "time"):
        if not attributes.get(needed):
            raise Refusal("event_malformed", reason=f"no ce_{needed}")
    if attributes.get("specversion") != "1.0":
        raise Refusal("event_malformed", reason="ce_specversion is not 1.0")
    kind = _name_and_version(attributes["type"])
    if kind is None:
        raise Refusal("event_unknown_version", type=attributes["type"][:80])
    try:
        text = record.value.decode()
        data = json.loads(text)
        time = parse_utc(attributes["time"])
        key = record.key.decode()
        for number in ("sequence", "outboxid", "term", "authorityoffset"):
            if number in attributes:
                int(attributes[number])
    except (ValueError, RecursionError) as error:
        raise Refusal("event_malformed", reason=str(error)[:200]) from None
    if not isinstance(data, dict):
        raise Refusal("event_malformed", reason="the data is not a JSON object")
    return Event(
        id=attributes["id"],
        name=kind[0],
        version=kind[1],
        source=attributes["source"],
        key=key,
        time=time,
        data=data,
        attributes=attributes,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        text=text,
    )


def _attributes(found: Headers) -> dict[str, str]:
    try:
        return {name[3:]: raw.decode() for name, raw in found if name.startswith("ce_")}
    except UnicodeDecodeError as error:
        name = next((n for n, raw in found if raw is error.object), "")
        raise Refusal("event_malformed", reason=f"header {name[:40]} is not UTF-8") from None


@lru_cache(maxsize=1024)
def _name_and_version(type_: str) -> tuple[str, int] | None:
    match = _TYPE.match(type_)
    return (match["name"], int(match["version"])) if match else None
