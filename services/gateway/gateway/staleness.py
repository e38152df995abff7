"""Tells the cache what events have made wrong.

A handler runs inside its transaction, so an answer loaded between its call and the commit would be old again. So each
tag is invalidated at once and once more shortly after; the cache's own bound (`cache_ttl`) holds for what is slower.
"""

from __future__ import annotations

import asyncio

from suizhuan.cache import Cache
from suizhuan.kernel.area import prefixes

AGAIN_AFTER_S = 0.2


class Staleness:
    """A component: collects tags from handlers."""

    def __init__(self, cache: Cache) -> None:
        self.name = "staleness"
        self._cache = cache
        self._tags: set[str] = set()
        self._wake = asyncio.Event()

    async def changed(self, *tags: str) -> None:
        """Something happened under these tags; what happens in an area is seen from every area around it, too."""
        found = set(tags)
        for tag in tags:
            kind, _, area = tag.partition(":")
            if kind == "area":
                found |= {f"within:{prefix}" for prefix in prefixes(area)}
        self._tags |= found
        self._wake.set()
        await self._cache.invalidate(*found)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(AGAIN_AFTER_S)
            tags, self._tags = self._tags, set()
            self._wake.clear()
            await self._cache.invalidate(*tags)
