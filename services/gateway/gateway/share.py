"""One composed answer to a hub: its parts masked for a purpose, and what of whom was in it, for the receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway.domain.parts import MANDATE, ORGANISATION, Part
from gateway.domain.purposes import ACTOR, Purpose
from gateway.receipts import Receipts
from gateway.schemas import HubAnswer
from suizhuan.kernel.refusal import Refusal

Row = Mapping[str, Any]
# What an event says of itself, whatever masks its data.
SAID = (
    "event",
    "type",
    "at",
    "topic",
    "partition",
    "offset",
    "org",
    "mandate",
    "term",
    "authority_offset",
    "causation",
)


class Share:
    """Masks as the stream does: what is not covered is null and named in `masked`."""

    def __init__(self, purpose: Purpose, receipts: Receipts) -> None:
        self.purpose = purpose
        self.receipts = receipts
        self.given: Counter[str] = Counter()  # by topic: how many things were shown
        self.masked: Counter[str] = Counter()  # and how many of them with masked fields

    def require(self, what: str, parts: Iterable[Part]) -> None:
        """Errors: `not_covered`, when the purpose covers none of them."""
        if not any(part.covered(self.purpose) for part in parts):
            raise Refusal("not_covered", purpose=self.purpose.code, what=what)

    def row(self, part: Part, row: Row, **nested: Any) -> dict[str, Any]:
        """The row as it is shown; `nested` are parts in it, masked already."""
        own = {name: value for name, value in row.items() if name not in nested}
        hidden = part.hidden(self.purpose, own)
        of_others = [topics for name, topics in part.borrowed(self.purpose) if own.get(name) is not None]
        for topic in {part.topic}.union(*of_others):
            self.note(topic, masked=bool(hidden))
        made = {**own, **dict.fromkeys(hidden), **nested}
        return {**made, "masked": hidden} if hidden else made

    def rows(self, part: Part, rows: Iterable[Row]) -> list[dict[str, Any]] | None:
        """None when the purpose covers nothing of what they are made of."""
        return [self.row(part, row) for row in rows] if part.covered(self.purpose) else None

    def steps(self, steps: Sequence[Row]) -> list[dict[str, Any]]:
        """Events: each as the stream shows it."""
        return [self._step(step) for step in steps]

    def _step(self, step: Row) -> dict[str, Any]:
        data, hidden = self.purpose.masked(step["type"], step["data"])
        made = {**dict.fromkeys(step), **{name: step[name] for name in SAID}, "data": data, "entry": data.get("entry")}
        if self.purpose.shows_actor(step["type"]):
            made[ACTOR] = step[ACTOR]
        if not ORGANISATION.hidden(self.purpose, {"name": None}):
            made["org_name"] = step["org_name"]
            self.note(ORGANISATION.topic, 1 if step["org_name"] is not None else 0)
        self.note(step["topic"], masked=bool(hidden))
        return {**made, "masked": hidden} if hidden else made

    def mandates(self, mandates: Mapping[str, Row]) -> dict[str, Any] | None:
        """By their ids."""
        rows = self.rows(MANDATE, mandates.values())
        return None if rows is None else {row["id"]: row for row in rows}

    async def give(self, what: str, answer: Row) -> HubAnswer:
        """The answer to what was asked for, once its receipt is written. Errors: the database's."""
        await self.receipts.note_read(what, self.given, self.masked)
        return HubAnswer.model_validate({**answer, "purpose": self.purpose.code})

    def note(self, topic: str, things: int = 1, *, masked: bool = False) -> None:
        """So many things of a topic go out."""
        self.given[topic] += things
        self.masked[topic] += things if masked else 0
