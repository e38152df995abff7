"""A service's own topics: made when they are missing, and never other ones than those it has published on."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.database import Database, is_transient
from suizhuan.db.tables import published
from suizhuan.kernel.clock import Clock
from suizhuan.offsets import LogReplaced, same_log
from suizhuan.ports.log import Log, LogUnavailable, TopicPartition, TopicSpec

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 30.0
TRY_EVERY_S = 1.0


class OwnTopics:
    """The topics of one service. As a component it looks again now and then whether they are still the same."""

    def __init__(self, database: Database, broker: Log, specs: Sequence[TopicSpec], clock: Clock) -> None:
        self.name = "own-topics"
        self.database = database
        self.broker = broker
        self.specs = list(specs)
        self.clock = clock
        self.ids: dict[str, str] = {}

    async def ready(self) -> dict[str, str]:
        """Make what is missing and compare all with what was published; returns the id of each topic.

        Errors: `LogReplaced`, `LogUnavailable`."""
        await self.broker.ensure_topics(self.specs)
        self.ids = {spec.name: await self.broker.topic_id(spec.name) for spec in self.specs}
        async with self.database.read() as conn:
            await self._compare(conn)
        return self.ids

    async def _compare(self, conn: AsyncConnection) -> None:
        rows = (await conn.execute(select(published).order_by(published.c.topic, published.c.partition))).all()
        known = [row for row in rows if row.topic in self.ids]
        ends = await self.broker.end_offsets([TopicPartition(row.topic, row.partition) for row in known])
        for row in known:
            tp = TopicPartition(row.topic, row.partition)
            same_log(tp, row.last_offset + 1, row.topic_id, self.ids[row.topic], ends)

    async def run(self) -> None:
        """Until cancelled, or until they are other ones: `LogReplaced`. A log that is away is waited for."""
        while True:
            pause = LOOK_EVERY_S
            try:
                await self.ready()
            except LogReplaced:
                raise
            except Exception as error:
                if not isinstance(error, LogUnavailable) and not is_transient(error):
                    log.exception("own_topics_not_compared")
                pause = TRY_EVERY_S
            await self.clock.sleep(pause)
