"""The authority replica as something a consumer can feed."""

from __future__ import annotations

from collections.abc import Sequence

from suizhuan.authority.replica import Replica
from suizhuan.cloudevents import Event
from suizhuan.unit_of_work import Tx


class AuthorityTarget:
    """Takes every record of the authority log: nothing there may be skipped."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica

    def wants(self, event: Event) -> bool:
        return True

    async def handle(self, tx: Tx, event: Event) -> None:
        await self.replica.apply(tx, event)

    def together(self, event: Event) -> None:
        return None

    async def handle_together(self, tx: Tx, events: Sequence[Event]) -> None:
        raise NotImplementedError("records of the authority log are applied one by one")
