"""Sees when other processes' transactions have committed: triggers that notify, on connections of our own.

A notification is sent after the commit, so the flush of the log to disk is in every figure. Beginning and end are seen
in the same way and on the same clock, so what the way takes (a tenth of a millisecond) stands on both sides.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped, unused-ignore]

CHANNEL = "bench"


@dataclass(frozen=True, slots=True)
class Sight:
    """What is told: `words` (an SQL expression over NEW) of every row of `table` for which `when` holds."""

    table: str
    events: str  # INSERT, UPDATE
    words: str
    when: str


@dataclass(slots=True)
class Watch:
    """The moments (s) at which words were told."""

    seen: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: list[Any] = field(default_factory=list)

    async def begin(self, url: str, sights: Iterable[Sight]) -> None:
        """Tell of these from now on. `url` is a database, `postgresql://`."""
        conn = await asyncpg.connect(url)
        self._connections.append(conn)
        for number, sight in enumerate(sights):
            name = f"bench_{number}"
            await conn.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$BEGIN PERFORM pg_notify('{CHANNEL}', {sight.words}); RETURN NULL; END$$"
            )
            await conn.execute(
                f"CREATE TRIGGER {name} AFTER {sight.events} ON {sight.table} FOR EACH ROW"
                f" WHEN ({sight.when}) EXECUTE FUNCTION {name}()"
            )
        await conn.add_listener(CHANNEL, self._told)

    async def close(self) -> None:
        for conn in self._connections:
            await conn.close()

    async def wait(self, *words: str, patience: float = 60.0) -> float:
        """When the last of these words was told for the first time since `forget`."""
        async with asyncio.timeout(patience):
            while any(word not in self.seen for word in words):
                self._news.clear()
                await self._news.wait()
        return max(self.seen[word][0] for word in words)

    def forget(self) -> None:
        self.seen.clear()

    def _told(self, _conn: object, _pid: int, _channel: str, words: object) -> None:
        self.seen[str(words)].append(time.perf_counter())
        self._news.set()
