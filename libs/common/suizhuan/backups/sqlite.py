"""SQLite: the file as it is at one moment; a restored one is put in its place, and the old one stays beside it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from suizhuan.backups.file import CHUNK, BackupProblem, Reader, Writer

MEMBER = "database.sqlite"


def dump(database: Path, writer: Writer, work: Path) -> None:
    """`work` is a file that is made and removed; writers of the database wait for nobody."""
    try:
        with closing(sqlite3.connect(database)) as live, closing(sqlite3.connect(work)) as copy:
            live.backup(copy)
        with work.open("rb") as source, writer.member(MEMBER) as out:
            while data := source.read(CHUNK):
                out.write(data)
    finally:
        work.unlink(missing_ok=True)


def restore(reader: Reader, database: Path, kept: Path, mark: str) -> bool:
    """Whether there was one to keep. Until it is replaced nothing of the live one has changed.

    Errors: `service_running`, `backup_damaged`."""
    new = database.with_name(f"{database.name}.restoring")
    try:
        with new.open("wb") as out:
            new.chmod(0o600)
            for data in reader.chunks(MEMBER):
                out.write(data)
            out.flush()
            os.fsync(out.fileno())
        with closing(sqlite3.connect(new)) as made:
            found = made.execute("PRAGMA integrity_check").fetchone()[0]
            if found != "ok":
                raise BackupProblem("backup_damaged", f"备份中的数据库已损坏：{found}", f"the database in it: {found}")
            made.execute("UPDATE incarnation SET mark = ?", (mark,))
            made.commit()
        was_there = database.exists()
        if was_there:
            _nobody_is_there(database)
            os.link(database, kept)
        new.replace(database)
    finally:
        new.unlink(missing_ok=True)
    return was_there


def _nobody_is_there(database: Path) -> None:
    """Everything in the one file, and no other connection: to leave the write-ahead log takes the file for oneself."""
    with closing(sqlite3.connect(database, timeout=0)) as live:
        try:
            left = live.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
        except sqlite3.OperationalError as error:
            left = str(error)
    if left != "delete":
        raise BackupProblem(
            "service_running",
            f"数据库正在使用中（{left}）：请先停止该服务",
            f"the database is in use ({left}): stop the service first",
        )
