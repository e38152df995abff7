"""Tells the cache what events have made wrong, once their transaction has committed: an answer loaded before that would
be old again. What comes close together is told together; where the process ends before it could tell, the cache's own
bound (`cache_ttl`) holds.
"""

from __future__ import annotations

import asyncio

from suizhuan.cache import Cache
from suizhuan.kernel.area import prefixes
from suizhuan.unit_of_work import Tx

TOGETHER_S = 0.02


class Staleness:
    """A component: collects tags from handlers."""

    def __init__(self, cache: Cache) -> None:
        self.name = "staleness"
        self._cache = cache
        self._tags: set[str] = set()
        self._wake = asyncio.Event()

    def changed(self, tx: Tx, *tags: str) -> None:
        """Something happened under these tags; what happens in an area is seen from every area around it, too."""
        found = set(tags)
        for tag in tags:
            kind, _, area = tag.partition(":")
            if kind == "area":
                found |= {f"within:{prefix}" for prefix in prefixes(area)}
        tx.afterwards(lambda: self._note(found))

    def _note(self, tags: set[str]) -> None:
        self._tags |= tags
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(TOGETHER_S)
            tags, self._tags = self._tags, set()
            self._wake.clear()
            await self._cache.invalidate(*tags)
