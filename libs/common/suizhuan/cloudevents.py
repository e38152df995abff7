"""CloudEvents 1.0 on Kafka in binary mode: JSON data in the value, attributes in `ce_*` headers.

Source: CloudEvents 1.0.2 and its Kafka protocol binding. Extensions are those of design §4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Event:
    """A record read as an event. `name` is the type without its version; `key` is the aggregate's id.

    Nobody changes one; it is not frozen because a frozen one takes three times as long to make."""

    id: str
    name: str
    version: int
    source: str
    key: str
    time: datetime
    attributes: dict[str, str]
    topic: str
    partition: int
    offset: int
    text: str  # the data as it was written
    _data: dict[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def data(self) -> dict[str, Any]:
        """The data, parsed when it is first asked for. Errors: `event_malformed`."""
        if self._data is None:
            self._data = _object(self.text)
        return self._data

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
_BETWEEN_BYTES = _BETWEEN.encode()
_NEEDED = ("id", "type", "source", "time")
_NUMBERS = ("sequence", "outboxid", "term", "authorityoffset")
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
    values = packed.encode().split(_BETWEEN_BYTES)
    return [_SPECVERSION, *filter(_second, zip(PACKED, values, strict=False)), CONTENT_TYPE]


def decode(record: Record) -> Event:
    """Read a record. Errors: `event_malformed` with the reason, `event_unknown_version`."""
    event = envelope(record)
    event._data = _object(event.text)
    return event


def envelope(record: Record) -> Event:
    """As `decode`, but whether the data is a JSON object shows when it is read: who does not want it need not pay."""
    attributes = _attributes(record.headers)
    for needed in _NEEDED:
        if not attributes.get(needed):
            raise Refusal("event_malformed", reason=f"no ce_{needed}")
    if attributes.get("specversion") != "1.0":
        raise Refusal("event_malformed", reason="ce_specversion is not 1.0")
    kind = _name_and_version(attributes["type"])
    if kind is None:
        raise Refusal("event_unknown_version", type=attributes["type"][:80])
    try:
        for number in _NUMBERS:
            if number in attributes:
                int(attributes[number])
        return Event(
            attributes["id"],
            kind[0],
            kind[1],
            attributes["source"],
            record.key.decode(),
            parse_utc(attributes["time"]),
            attributes,
            record.topic,
            record.partition,
            record.offset,
            record.value.decode(),
        )
    except ValueError as error:
        raise Refusal("event_malformed", reason=str(error)[:200]) from None


def _object(text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refusal("event_malformed", reason=str(error)[:200]) from None
    if not isinstance(data, dict):
        raise Refusal("event_malformed", reason="the data is not a JSON object")
    return data


def _attributes(found: Headers) -> dict[str, str]:
    """All values are decoded at once, as they seldom hold what is put between them."""
    names, raw = zip(*found, strict=True) if found else ((), ())
    try:
        values = _BETWEEN_BYTES.join(raw).decode().split(_BETWEEN)
        if len(values) != len(raw):
            values = [value.decode() for value in raw]
    except UnicodeDecodeError:
        name = next(name for name, value in found if not _is_text(value))
        raise Refusal("event_malformed", reason=f"header {name[:40]} is not UTF-8") from None
    attributes = dict(zip(_short(names), values, strict=False))
    attributes.pop("", None)
    return attributes


@lru_cache(maxsize=256)
def _short(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of attributes; empty for headers that are none."""
    return tuple(name[3:] if name.startswith("ce_") else "" for name in names)


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=1024)
def _name_and_version(type_: str) -> tuple[str, int] | None:
    match = _TYPE.match(type_)
    return (match["name"], int(match["version"])) if match else None
