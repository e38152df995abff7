"""The cache's store in Redis, and the connections that it and the rate limits use."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from suizhuan.cache import Entry, StoreDown

TIMEOUT_S = 0.25
STAMPS_LIVE_S = 3600


def redis_pool(url: str) -> BlockingConnectionPool:
    """Connections that give up fast and do not try again: who waits for a cache has lost already."""
    return BlockingConnectionPool.from_url(
        url,
        timeout=TIMEOUT_S,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        max_connections=50,
    )


class RedisStore:
    """One round trip to read, one to write. The keys of one read may lie anywhere: a single Redis, no cluster."""

    def __init__(self, url: str, prefix: str) -> None:
        self._redis: Redis = Redis.from_pool(redis_pool(url))
        self._prefix = prefix

    async def look(self, key: str, tags: Sequence[str]) -> tuple[Entry | None, tuple[str, ...]]:
        names = [self._stamp(tag) for tag in tags]
        async with _told(), self._redis.pipeline(transaction=True) as pipe:
            for name in names:
                pipe.set(name, uuid4().hex, nx=True, ex=STAMPS_LIVE_S)
            pipe.mget([f"{self._prefix}:entry:{key}", *names])
            raw, *stamps = (await pipe.execute())[-1]
        # None: evicted within this very step. A stamp that nobody holds makes a miss.
        return _unpack(raw), tuple((s or uuid4().hex.encode()).decode() for s in stamps)

    async def put(self, key: str, entry: Entry, ttl: float) -> bool:
        head = json.dumps([entry.written_at, *entry.stamps]).encode()
        async with _told():
            await self._redis.set(f"{self._prefix}:entry:{key}", head + b"\n" + entry.value, px=max(1, int(ttl * 1000)))
        return True

    async def restamp(self, tags: Sequence[str]) -> bool:
        async with _told(), self._redis.pipeline(transaction=True) as pipe:
            for tag in tags:
                pipe.set(self._stamp(tag), uuid4().hex, ex=STAMPS_LIVE_S)
            await pipe.execute()
        return True

    async def close(self) -> None:
        await self._redis.aclose()

    def _stamp(self, tag: str) -> str:
        return f"{self._prefix}:stamp:{tag}"


@asynccontextmanager
async def _told() -> AsyncIterator[None]:
    try:
        yield
    except RedisError as error:
        raise StoreDown(type(error).__name__) from error


def _unpack(raw: bytes | None) -> Entry | None:
    if raw is None:
        return None
    head, _, value = raw.partition(b"\n")
    written_at, *stamps = json.loads(head)
    return Entry(value, tuple(stamps), float(written_at))
