"""Each service's database backed up and brought back, row for row; what is not right is refused before that."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from deploy.topology import EVERY
from suizhuan.backup_command import backup, restore
from suizhuan.backups import making
from suizhuan.backups.file import ABOUT, BackupProblem, Reader
from suizhuan.db.database import Database
from suizhuan.db.tables import area_change, incarnation, outbox, published
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import NoLog

ROW = {"switch": "s", "old": "321302002907001", "new": "321302002907002", "sequence": 1}
NEWER = {**ROW, "switch": "later"}
PUBLISHED = {"topic": "x.y", "partition": 0, "last_offset": 41, "topic_id": "t"}
Names = list[str]


@asynccontextmanager
async def opened(name: str, url: str, tmp_path: Path) -> AsyncIterator[Service]:
    settings = load_settings(ServiceSettings, name, database_url=url, data_dir=tmp_path, population_id_secret="x" * 32)
    service: Service = import_module(f"{name}.app").build(settings, broker=NoLog())
    try:
        yield service
    finally:
        await service.close()


async def filled(service: Service) -> None:
    await service.migrate()
    async with service.parts.database.write() as conn:
        await conn.execute(insert(area_change).values(ROW))
        await conn.execute(insert(published).values(PUBLISHED))
        await conn.execute(insert(incarnation).values(id=1, name="first", recovered=True, mark=""))
        await conn.execute(insert(outbox), [_waiting(service, n) for n in range(3)])


def _waiting(service: Service, number: int) -> dict[str, Any]:
    made = {
        "event_id": f"e{number}",
        "lane": 0,
        "topic": "x.y",
        "key": "k",
        "value": b"\x00\n\t\\",
        "headers": "[]",
        "authority_offset": 0,
    }
    return {**made, "created_at": service.parts.clock.now()}


async def everything(url: str, schema: str = "public") -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table but the mark that a restore leaves."""
    database = Database(url)
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        if database.is_sqlite
        else f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'"
    )
    place = "" if database.is_sqlite else f'"{schema}".'
    async with database.read() as conn:
        names = sorted((await conn.execute(text(query))).scalars())
        found = {}
        for name in names:
            columns = "id, name, recovered" if name == "incarnation" else "*"
            rows = (await conn.execute(text(f'SELECT {columns} FROM {place}"{name}"'))).all()
            found[name] = sorted(map(tuple, rows), key=repr)
    await database.close()
    return found


@pytest.mark.either_database  # on PostgreSQL a restore takes seconds: below complaints is restored there each time
@pytest.mark.parametrize("name", [spec.name for spec in EVERY])
async def test_a_restored_database_is_row_for_row_what_was_backed_up(
    databases: Databases, tmp_path: Path, name: str
) -> None:
    url, file = await databases.empty(), tmp_path / "kept.backup"
    async with opened(name, url, tmp_path) as service:
        await filled(service)
        was = await everything(url)
        await backup(service, [str(file)])
        assert file.stat().st_mode & 0o077 == 0  # it holds all that the database does
        async with service.parts.database.write() as conn:
            await conn.execute(insert(area_change).values(NEWER))
        later = await everything(url)
    async with opened(name, url, tmp_path) as service:
        with file.open("rb") as stream, Reader.open(stream) as reader:
            done = await making.bring_back(service, reader, lambda *_: None)
        assert await everything(url) == was
        assert done.kept is not None
        aside = (
            (done.kept.removeprefix("schema "), url)
            if "schema" in done.kept
            else (None, f"{url.partition('///')[0]}///{done.kept}")
        )
        assert await everything(aside[1], aside[0] or "") == later
        async with service.parts.database.write() as conn:  # ids go on, they do not begin again
            await conn.execute(insert(outbox).values(_waiting(service, 9)))
            ids = (await conn.execute(text("SELECT id FROM outbox ORDER BY id"))).scalars().all()
            mark = (await conn.execute(text("SELECT mark FROM incarnation"))).scalar_one()
        assert ids[-1] == max(row[0] for row in was["outbox"]) + 1
        assert mark  # so it compares itself with the log when it starts


@pytest.fixture
async def kept(databases: Databases, tmp_path: Path) -> AsyncIterator[tuple[Service, str, Path]]:
    """Complaints, and a backup of it."""
    url, file = await databases.empty(), tmp_path / "kept.backup"
    async with opened("complaints", url, tmp_path) as service:
        await filled(service)
        await backup(service, [str(file)])
    async with opened("complaints", url, tmp_path) as service:
        yield service, url, file


def changed(file: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The same members, and something else said about them."""
    made = file.with_name("changed.backup")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == ABOUT:
                about = json.loads(data)
                change(about)
                data = json.dumps(about).encode()
            new.writestr(name, data)
    return made


def flipped(file: Path) -> Path:
    data = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        largest = max((m for m in archive.infolist() if m.filename != ABOUT), key=lambda member: member.compress_size)
    data[largest.header_offset + 30 + len(largest.filename) + largest.compress_size // 2] ^= 0xFF
    (made := file.with_name("flipped.backup")).write_bytes(data)
    return made


def cut(file: Path) -> Path:
    (made := file.with_name("cut.backup")).write_bytes(file.read_bytes()[:-100])
    return made


def text_file(file: Path) -> Path:
    (made := file.with_name("notes.txt")).write_text("no backup")
    return made


WRONG: dict[str, Callable[[Path], Path]] = {
    "backup_of_another_service": lambda file: changed(file, lambda about: about.update(service="finance")),
    "backup_of_another_database": lambda file: changed(file, lambda about: about.update(database="oracle")),
    "backup_newer": lambda file: changed(file, lambda about: about.update(schema="9999")),
    "backup_damaged": flipped,
    "backup_unreadable": cut,
    "backup_unreadable ": text_file,
    "backup_impossible": lambda file: file.with_name("not_there"),
    "backup_damaged ": lambda file: changed(file, lambda about: about["members"].popitem()),
}


async def test_what_is_no_backup_of_it_is_refused_and_nothing_is_touched(kept: tuple[Service, str, Path]) -> None:
    service, url, file = kept
    was = await everything(url)
    for code, make in WRONG.items():
        with pytest.raises(SystemExit, match=f"^{code.strip()}: "):
            await restore(service, [str(make(file)), "--yes"])
    assert await everything(url) == was


async def test_it_is_not_restored_before_somebody_has_said_so_nor_while_the_service_is_connected(
    kept: tuple[Service, str, Path],
) -> None:
    service, url, file = kept
    was = await everything(url)
    with pytest.raises(SystemExit, match=r"^restore_not_confirmed: "):
        await restore(service, [str(file)])
    other = Database(url)
    async with other.read() as conn:
        await conn.execute(text("SELECT 1"))
        with pytest.raises(SystemExit, match=r"^service_running: "):
            await restore(service, [str(file), "--yes"])
    await other.close()
    assert await everything(url) == was


async def test_a_restore_that_fails_half_way_leaves_the_data_as_they_were(kept: tuple[Service, str, Path]) -> None:
    service, url, file = kept
    was = await everything(url)
    # Of a table that cannot be read into; of a database that is none.
    name = "database.sqlite" if service.parts.database.is_sqlite else "tables/outbox"
    broken = file.with_name("broken.backup")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(broken, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            if member == name:
                data = data[:-1] + b"half a row"
            if member == ABOUT:
                import hashlib

                about = json.loads(data)
                about["members"][name]["sha256"] = hashlib.sha256(old.read(name)[:-1] + b"half a row").hexdigest()
                data = json.dumps(about).encode()
            new.writestr(member, data)
    with pytest.raises(SystemExit, match=r"^backup_damaged: "):
        await restore(service, [str(broken), "--yes"])
    assert await everything(url) == was


async def test_a_file_that_is_there_is_kept(kept: tuple[Service, str, Path]) -> None:
    service, _, file = kept
    was = file.read_bytes()
    with pytest.raises(SystemExit, match=r"^backup_file_exists: "):
        await backup(service, [str(file)])
    assert file.read_bytes() == was
    assert [path.name for path in file.parent.glob("kept*")] == ["kept.backup"]


def test_a_backup_written_into_a_stream_is_read_as_one_from_a_file() -> None:
    from suizhuan.backups.file import About, Writer

    class OneWay(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(data)

    stream = OneWay()
    writer = Writer(stream)
    with writer.member("tables/x", ["a"]) as out:
        out.write(b"1\n")
    writer.close(About("demo", "postgresql", "0001", "2026-01-01T00:00:00+00:00", ""))
    with Reader.open(io.BytesIO(stream.data)) as reader:
        assert b"".join(reader.chunks("tables/x")) == b"1\n"
    with pytest.raises(BackupProblem, match="backup_unreadable"):
        Reader.open(io.BytesIO(stream.data[:50]))
