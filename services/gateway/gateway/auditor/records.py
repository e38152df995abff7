"""What the auditor reads: records of the log as they lie there, and events as it understands them.

It decodes by itself: a mistake in the services' codec must not become the auditor's too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gateway.auditor.known import Needed, needed


class AuditRecord(NamedTuple):
    """A record as read from the log."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Malformed(Exception):
    """The record is no event that can be understood."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event with the attributes that tell its origin (G6); what is not there is None."""

    id: str
    name: str
    source: str
    topic: str
    partition: int
    offset: int
    key: str
    data: dict[str, Any]
    time: datetime
    sequence: int
    actor: str | None
    org: str | None
    mandate: str | None
    term: int | None
    authority_offset: int | None
    outbox_id: int | None
    beat_time: datetime | None
    area: str | None
    causation: str | None

    @property
    def known(self) -> bool:
        return needed(self.name) is not None

    @property
    def by_service(self) -> bool:
        """Not an act of a person: a consumer's answer, a deadline, the founding."""
        return self.actor is not None and self.actor.startswith("service:")

    @property
    def place(self) -> tuple[str, int, int]:
        return self.topic, self.partition, self.offset

    @property
    def committed(self) -> tuple[int, str, int, int]:
        """Sorts the events of one service in the order in which it committed them, as far as one aggregate goes."""
        return (self.outbox_id if self.outbox_id is not None else 0, *self.place)

    def text(self, name: str) -> str:
        return str(self.data[name])

    def maybe(self, name: str) -> str | None:
        value = self.data.get(name)
        return None if value is None else str(value)

    def fen(self, name: str) -> int:
        return int(self.data[name])

    def moment(self, name: str) -> datetime | None:
        return moment(self.data.get(name))


def moment(text: Any) -> datetime | None:
    """An RFC 3339 moment. Errors: ValueError."""
    if text is None:
        return None
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError("a time without an offset")
    return found.astimezone(UTC)


def decode(record: AuditRecord) -> Event:
    """An event; of a type that the auditor does not look at (`known` is false) only the attributes are checked.

    Errors: `Malformed`."""
    try:
        attributes = {name[3:]: raw.decode() for name, raw in record.headers if name.startswith("ce_")}
        name = _name(attributes["type"])
        data = json.loads(record.value)
        if not isinstance(data, dict):
            raise Malformed("not an object")
        _check(data, needed(name) or ())
        _check_lists(data)
        return _event(record, name, attributes, data)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise Malformed(str(error)[:200]) from None


def _event(record: AuditRecord, name: str, attributes: dict[str, str], data: dict[str, Any]) -> Event:
    when = moment(attributes["time"])
    assert when is not None
    return Event(
        id=attributes["id"],
        name=name,
        source=attributes["source"],
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key.decode(),
        data=data,
        time=when,
        sequence=int(attributes.get("sequence", "0")),
        actor=attributes.get("actor"),
        org=attributes.get("org"),
        mandate=attributes.get("mandate"),
        term=_number(attributes.get("term")),
        authority_offset=_number(attributes.get("authorityoffset")),
        outbox_id=_number(attributes.get("outboxid")),
        beat_time=moment(attributes.get("beattime")),
        area=attributes.get("area"),
        causation=attributes.get("causationid"),
    )


def _name(type_: str) -> str:
    name, separator, version = type_.rpartition(".v")
    if not separator or not version.isdigit():
        raise Malformed("a type without a version")
    return name


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _check(data: dict[str, Any], fields: Iterable[tuple[str, type]]) -> None:
    for field, kind in fields:
        value = data.get(field)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Malformed(f"{field} is not {kind.__name__}")


_NESTED: dict[str, Needed] = {
    "lines": (("org", str), ("account", str), ("amount_fen", int)),
    "slots": (("affair", str), ("area", str)),
    "rekeys": (("old", str), ("new", str)),
}
_HOLDING: Needed = (("mandate", str), ("holder", str), ("term", int))


def _check_lists(data: dict[str, Any]) -> None:
    for field, wanted in _NESTED.items():
        for item in data.get(field) or ():
            if not isinstance(item, dict):
                raise Malformed(f"{field} holds something that is not an object")
            _check(item, wanted)
            for side in ("old", "new"):
                if field == "slots" and item.get(side) is not None:
                    if not isinstance(item[side], dict):
                        raise Malformed(f"{side} is not an object")
                    _check(item[side], _HOLDING)
                    moment(item[side].get("starts_at"))
                    moment(item[side].get("ends_at"))
