"""Log → inbox and the gateway's projection of cases, against one transaction per message, and against FastStream."""

from __future__ import annotations

import asyncio
import gc
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped, unused-ignore]

from bench.consumer_peers import Peer, faststream_batches, faststream_messages, per_message
from bench.lives import lives
from bench.measure import Ratio, Side, turns
from bench.stage import Servers, asynchronous
from gateway.app import build
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.consumer import Consumer
from suizhuan.ports.log import TopicSpec
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings

EVENTS = 20_000
OF_SETS, OF_ONES = 10_000, 1_000  # of the peers, so that a round takes all of them about as long
TABLES = "case_view, case_step, inbox, consumer_offset"
SETTLES_S = 120.0


async def measure(servers: Servers) -> list[Ratio]:
    """Events a second, from the first batch's commit to the last one's: joining the group is not counted."""
    url = await servers.database()
    log = KafkaLog(servers.kafka)
    spec = TopicSpec(f"bench.cases{secrets.token_hex(3)}")
    await log.ensure_topics([spec])
    producer = await log.producer("bench")
    records = list(lives(spec.name, EVENTS))
    for start in range(0, EVENTS, 2000):
        await producer.append(records[start : start + 2000])
    watch = await asyncpg.connect(url)
    with tempfile.TemporaryDirectory(prefix="suizhuan-bench-") as folder:
        async with gateway(url, log, Path(folder)) as service:
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 100)  # as our services do, for all sides

            async def ours(_round: int) -> float:
                await watch.execute(f"TRUNCATE {TABLES}")
                p = service.parts
                made = Consumer(
                    f"gateway-{secrets.token_hex(3)}", [spec.name], service.inbound, p.broker, p.uow, p.clock
                )
                running = asyncio.create_task(made.run())
                seen = p.metrics.consumer_batch_events.labels(group=made.group)
                rate = await _rate(lambda: int(seen._sum.get()), EVENTS)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                assert await watch.fetchval("SELECT count(*) FROM case_step") == EVENTS
                assert await watch.fetchval("SELECT count(*) FROM inbox") == EVENTS
                return rate

            def against(peer: Peer, events: int) -> Side:
                async def side(_round: int) -> float:
                    await watch.execute(f"TRUNCATE {TABLES}")
                    async with peer(url, servers.kafka, spec.name) as done:
                        return await _rate(done, events)

                return side

            found = await turns(
                "consumer",
                "events/s",
                {
                    "ours": ours,
                    "per message": against(per_message, OF_ONES),
                    "FastStream": against(faststream_batches, OF_SETS),
                    "FastStream per message": against(faststream_messages, OF_ONES),
                },
            )
    await watch.close()
    await producer.close()
    await log.close()
    beside = {"FastStream, a message a transaction": found["FastStream per message"]}
    return [
        Ratio("consumer_vs_per_message", "events/s", found["ours"], found["per message"], reach=10.0),
        Ratio("consumer_vs_faststream", "events/s", found["ours"], found["FastStream"], reach=5.0, shown=beside),
    ]


async def _rate(done: Callable[[], int], events: int) -> float:
    """Looks every few milliseconds how many are done."""
    async with asyncio.timeout(SETTLES_S):
        while not (first := done()):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        started = time.perf_counter()
        while (last := done()) < events:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    return (last - first) / (time.perf_counter() - started)


@asynccontextmanager
async def gateway(url: str, log: KafkaLog, folder: Path) -> AsyncIterator[Service]:
    """The gateway as it is wired, migrated, with nothing running yet."""
    settings = load_settings(ServiceSettings, "gateway", database_url=asynchronous(url), data_dir=folder)
    service = build(settings, broker=log)
    await service.migrate()
    try:
        yield service
    finally:
        await service.app.state.upstreams.close()
        await service.close()
