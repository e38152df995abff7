"""The three servers together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from deploy.local.kafka import Kafka
from deploy.local.packages import LOCAL
from deploy.local.postgres import Postgres
from deploy.local.process import Server
from deploy.local.redis import Redis


class Servers:
    """Kafka, PostgreSQL and Redis in one folder; several sets run side by side when their folders differ."""

    def __init__(self, folder: Path = LOCAL / "servers", *, durable: bool = False) -> None:
        self.folder = folder.resolve()
        self.kafka = Kafka(self.folder / Kafka.name, brief=not durable)
        self.postgres = Postgres(self.folder / Postgres.name, durable=durable)
        self.redis = Redis(self.folder / Redis.name)

    @property
    def all(self) -> tuple[Server, ...]:
        return (self.kafka, self.postgres, self.redis)

    def start(self) -> Self:
        """Starts all at once and returns when each has answered; when one cannot be had, none is left running."""
        try:
            start_together(*self.all)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        with ThreadPoolExecutor(len(self.all)) as pool:
            list(pool.map(lambda server: server.stop(), self.all))

    def remove(self) -> None:
        """Kills all and deletes their data and logs."""
        for server in self.all:
            server.remove()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_together(*servers: Server) -> None:
    """Starts servers at the same time; raises the first failure after all have either answered or failed."""
    with ThreadPoolExecutor(len(servers)) as pool:
        starts = [pool.submit(server.start) for server in servers]
    for start in starts:
        start.result()
