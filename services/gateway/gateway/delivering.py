"""A batch of events is posted to one subscription's endpoint, each aggregate's in order, several aggregates at once.

Promise: their receipts are written before any of them leaves; once one is not taken nothing more is begun, so that a
dead endpoint gets a few posts each time and not the whole batch.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx

from gateway.domain.purposes import Purpose
from gateway.endpoints import LOOKUP_S, vetted
from gateway.hub_view import encoded
from gateway.posting import Failed, post
from gateway.receipts import Receipts, shown
from gateway.signing import headers
from suizhuan.cloudevents import Event
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal

TOGETHER = 8  # aggregates at once


class Delivery(Protocol):
    """One way to a hub."""

    async def deliver(self, events: Sequence[Event]) -> None:
        """All of them, behind their receipts. Errors: `Failed`; LogUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class ToEndpoint:
    """What is the same for all batches while a worker has the subscription. `timeout` is in seconds, for each event."""

    client: httpx.AsyncClient
    clock: Clock
    receipts: Receipts
    purpose: Purpose
    url: str
    secret: str
    timeout: float
    inside: tuple[str, ...]

    async def deliver(self, events: Sequence[Event]) -> None:
        """All of them. Errors: `Failed`, when nothing of it is under way any more."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        address = await self._address()
        left = self.timeout - (loop.time() - begun)
        by_key: dict[tuple[str, str], list[Mapping[str, object]]] = defaultdict(list)
        for event, body in await shown(events, self.purpose, self.receipts):
            by_key[event.topic, event.key].append(body)
        room = asyncio.Semaphore(TOGETHER)
        failures: list[Exception] = []

        async def one_aggregate(bodies: Sequence[Mapping[str, object]]) -> None:
            async with room:
                for body in bodies:
                    if failures:
                        return
                    try:
                        await self._post(address, body, left)
                    except Exception as failure:
                        failures.append(failure)

        await asyncio.gather(*map(one_aggregate, by_key.values()))
        if failures:
            raise failures[0]

    async def _address(self) -> str | None:
        try:
            return await vetted(self.url, inside=self.inside, within=min(LOOKUP_S, self.timeout / 3))
        except Refusal as refusal:
            raise Failed(str(refusal.params.get("reason", refusal.code))) from refusal

    async def _post(self, address: str | None, body: Mapping[str, object], within: float) -> None:
        content = encoded(body)
        signed = headers(self.secret, str(body["id"]), int(self.clock.now().timestamp()), content)
        await post(self.client, self.url, address, content, signed, within)
