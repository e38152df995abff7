"""Databases for tests: each of one test alone, on SQLite or on PostgreSQL, empty or as somebody had filled it once."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped, unused-ignore]

T = TypeVar("T")
_COPIES = 15  # since this version PostgreSQL can be told how to copy
_ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"


@dataclass(slots=True)
class Server:
    """Where databases are made: a folder (SQLite), or a PostgreSQL of which `admin` is a superuser's URL."""

    folder: Path
    admin: str | None = None

    async def create(self, original: str | None = None) -> str:
        """A database's URL; `original` is that of the one it is a copy of, whose users lose their connections."""
        name = f"test_{secrets.token_hex(8)}"
        if self.admin is None:
            file = self.folder / f"{name}.db"
            if original is not None:
                with (
                    closing(sqlite3.connect(original.partition("///")[2])) as old,
                    closing(sqlite3.connect(file)) as new,
                ):
                    old.backup(new)
            return f"sqlite+aiosqlite:///{file}"
        connection = await asyncpg.connect(self.admin)
        try:
            words = f'CREATE DATABASE "{name}"'
            if original is not None:
                template = urlsplit(original).path.lstrip("/")
                await connection.fetch(_ENDED, template)
                words += f' TEMPLATE "{template}"'
                if connection.get_server_version().major >= _COPIES:
                    words += " STRATEGY FILE_COPY"  # half the time of its usual way, for which all goes by the log
            await connection.execute(words)
        finally:
            await connection.close()
        return urlunsplit(urlsplit(self.admin)._replace(scheme="postgresql+asyncpg", path=f"/{name}"))

    async def drop(self, *urls: str) -> None:
        """SQLite's go with their folder."""
        if self.admin is None or not urls:
            return
        connection = await asyncpg.connect(self.admin)
        try:
            for url in urls:
                await connection.execute(f'DROP DATABASE IF EXISTS "{urlsplit(url).path.lstrip("/")}" WITH (FORCE)')
        finally:
            await connection.close()


@dataclass(slots=True)
class Templates:
    """Databases that were filled once, for all tests of a process, and what their filling gave back."""

    server: Server
    filled: dict[str, tuple[str, Any]] = field(default_factory=dict)

    async def of(self, name: str, fill: Callable[[str], Awaitable[T]]) -> tuple[str, T]:
        if name not in self.filled:
            url = await self.server.create()
            self.filled[name] = url, await fill(url)
        return self.filled[name]


@dataclass(slots=True)
class Databases:
    """Those of one test."""

    server: Server
    templates: Templates
    made: list[str] = field(default_factory=list)

    async def empty(self) -> str:
        """An empty database's URL."""
        return self._noted(await self.server.create())

    async def copy_of(self, original: str) -> str:
        """A copy of a database as it is now: a service that opens it has been restored."""
        return self._noted(await self.server.create(original))

    async def filled(self, name: str, fill: Callable[[str], Awaitable[T]]) -> tuple[str, T]:
        """A copy of the database `name`, and what `fill` gave back when it filled it for the first test that asked.

        What it gives is shared by all tests; it leaves no connection open."""
        original, given = await self.templates.of(name, fill)
        return self._noted(await self.server.create(original)), given

    def _noted(self, url: str) -> str:
        self.made.append(url)
        return url
