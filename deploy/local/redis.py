"""Redis from the system's packages: a cache, so nothing is kept over a stop."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path
from typing import ClassVar

from deploy.local.packages import Unavailable, install
from deploy.local.process import HOST, Server, free_ports


class Redis(Server):
    """One redis-server on a port of its own; a stop empties it."""

    name: ClassVar[str] = "redis"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.port,) = free_ports(1)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def prepare(self) -> list[str]:
        if shutil.which("redis-server") is None:
            install("redis-server", purpose="Redis")
        program = shutil.which("redis-server")
        if program is None:
            raise Unavailable("Redis: redis-server not found / 未找到 redis-server")
        # No snapshot and no append-only file: it is a cache.
        settings = {"bind": HOST, "port": str(self.port), "save": "", "appendonly": "no", "dir": str(self.folder)}
        return [program, *(word for key, value in settings.items() for word in (f"--{key}", value))]

    def answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
