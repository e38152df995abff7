"""An event as programs outside read it, with what a purpose does not cover masked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gateway.domain.purposes import ACTOR, Purpose
from suizhuan.cloudevents import Event
from suizhuan.kernel.clock import utc_text

_OWN = ("specversion", "id", "source", "type", "time")


def as_json(event: Event, purpose: Purpose | None = None) -> dict[str, Any]:
    """CloudEvents' JSON form, with its place in the log; with a purpose, `masked` names the fields that are null."""
    about = {k: v for k, v in event.attributes.items() if k not in _OWN}
    data = event.data
    masked: list[str] = []
    if purpose is not None:
        data, masked = purpose.masked(event.type, event.data)
        if ACTOR in about and not purpose.shows_actor(event.type):
            del about[ACTOR]
    made = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": utc_text(event.time),
        **about,
        "datacontenttype": "application/json",
        "data": data,
        "place": {"topic": event.topic, "partition": event.partition, "offset": event.offset},
    }
    return {**made, "masked": masked} if masked else made


def encoded(body: Mapping[str, Any]) -> bytes:
    """The bytes of it, on one line."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=str).encode()
