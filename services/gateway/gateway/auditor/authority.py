"""Who held which power from which record of the authority log to which: rebuilt from its records alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.auditor.codes import Codes
from gateway.auditor.history import History
from gateway.auditor.records import Event, moment

LEAD = "lead"
FOUNDING = "founding"
ROOT = "root:"


@dataclass(slots=True)
class Span:
    """One term of one mandate: from the record that gave it to the record that took it."""

    mandate: str
    affair: str
    area: str
    role: str
    holder: str
    powers: frozenset[str]
    term: int
    starts_at: datetime | None
    ends_at: datetime | None
    begun: Event
    ended: Event | None = None

    def alive(self, offset: int) -> bool:
        """By the records up to `offset`; its planned end is another matter."""
        return self.begun.offset <= offset and (self.ended is None or offset < self.ended.offset)

    def surely_in_time(self, when: datetime, gap: timedelta) -> bool:
        begun = self.starts_at is None or self.starts_at + gap <= when
        return begun and (self.ends_at is None or when < self.ends_at - gap)

    def surely_over(self, when: datetime, gap: timedelta) -> bool:
        return self.ends_at is not None and self.ends_at + gap <= when


@dataclass(slots=True)
class Switch:
    """A switch with what ended it, and who acknowledged it."""

    id: str
    opened: Event | None = None
    done: Event | None = None
    dropped: Event | None = None
    again: list[Event] = field(default_factory=list)
    acknowledged: dict[str, Event] = field(default_factory=dict)  # by replica

    @property
    def end(self) -> Event | None:
        return self.done or self.dropped

    def covers(self, affair: str, role: str, mandate: str, place: str) -> bool:
        """Whether a grant of this affair yields at `place` while the switch is open."""
        if self.opened is None:
            return False
        for slot in self.opened.data["slots"]:
            if slot.get("affair") != affair or slot.get("role", LEAD) != role:
                continue
            if role == LEAD and place.startswith(str(slot.get("area"))):
                return True
            if role != LEAD and slot.get("mandate") == mandate:
                return True
        return False


class Authority:
    """The authority log, understood."""

    def __init__(self, history: History) -> None:
        self.spans: list[Span] = []
        self.by_mandate: dict[str, list[Span]] = defaultdict(list)
        self.by_affair: dict[str, list[Span]] = defaultdict(list)
        self.switches: dict[str, Switch] = {}
        self.codes = Codes()
        records = [e for n in ("opened", "done", "dropped") for e in history.by_name.get(f"mandates.switch.{n}", ())]
        for event in sorted(records, key=lambda e: e.offset):
            self._take(event)
        for event in history.of_any("replica.acknowledged"):
            switch = self.switches.get(event.text("switch"))
            if switch is not None:
                switch.acknowledged.setdefault(event.text("replica"), event)

    def _take(self, event: Event) -> None:
        switch = self.switches.setdefault(event.text("switch"), Switch(event.text("switch")))
        kind = event.name.rpartition(".")[2]
        if kind == "opened":
            if switch.opened is None:
                switch.opened = event
            else:
                switch.again.append(event)
            return
        if switch.end is not None:
            switch.again.append(event)
        if kind == "dropped":
            switch.dropped = switch.dropped or event
            return
        switch.done = switch.done or event
        self.codes.take(event)
        for slot in event.data["slots"]:
            self._move(event, slot)

    def _move(self, event: Event, slot: dict[str, Any]) -> None:
        old, new = slot.get("old"), slot.get("new")
        if old:
            for span in self.by_mandate[str(old["mandate"])]:
                if span.ended is None:
                    span.ended = event
        if new:
            for span in self.by_mandate[str(new["mandate"])]:
                if span.ended is None:
                    span.ended = event
            self._begin(event, slot, new)

    def _begin(self, event: Event, slot: dict[str, Any], new: dict[str, Any]) -> None:
        span = Span(
            mandate=str(new["mandate"]),
            affair=str(slot["affair"]),
            area=str(slot["area"]),
            role=str(slot.get("role", LEAD)),
            holder=str(new["holder"]),
            powers=frozenset(map(str, new.get("powers", ()))),
            term=int(new["term"]),
            starts_at=moment(new.get("starts_at")),
            ends_at=moment(new.get("ends_at")),
            begun=event,
        )
        self.spans.append(span)
        self.by_mandate[span.mandate].append(span)
        self.by_affair[span.affair].append(span)

    def find(self, mandate: str, term: int) -> Span | None:
        """The span of that mandate and term, whenever it was."""
        return next((s for s in self.by_mandate.get(mandate, ()) if s.term == term), None)

    def wrongly_routed(
        self, affair: str, place: str, mandate: str, offset: int, when: datetime, gap: timedelta
    ) -> Span | None:
        """The lead grant that routing pointed to for certain, where it was not `mandate`. Around planned ends, which
        a clock decides, 2ε + A are left open on either side."""
        chosen = next((s for s in self.by_mandate.get(mandate, ()) if s.alive(offset)), None)
        depth = len(chosen.area) if chosen and place.startswith(chosen.area) else -1
        better = [
            s
            for s in self.by_affair.get(affair, ())
            if s.role == LEAD
            and s.alive(offset)
            and place.startswith(s.area)
            and s.surely_in_time(when, gap)
            and len(s.area) > depth
        ]
        return max(better, key=lambda s: len(s.area), default=None)
