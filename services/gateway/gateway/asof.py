"""As of when an answer is: the next offset of every partition behind it.

Convention: the header `Suizhuan-As-Of` says `topic/partition@offset` for each, with commas between; the same stands
in the answer's `as_of`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from suizhuan.db.tables import authority_state, consumer_offset

HEADER = "Suizhuan-As-Of"
GROUP = "gateway"
AsOf = dict[str, dict[str, int]]


async def positions(conn: AsyncConnection) -> dict[tuple[str, int], int]:
    """How far the projection is, from the same transaction as what is read of it."""
    query = select(consumer_offset).where(consumer_offset.c.consumer == GROUP)
    return {(row.topic, row.partition): row.next_offset for row in await conn.execute(query)}


async def as_of(conn: AsyncConnection) -> AsOf:
    """By topic and partition; for the authority log how far this service's replica is."""
    found: AsOf = {}
    for (topic, partition), offset in sorted((await positions(conn)).items()):
        found.setdefault(topic, {})[str(partition)] = offset
    state = (await conn.execute(select(authority_state.c.offset).where(authority_state.c.id == 1))).scalar()
    found["mandates.authority"] = {"0": (-1 if state is None else state) + 1}
    return found


def header(found: Mapping[str, Mapping[str, int]]) -> str:
    return ",".join(f"{topic}/{p}@{offset}" for topic, per in sorted(found.items()) for p, offset in per.items())
