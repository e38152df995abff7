"""Rate limits, by `limits`, counted in Redis; while Redis is down each process counts for itself."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from suizhuan.cache import DOWN, Breaker
from suizhuan.cache_redis import redis_pool
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics


class RateLimiter:
    """Limits such as "60/minute", per name and caller.

    Promise: with Redis they hold across all processes; without, per process, so that never less than the limit is
    let through and at most as many times it as there are processes. Windows slide, by the machine's own wall clock
    (the library's: it cannot be handed one).
    """

    def __init__(self, *, redis_url: str | None, clock: Clock, metrics: Metrics, prefix: str = "suizhuan") -> None:
        self._metrics = metrics
        self._breaker = Breaker(clock, metrics)
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._items: dict[str, RateLimitItem] = {}
        self._pool = None if redis_url is None else redis_pool(redis_url)
        self._shared: SlidingWindowCounterRateLimiter | None = None
        if redis_url is not None:
            storage = RedisStorage(
                f"async+{redis_url}",
                implementation="redispy",
                key_prefix=f"{prefix}:limit",
                connection_pool=self._pool,  # type: ignore[arg-type]  # its annotation forgets the documented pool
            )
            self._shared = SlidingWindowCounterRateLimiter(storage)

    async def hit(self, limit: str, name: str, *who: str) -> None:
        """Count one use of `name` by `who`. Errors: `rate_limited` with `retry_after` seconds."""
        item = self._items.get(limit) or self._items.setdefault(limit, parse(limit))
        if self._shared is not None and not self._breaker.open:
            try:
                await self._count(self._shared, item, name, who)
                return
            except (RedisError, *DOWN):
                self._breaker.failed("limit")
        await self._count(self._local, item, name, who)

    async def _count(
        self, limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, name: str, who: tuple[str, ...]
    ) -> None:
        if await limiter.hit(item, name, *who):
            return
        self._metrics.rate_limited_total.labels(name).inc()
        reset = (await limiter.get_window_stats(item, name, *who)).reset_time
        raise Refusal("rate_limited", retry_after=max(1, math.ceil(reset - time.time())))

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()
