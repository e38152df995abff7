"""Everything that was read, sorted into shelves. Nothing is judged here."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from gateway.auditor.records import AuditRecord, Event, Malformed, decode

Place = tuple[str, int]


class History:
    """The events read so far. `add` may be called again with later records: an audit can go on where it was."""

    def __init__(self) -> None:
        self.by_name: dict[str, list[Event]] = defaultdict(list)
        self.by_id: dict[str, Event] = {}
        self.others: list[Event] = []  # of types that nothing is known of: they count in sequences, and may be acts
        self.by_case: dict[str, list[Event]] = defaultdict(list)  # complaints.case, in the order of its partition
        self.per_topic: Counter[str] = Counter()
        self.next_offsets: dict[Place, int] = {}
        self.records = 0
        self.beats = 0
        self.duplicates = 0
        self.differing: list[Event] = []
        self.malformed: list[tuple[str, int, int, str]] = []
        self.malformed_count = 0
        self.unknown: Counter[str] = Counter()
        self._digests: dict[str, bytes] = {}

    def add(self, record: AuditRecord) -> None:
        """Take one record; per partition they come in the order of their offsets."""
        self.records += 1
        self.per_topic[record.topic] += 1
        self.next_offsets[record.topic, record.partition] = record.offset + 1
        try:
            event = decode(record)
        except Malformed as error:
            self.malformed_count += 1
            if len(self.malformed) < 100:
                self.malformed.append((record.topic, record.partition, record.offset, str(error)))
            return
        if event.name == "mandates.authority.beat":
            self.beats += 1  # compacted: only that they come can be known
            return
        digest = hashlib.blake2b(record.value, digest_size=8).digest()
        if event.id in self._digests:
            self.duplicates += 1
            if self._digests[event.id] != digest:
                self.differing.append(event)
            return
        self._digests[event.id] = digest
        if not event.known:
            self.unknown[event.name] += 1
            self.others.append(event)
            return
        self.by_id[event.id] = event
        self.by_name[event.name].append(event)
        if event.topic == "complaints.case":
            self.by_case[event.key].append(event)

    def add_all(self, records: Iterable[AuditRecord]) -> None:
        for record in records:
            self.add(record)

    def named(self, *names: str) -> list[Event]:
        """The events of these names, in the order of their commits (one service), else of reading."""
        found = [event for name in names for event in self.by_name.get(name, ())]
        return sorted(found, key=lambda e: e.committed)

    def of_any(self, what: str) -> list[Event]:
        """The events of that name of every service: `bill.income_due`."""
        return self.named(*(name for name in self.by_name if name.partition(".")[2] == what))

    def first(self, name: str, field: str) -> dict[str, Event]:
        """For each value of `field` the first event of that name."""
        found: dict[str, Event] = {}
        for event in self.named(name):
            found.setdefault(event.text(field), event)
        return found

    @property
    def authority_end(self) -> int:
        return self.next_offsets.get(("mandates.authority", 0), 0)


class Horizon:
    """Up to where an event can be judged: its causes were in the log before the reading ended (see `reading`)."""

    def __init__(self, ends: Mapping[Place, int] | None = None) -> None:
        self._ends = ends

    def judges(self, topic: str, partition: int, offset: int) -> bool:
        if self._ends is None:
            return True
        return offset < self._ends.get((topic, partition), 0)
