"""The topics of a platform, on a broker of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from deploy.topology import HUB_TOPICS, TOPICS
from suizhuan.adapters.kafka_log import KafkaLog
from suizhuan.ports.log import TopicSpec, UnknownTopic


class NotEmpty(Exception):
    """The broker holds topics of another platform."""


async def refuse_existing(kafka: str, security: Mapping[str, Any]) -> None:
    """Errors: NotEmpty."""
    async with _log(kafka, security) as log:
        for topic in TOPICS:
            with contextlib.suppress(UnknownTopic):
                await log.partitions(topic.name)
                raise NotEmpty(
                    f"the broker has the topic {topic.name} already: a platform needs a broker of its own, or the "
                    f"folder it ran on before, with keep / "
                    f"Kafka 中已有主题 {topic.name}：平台需独占一个 Kafka，或使用原先的数据文件夹并保留"
                )


async def make_all(kafka: str, security: Mapping[str, Any]) -> None:
    """Those that are not there yet."""
    async with _log(kafka, security) as log:
        topics = (*TOPICS, *HUB_TOPICS)
        await log.ensure_topics([TopicSpec(t.name, t.partitions, t.compacted, t.min_compaction_lag_s) for t in topics])


@contextlib.asynccontextmanager
async def _log(kafka: str, security: Mapping[str, Any]) -> AsyncIterator[KafkaLog]:
    log = KafkaLog(kafka, security=security)
    try:
        yield log
    finally:
        await log.close()
