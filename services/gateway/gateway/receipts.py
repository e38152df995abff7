"""What a hub is given leaves a receipt, written before it leaves: who got which events of whom, or which answer made of
them, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway import store_hub
from gateway.domain.purposes import Purpose
from gateway.hub_view import as_json
from suizhuan.cloudevents import Event
from suizhuan.context import new_id
from suizhuan.db.database import Database
from suizhuan.kernel.clock import Clock
from suizhuan.metrics import Metrics

STREAM, WEBHOOK, KAFKA, READ = "stream", "webhook", "kafka", "read"
MAX_WHAT = 200


@dataclass(frozen=True, slots=True)
class Given:
    """An event that is about to be handed out, and how many of its fields are masked."""

    event: Event
    masked: int


@dataclass(frozen=True, slots=True)
class Receipts:
    """The receipts of one hub, for one purpose."""

    database: Database
    clock: Clock
    metrics: Metrics
    hub: str
    purpose: str
    how: str
    subscription: str | None = None

    async def note(self, given: Iterable[Given]) -> None:
        """One for each partition of these events. Without it nothing is handed out: errors are the database's."""
        await self._write(rows_of(given, self.clock.now(), self._about()))

    async def note_read(self, what: str, given: Mapping[str, int], masked: Mapping[str, int]) -> None:
        """One for each topic of which there are things in a composed answer; `what` was asked for."""
        now, about = self.clock.now(), self._about()
        rows = [
            {
                **about,
                **_of_topic(topic, now),
                "what": what[:MAX_WHAT],
                "events": things,
                "masked": masked.get(topic, 0),
            }
            for topic, things in sorted(given.items())
            if things
        ]
        await self._write(rows)

    async def _write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            async with self.database.write() as conn:
                await store_hub.note(conn, rows)
            self.metrics.hub_handed_total.labels(how=self.how).inc(sum(row["events"] for row in rows))

    def _about(self) -> dict[str, Any]:
        return {"hub": self.hub, "purpose": self.purpose, "how": self.how, "subscription": self.subscription}


async def shown(events: Sequence[Event], purpose: Purpose, receipts: Receipts) -> list[tuple[Event, dict[str, Any]]]:
    """Events with the documents that a hub reads of them, once their receipts are written."""
    made = [(event, as_json(event, purpose)) for event in events]
    await receipts.note(Given(event, len(body.get("masked", ()))) for event, body in made)
    return made


def rows_of(given: Iterable[Given], at: datetime, about: dict[str, Any]) -> list[dict[str, Any]]:
    """By partition the first and last offset, how many events, and how many of them with masked fields."""
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    for one in given:
        event = one.event
        row = rows.setdefault(
            (event.topic, event.partition),
            {
                **about,
                **_of_topic(event.topic, at),
                "partition": event.partition,
                "first_offset": event.offset,
                "last_offset": event.offset,
                "events": 0,
                "masked": 0,
            },
        )
        row["last_offset"] = event.offset
        row["events"] += 1
        row["masked"] += 1 if one.masked else 0
    return list(rows.values())


def _of_topic(topic: str, at: datetime) -> dict[str, Any]:
    return {"id": new_id(), "service": topic.partition(".")[0], "topic": topic, "at": at}
