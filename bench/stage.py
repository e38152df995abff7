"""Servers that keep what they have acknowledged, and databases and services made for a measurement."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]
from joserfc.jwk import ECKey

from complaints.app import build
from deploy.local.kafka import Kafka
from deploy.local.packages import LOCAL
from deploy.local.postgres import Postgres
from deploy.local.servers import start_together
from services.complaints.tests.conftest import World
from suizhuan.kernel.clock import SystemClock
from suizhuan.settings import IssuerSettings, ServiceSettings, load_settings
from suizhuan.testing_world import ISSUER, NoLog

SETTINGS = {
    # No checkpoint in the middle of a round because a database was filled before it.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    # A sixth of this machine, as a database server is set up: with PostgreSQL's 128 MB, made for machines of long ago,
    # what is large is read through the kernel page by page, and what is measured is that.
    "shared_buffers": "4GB",
}


@dataclass(frozen=True, slots=True)
class Servers:
    """Where Kafka and PostgreSQL are."""

    kafka: str
    postgres: str

    async def database(self) -> str:
        """A new empty database, as a `postgresql://` URL."""
        name = f"bench_{secrets.token_hex(4)}"
        conn = await asyncpg.connect(self.postgres)
        await conn.execute(f'CREATE DATABASE "{name}"')
        await conn.close()
        return urlunsplit(urlsplit(self.postgres)._replace(path=f"/{name}"))


@contextlib.contextmanager
def servers() -> Iterator[Servers]:
    """Kafka and PostgreSQL of our own, durable (fsync on), for as long as the block lasts."""
    folder = LOCAL / "bench" / str(os.getpid())  # so that two runs do not meet
    kafka, postgres = Kafka(folder / "kafka"), Postgres(folder / "postgres", durable=True, settings=SETTINGS)
    try:
        start_together(kafka, postgres)
        yield Servers(kafka.url, postgres.url)
    finally:
        kafka.remove()
        postgres.remove()
        shutil.rmtree(folder, ignore_errors=True)


def asynchronous(url: str) -> str:
    """The same database as SQLAlchemy's asyncpg engine wants it named."""
    return urlunsplit(urlsplit(url)._replace(scheme="postgresql+asyncpg"))


@contextlib.asynccontextmanager
async def complaints(url: str, folder: Path) -> AsyncIterator[tuple[World, Path]]:
    """The complaints service in the city as it begins, on a database of its own; and the keys of its issuer."""
    key = ECKey.generate_key("P-256", {"kid": "k1"})
    jwks = folder / "jwks.json"
    jwks.write_text(json.dumps({"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}))
    settings = load_settings(
        ServiceSettings,
        "complaints",
        database_url=asynchronous(url),
        data_dir=folder,
        issuers=(IssuerSettings(issuer=ISSUER, jwks_file=jwks),),
    )
    clock = SystemClock()
    world = World(lambda: build(settings, broker=NoLog(), clock=clock), clock, key)  # type: ignore[arg-type]
    await world.begin()
    await world.found()
    try:
        yield world, jwks
    finally:
        await world.close()
