"""A database for each service, on one PostgreSQL server that is given."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]


class Databases:
    """`<prefix>_<service>` for every service. `superuser` is a `postgresql://` URL that may create databases."""

    def __init__(self, superuser: str, prefix: str, services: Iterable[str]) -> None:
        self._superuser = superuser
        self._names = {service: f"{prefix}_{service}" for service in services}

    def url(self, service: str) -> str:
        """Of one service's database, as SQLAlchemy writes it: `postgresql+asyncpg://`."""
        parts = urlsplit(self._superuser)
        return urlunsplit(parts._replace(scheme="postgresql+asyncpg", path=f"/{self._names[service]}"))

    async def create(self) -> None:
        """Those that are not there yet. Errors: asyncpg's, OSError."""
        connection = await asyncpg.connect(self._superuser, timeout=10)
        try:
            for name in self._names.values():
                if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name) is None:
                    await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    async def drop(self) -> None:
        """All of them, with whoever is still connected."""
        connection = await asyncpg.connect(self._superuser, timeout=10)
        try:
            for name in self._names.values():
                await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()
