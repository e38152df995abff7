"""Cached reads and rate limits: Redis may be slow, gone or forgetful; the answers are right all the same."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from deploy.local import Redis
from suizhuan.cache import BREAK_S, Cache
from suizhuan.kernel.clock import ManualClock, SystemClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics
from suizhuan.rate_limits import RateLimiter

NOWHERE = "redis://127.0.0.1:1/0"


class Source:
    """What is composed; counts how often."""

    def __init__(self) -> None:
        self.value = b"one"
        self.loads = 0

    async def __call__(self) -> bytes:
        self.loads += 1
        return self.value


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(CollectorRegistry(), "gateway")


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture(params=["in process", pytest.param("redis", marks=pytest.mark.real)])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "in process" else str(request.getfixturevalue("redis_url"))


@pytest.fixture
def prefix() -> str:
    return secrets.token_hex(8)


@pytest.fixture
async def cache(url: str | None, clock: ManualClock, metrics: Metrics, prefix: str) -> AsyncIterator[Cache]:
    made = Cache(redis_url=url, clock=clock, metrics=metrics, prefix=prefix)
    yield made
    await made.close()


def reads(metrics: Metrics, outcome: str) -> float:
    return metrics.registry.get_sample_value("suizhuan_cache_reads_total", {"outcome": outcome}) or 0.0


def errors(metrics: Metrics) -> float:
    values = [
        metrics.registry.get_sample_value("suizhuan_redis_errors_total", {"what": what})
        for what in ("read", "write", "invalidate", "limit")
    ]
    return sum(v or 0.0 for v in values)


async def test_a_second_read_is_answered_from_the_cache(cache: Cache, source: Source, metrics: Metrics) -> None:
    assert [await cache.get_or_load("k", ["case:1"], source) for _ in range(3)] == [b"one"] * 3
    assert source.loads == 1
    assert (reads(metrics, "miss"), reads(metrics, "hit"), errors(metrics)) == (1, 2, 0)


async def test_an_event_invalidates_by_any_of_the_tags(cache: Cache, source: Source) -> None:
    for tag in ("case:1", "org:2"):
        await cache.get_or_load("k", ["case:1", "org:2"], source)
        before = source.loads
        source.value = tag.encode()
        assert await cache.invalidate("nobody", tag)
        assert await cache.get_or_load("k", ["org:2", "case:1"], source) == tag.encode()
        assert source.loads == before + 1
    await cache.invalidate("case:3")
    await cache.get_or_load("k", ["case:1", "org:2"], source)
    assert source.loads == 3


async def test_what_was_loaded_before_an_invalidation_and_stored_after_it_is_not_served(
    cache: Cache, source: Source
) -> None:
    loading, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> bytes:
        loading.set()
        await go_on.wait()
        return b"old"

    reading = asyncio.create_task(cache.get_or_load("k", ["case:1"], slow))
    await loading.wait()
    await cache.invalidate("case:1")
    go_on.set()
    assert await reading == b"old"  # it began before the event
    source.value = b"new"
    assert await cache.get_or_load("k", ["case:1"], source) == b"new"


async def test_nothing_is_served_beyond_its_time(cache: Cache, source: Source, clock: ManualClock) -> None:
    await cache.get_or_load("k", ["t"], source, ttl=3600)  # the bound wins
    clock.advance(4.9)
    await cache.get_or_load("k", ["t"], source, ttl=3600)
    assert source.loads == 1
    clock.advance(0.2)
    await cache.get_or_load("k", ["t"], source, ttl=3600)
    assert source.loads == 2
    await cache.get_or_load("short", ["t"], source, ttl=1)
    clock.advance(1.1)
    await cache.get_or_load("short", ["t"], source, ttl=1)
    assert source.loads == 4


async def test_an_entry_from_the_future_is_not_served(cache: Cache, source: Source) -> None:
    ahead = ManualClock()
    ahead.advance(60)
    cache._clock, right = ahead, cache._clock
    await cache.get_or_load("k", ["t"], source)
    cache._clock = right
    await cache.get_or_load("k", ["t"], source)
    assert source.loads == 2


async def test_an_error_of_the_source_is_the_callers_and_is_not_kept(cache: Cache, source: Source) -> None:
    async def broken() -> bytes:
        raise Refusal("unavailable", reason="complaints")

    with pytest.raises(Refusal):
        await cache.get_or_load("k", ["t"], broken)
    assert await cache.get_or_load("k", ["t"], source) == b"one"


async def test_any_bytes_are_kept_as_they_are(cache: Cache, source: Source) -> None:
    source.value = b"\n\x00{}\xff\n" * 1000
    assert [await cache.get_or_load("k", [], source) for _ in range(2)] == [source.value] * 2
    assert source.loads == 1


async def test_the_cache_in_process_is_bounded(clock: ManualClock, metrics: Metrics, source: Source) -> None:
    cache = Cache(redis_url=None, clock=clock, metrics=metrics, max_entries=2)
    for n in range(50):
        await cache.get_or_load(f"k{n}", [f"t{n}"], source)
    store = cache._store
    assert len(store._entries) == 2  # type: ignore[attr-defined]
    assert len(store._stamps) <= 21  # type: ignore[attr-defined]
    await cache.get_or_load("k49", ["t49"], source)
    assert source.loads in (50, 51)


async def test_without_redis_reads_are_slower_and_right(clock: ManualClock, metrics: Metrics, source: Source) -> None:
    cache = Cache(redis_url=NOWHERE, clock=clock, metrics=metrics)
    for value in (b"one", b"two", b"three"):
        source.value = value
        assert await cache.get_or_load("k", ["t"], source) == value
    assert errors(metrics) == 1  # then it is left alone for a while
    assert not await cache.invalidate("t")
    clock.advance(BREAK_S)
    assert await cache.get_or_load("k", ["t2"], source) == b"three"
    assert errors(metrics) == 2
    await cache.close()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path / "redis")
    yield server.start()
    server.kill()


@pytest.mark.real
async def test_after_an_invalidation_that_redis_missed_nothing_stale_is_served_here_and_elsewhere_not_beyond_the_bound(
    own_redis: Redis, clock: ManualClock, metrics: Metrics, source: Source
) -> None:
    here = Cache(redis_url=own_redis.url, clock=clock, metrics=metrics)
    elsewhere = Cache(redis_url=own_redis.url, clock=clock, metrics=metrics)
    await here.get_or_load("k", ["t"], source)
    own_redis.pause()
    source.value = b"two"
    assert not await here.invalidate("t")
    own_redis.resume()
    clock.advance(BREAK_S)
    assert await here.get_or_load("k", ["t"], source) == b"two"
    clock.advance(5)
    assert await here.get_or_load("k", ["t"], source) == b"two"
    assert await elsewhere.get_or_load("k", ["t"], source) == b"two"
    await here.close()
    await elsewhere.close()


@pytest.mark.real
async def test_two_processes_share_entries_and_invalidations(
    redis_url: str, clock: ManualClock, metrics: Metrics, source: Source, prefix: str
) -> None:
    one = Cache(redis_url=redis_url, clock=clock, metrics=metrics, prefix=prefix)
    two = Cache(redis_url=redis_url, clock=clock, metrics=metrics, prefix=prefix)
    await one.get_or_load("k", ["t"], source)
    await two.get_or_load("k", ["t"], source)
    assert source.loads == 1
    await two.invalidate("t")
    await one.get_or_load("k", ["t"], source)
    assert source.loads == 2
    await one.close()
    await two.close()


@pytest.mark.real
async def test_a_redis_that_lost_everything_makes_misses(
    own_redis: Redis, clock: ManualClock, metrics: Metrics, source: Source
) -> None:
    cache = Cache(redis_url=own_redis.url, clock=clock, metrics=metrics)
    await cache.get_or_load("k", ["t"], source)
    own_redis.kill()
    await cache.get_or_load("k", ["t"], source)
    await asyncio.to_thread(own_redis.start)
    clock.advance(BREAK_S)
    assert [await cache.get_or_load("k", ["t"], source) for _ in range(2)] == [b"one"] * 2
    assert source.loads == 3
    await cache.close()


@pytest.fixture
async def limiter(url: str | None, metrics: Metrics, prefix: str) -> AsyncIterator[RateLimiter]:
    made = RateLimiter(redis_url=url, clock=SystemClock(), metrics=metrics, prefix=prefix)
    yield made
    await made.close()


async def test_a_rate_limit_turns_away_and_says_when_to_come_back(limiter: RateLimiter, metrics: Metrics) -> None:
    for _ in range(3):
        await limiter.hit("3/hour", "intake", "resident-1")
    with pytest.raises(Refusal) as caught:
        await limiter.hit("3/hour", "intake", "resident-1")
    assert caught.value.code == "rate_limited"
    assert 0 < caught.value.params["retry_after"] <= 3600
    await limiter.hit("3/hour", "intake", "resident-2")
    await limiter.hit("3/hour", "other", "resident-1")
    assert metrics.registry.get_sample_value("suizhuan_rate_limited_total", {"limit": "intake"}) == 1
    assert errors(metrics) == 0


async def test_without_redis_a_rate_limit_holds_per_process(metrics: Metrics, clock: ManualClock) -> None:
    limiter = RateLimiter(redis_url=NOWHERE, clock=clock, metrics=metrics)
    for _ in range(2):
        await limiter.hit("2/hour", "intake", "r")
    with pytest.raises(Refusal):
        await limiter.hit("2/hour", "intake", "r")
    assert errors(metrics) == 1
    await limiter.close()
