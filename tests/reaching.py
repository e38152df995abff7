"""Names of another network, reached from here: Kafka's broker tells its clients such a name."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

Place = tuple[str, int]


@contextmanager
def reached(places: Mapping[Place, Place]) -> Iterator[None]:
    """In this process each `(name, port)` is that address and port as long as the block lasts."""
    asked = socket.getaddrinfo

    def answered(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        return asked(*places.get((str(host), int(port or 0)), (host, port)), *more, **named)

    with patch.object(socket, "getaddrinfo", answered):
        yield
