"""Cached composed reads, invalidated by events. Redis down means slower, never wrong.

Chosen: redis.asyncio directly, over cashews. The rule below needs an entry and its tags' stamps read in one step and
written under the stamps from *before* the load; cashews invalidates by deleting the keys it remembers for a tag,
so an answer loaded before an event and stored after its invalidation would stay.

How an entry stays right: each tag has a random stamp. An entry is stored with its tags' stamps as they were before
it was loaded, and counts only while they are still the same; invalidating a tag changes its stamp. A tag without a
stamp (evicted, Redis emptied) makes a miss. An old snapshot of Redis cannot bring a stamp back into agreement with
an entry for longer than that entry lives.

The bound: nothing older than `max_ttl` is ever served, by the entry's own expiry in Redis and, beside it, by the
time written into it. So an invalidation that could not reach Redis costs at most `max_ttl` (5 s) in *other*
processes; this process remembers the tag for that long and asks Redis nothing under it.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from suizhuan.kernel.clock import Clock
from suizhuan.metrics import Metrics

BREAK_S = 1.0  # after a failure Redis is left alone this long, so that slower stays bounded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer, the stamps its tags had before it was loaded, and when (epoch seconds) its loading began."""

    value: bytes
    stamps: tuple[str, ...]
    written_at: float


class StoreDown(Exception):
    """The store did not answer, or not in time."""


DOWN = (StoreDown, OSError, TimeoutError)


class _Store(Protocol):
    """Where entries and stamps are kept. Errors of all methods: those of `DOWN`."""

    async def look(self, key: str, tags: Sequence[str]) -> tuple[Entry | None, tuple[str, ...]]:
        """The entry and the tags' stamps as of one moment; a tag without a stamp is given one."""
        ...

    async def put(self, key: str, entry: Entry, ttl: float) -> bool: ...

    async def restamp(self, tags: Sequence[str]) -> bool: ...

    async def close(self) -> None: ...


class Breaker:
    """Leaves Redis alone for `BREAK_S` after it has failed, and counts the failures."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics
        self._until = float("-inf")

    @property
    def open(self) -> bool:
        return self._clock.monotonic() < self._until

    def failed(self, what: str) -> None:
        self._metrics.redis_errors_total.labels(what).inc()
        self._until = self._clock.monotonic() + BREAK_S


class Cache:
    """The composed reads of one service. Without `redis_url` they are kept in the process.

    Promise: `get_or_load` never fails for the cache's sake, and never gives an answer that was loaded before an
    invalidation which this process has made. Errors are counted and are misses.
    """

    def __init__(
        self,
        *,
        redis_url: str | None,
        clock: Clock,
        metrics: Metrics,
        prefix: str = "suizhuan",
        max_ttl: float = 5.0,
        max_entries: int = 10_000,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._max_ttl = max_ttl
        self._breaker = Breaker(clock, metrics)
        self._store: _Store = _InProcess(max_entries) if redis_url is None else _redis_store(redis_url, prefix)
        self._lost: dict[str, float] = {}  # tags whose invalidation did not arrive, and until when that matters

    async def get_or_load(
        self, key: str, tags: Iterable[str], load: Callable[[], Awaitable[bytes]], *, ttl: float | None = None
    ) -> bytes:
        """The answer under `key`, loaded by `load` when it is not here. `tags` are what would change it, and are the
        same for the same key. `ttl` (s) may be shorter than the cache's bound, never longer. Errors: those of `load`.
        """
        names = sorted(set(tags))
        lifetime = self._max_ttl if ttl is None else min(ttl, self._max_ttl)
        found = await self._safely("read", self._store.look(key, names)) if self._usable(names) else None
        if found is None:
            self._metrics.cache_reads_total.labels("error").inc()
            return await load()
        entry, stamps = found
        now = self._clock.now().timestamp()
        # Asked again: an invalidation may have begun while the store was being read.
        if entry and entry.stamps == stamps and 0 <= now - entry.written_at < lifetime and self._usable(names):
            self._metrics.cache_reads_total.labels("hit").inc()
            return entry.value
        self._metrics.cache_reads_total.labels("miss").inc()
        value = await load()
        if self._usable(names):
            await self._safely("write", self._store.put(key, Entry(value, stamps, now), lifetime))
        return value

    async def invalidate(self, *tags: str) -> bool:
        """Nothing loaded under any of these tags so far is served again. Never raises: consumers go on.

        False when Redis could not be told; then the bound above holds, and this process serves nothing under them.
        """
        if not tags:
            return True
        # Noted before Redis is asked: a read that runs meanwhile is not to trust the old stamps.
        until = self._clock.monotonic() + self._max_ttl
        self._lost.update(dict.fromkeys(tags, until))
        if self._breaker.open or not await self._safely("invalidate", self._store.restamp(tags)):
            return False
        for tag in tags:
            if self._lost.get(tag) == until:
                del self._lost[tag]
        return True

    async def close(self) -> None:
        await self._store.close()

    def _usable(self, tags: Sequence[str]) -> bool:
        if self._lost:
            now = self._clock.monotonic()
            self._lost = {tag: until for tag, until in self._lost.items() if until > now}
        return not self._breaker.open and not any(tag in self._lost for tag in tags)

    async def _safely(self, what: str, work: Awaitable[T]) -> T | None:
        try:
            return await work
        except (*DOWN, ValueError):
            self._breaker.failed(what)
            return None


class _InProcess:
    """Bounded: the entry used longest ago goes first."""

    def __init__(self, max_entries: int) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._stamps: dict[str, str] = {}
        self._fresh = map(str, itertools.count())
        self._max = max_entries

    async def look(self, key: str, tags: Sequence[str]) -> tuple[Entry | None, tuple[str, ...]]:
        if len(self._stamps) > 10 * self._max:
            self._stamps.clear()  # every entry is a miss from now on, because no stamp is ever made twice
        stamps = tuple(self._stamps.get(t) or self._stamps.setdefault(t, next(self._fresh)) for t in tags)
        return self._entries.get(key), stamps

    async def put(self, key: str, entry: Entry, ttl: float) -> bool:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        if len(self._entries) > self._max:
            self._entries.popitem(last=False)
        return True

    async def restamp(self, tags: Sequence[str]) -> bool:
        for tag in tags:
            self._stamps[tag] = next(self._fresh)
        return True

    async def close(self) -> None:
        self._entries.clear()


def _redis_store(url: str, prefix: str) -> _Store:
    from suizhuan.cache_redis import RedisStore  # noqa: PLC0415 - a third of a second that most starts need not wait

    return RedisStore(url, prefix)
