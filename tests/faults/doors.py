"""Callers who, while two releases of a service run beside each other, ask one and the other in turn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx

from .caller import Callers
from .journal import Journal


class Doors(Callers):
    """As a load balancer does it before several processes of one service; the gateway is one of them."""

    def __init__(self, base: str, issuer: str, journal: Journal) -> None:
        Callers.__init__(self, base, issuer, journal)
        self.open: dict[str, list[str]] = {}  # addresses, by service
        self.done: Counter[str] = Counter()  # commands taken in, by address
        self._turn = 0

    async def _ask(self, method: str, path: str, **how: Any) -> httpx.Response | None:
        service = path.split("/")[1]
        doors = self.open.get(service) if method == "POST" else None
        doors = doors or self.open.get("gateway") or [self.base]
        self._turn += 1
        door = doors[self._turn % len(doors)]
        answer = await Callers._ask(self, method, f"{door}{path}", **how)
        if method == "POST" and answer is not None and answer.is_success:
            self.done[door] += 1
        return answer
