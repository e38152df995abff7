"""Names inside the cluster, reached by port-forwards: Kafka's broker tells its clients such a name."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def reached(forwards: Mapping[tuple[str, int], int]) -> Iterator[None]:
    """In this process, `(name, port)` is that port of this host as long as the block lasts."""
    asked = socket.getaddrinfo

    def answered(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        here = forwards.get((str(host), int(port or 0)))
        return asked("127.0.0.1", here, *more, **named) if here else asked(host, port, *more, **named)

    socket.getaddrinfo = answered
    try:
        yield
    finally:
        socket.getaddrinfo = asked
