"""The file of a backup: a zip of what the database holds, and `about.json`, which says whose it is and how it was.

One table is one member, as `COPY` writes it (PostgreSQL), or the database is (SQLite). Everything about a file is
found out before anything is touched: whose it is, whether it is whole, and whether this release can read it.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

ABOUT = "about.json"
FORMAT = 1
CHUNK = 1 << 20


class BackupProblem(Exception):
    """Why a backup, or a restore, cannot be. `code` is stable; the words are for who stands at the terminal."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        super().__init__(f"{code}: {zh} / {en}")
        self.code = code


@dataclass(slots=True)
class Member:
    """What `sha256` (hex) and `size` (bytes) a member has when it is unpacked; `columns` in their order, of a table."""

    sha256: str
    size: int
    columns: list[str] = field(default_factory=list)


@dataclass(slots=True)
class About:
    """`at`: UTC, RFC 3339. `schema`: the last migration. `sequences`: `[last, whether it was used]`.

    `published`: how far the own events were on the log, by `topic[partition]`; what is after that is taken over."""

    service: str
    database: str
    schema: str
    at: str
    incarnation: str
    published: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, tuple[int, bool]] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    format: int = FORMAT


class Writer:
    """Members one after the other, into a stream that need not be a file."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self.members: dict[str, Member] = {}

    @contextmanager
    def member(self, name: str, columns: list[str] | None = None) -> Iterator[Writing]:
        with self._zip.open(name, "w", force_zip64=True) as out:
            writing = Writing(out)
            yield writing
        self.members[name] = Member(writing.sha256.hexdigest(), writing.size, columns or [])

    def close(self, about: About) -> None:
        about.members = self.members
        self._zip.writestr(ABOUT, json.dumps(asdict(about), ensure_ascii=False, indent=1))
        self._zip.close()


class Writing:
    """One member as it is written."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.sha256 = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        self.sha256.update(data)
        self.size += len(data)
        self._out.write(data)


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that only its owner reads, there under its name when all of it is on disk. Errors: `backup_file_exists`;
    OSError."""
    part = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_CREAT | os.O_TRUNC | os.O_RDWR, 0o600), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.link(part, path)  # which refuses a name that is taken
    except FileExistsError:
        raise BackupProblem("backup_file_exists", f"{path} 已存在，不会覆盖", f"{path} exists, and is kept") from None
    finally:
        part.unlink(missing_ok=True)


class Reader:
    """A backup that was found whole and ours. Errors of `open`: `backup_unreadable`, `backup_damaged`."""

    def __init__(self, archive: zipfile.ZipFile, about: About) -> None:
        self._zip = archive
        self.about = about

    @classmethod
    def open(cls, stream: IO[bytes]) -> Self:
        try:
            archive = zipfile.ZipFile(stream)
            about = _about(json.loads(archive.read(ABOUT)))
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError) as error:
            raise BackupProblem(
                "backup_unreadable",
                f"不是随转的备份文件，或文件不完整（{type(error).__name__}）",
                f"no backup of Suizhuan, or not all of it ({type(error).__name__}: {error})",
            ) from None
        reader = cls(archive, about)
        reader._check()
        return reader

    def chunks(self, name: str) -> Iterator[bytes]:
        with self._zip.open(name) as member:
            while data := member.read(CHUNK):
                yield data

    def close(self) -> None:
        self._zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        """Every byte, before anything is touched."""
        if sorted(self._zip.namelist()) != sorted([*self.about.members, ABOUT]):
            raise damaged("its members are not those it names")
        for name, member in self.about.members.items():
            digest = hashlib.sha256()
            try:
                for data in self.chunks(name):
                    digest.update(data)
            except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise damaged(f"{name}: {error}") from None
            if digest.hexdigest() != member.sha256:
                raise damaged(f"{name}: not the SHA-256 that was noted")


def _about(read: Any) -> About:
    if read["format"] != FORMAT:
        raise ValueError(f"format {read['format']}")
    members = {name: Member(**member) for name, member in read.pop("members").items()}
    return About(**read, members=members)


def damaged(why: str) -> BackupProblem:
    """That it is one of ours, and not as it was written."""
    return BackupProblem("backup_damaged", f"备份文件已损坏：{why}", f"the backup is damaged: {why}")
