"""`python -m <service> backup FILE` and `restore FILE`: one service's data kept in a file, and brought back."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import asyncpg

from suizhuan.backups.file import About, BackupProblem, Reader, new_file
from suizhuan.context import Context, new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.offsets import LogReplaced
from suizhuan.ports.log import LogUnavailable
from suizhuan.reconcile_command import TAKING_OVER, counted, tell_of

if TYPE_CHECKING:
    from suizhuan.service import Service

STREAM = "-"


async def backup(service: Service, arguments: list[str]) -> None:
    """`backup FILE`: all that its database holds at one moment, while it works on. `-` is the standard output."""
    from suizhuan.backups import making  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog=f"python -m {service.parts.name} backup", description=backup.__doc__)
    parser.add_argument("file", help="where to; a file that exists is kept")
    path = parser.parse_args(arguments).file
    with _codes(), _written(path) as (stream, work), counted("备份 / backing up") as progress:
        about = await making.back_up(service, stream, work, progress)
    _say(f"已备份 / backed up {path}", *_told(about))


async def restore(service: Service, arguments: list[str]) -> None:
    """`restore FILE --yes`: the backup takes the place of the data, which are kept aside; then what the log knows
    further is taken over, and told. Without `--yes` the file is looked through and nothing is changed."""
    from suizhuan.backups import making  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog=f"python -m {service.parts.name} restore", description=restore.__doc__)
    parser.add_argument("file", help="a backup of this service; `-` is the standard input")
    parser.add_argument("--yes", action="store_true", help="put it in the place of what is there")
    parser.add_argument("--locked", action="store_true", help="leave what the log knows further to `reconcile`")
    parser.add_argument("--connected", action="store_true", help="although somebody else is connected (PostgreSQL)")
    given = parser.parse_args(arguments)
    with _codes(), _read(given.file) as stream, Reader.open(stream) as reader:
        making.check(service, reader)
        _say("备份完好 / the backup is whole", *_told(reader.about))
        if not given.yes:
            raise BackupProblem(
                "restore_not_confirmed",
                "什么都没有改动；确要以它替换现有数据，请加 --yes",
                "nothing was changed; to put it in the place of what is there say --yes",
            )
        with counted("恢复 / restoring") as progress:
            done = await making.bring_back(service, reader, progress, alone=not given.connected)
    _say("已恢复 / restored", f"原有数据 / what was there: {done.kept or '无 / nothing'}")
    await service.migrate()
    if not given.locked:
        with _codes():
            await _heal(service)


async def _heal(service: Service) -> None:
    """Take over what the log knows further; without a log the service compares itself when it starts."""
    context = Context(actor="operator", org=None, correlation_id=new_id())
    try:
        await service.parts.recovery.ready()
        with counted(TAKING_OVER) as progress:
            fact = await service.reconciler.adopt(context, "restored from a backup", progress)
    except LogUnavailable as reason:
        raise BackupProblem(
            "log_unavailable",
            f"数据已恢复，但日志不可达（{reason}）。服务启动后自行核对，之后执行 reconcile adopt",
            "the data are back, but the log is away: it compares itself when it starts; then `reconcile adopt`",
        ) from None
    except LogReplaced as reason:
        raise BackupProblem(
            "log_replaced", "数据已恢复，但日志不是同一个", f"the data are back, but {reason}"
        ) from None
    tell_of(service, fact)


def _told(about: About) -> list[str]:
    size = sum(member.size for member in about.members.values())
    return [
        f"服务 service {about.service} · {about.database} · 结构 schema {about.schema} · {about.at}",
        f"{len(about.members)} 个部分 parts · {size / 2**20:.1f} MiB",
    ]


@contextmanager
def _codes() -> Iterator[None]:
    """A problem ends the command with 1 and its code."""
    try:
        yield
    except BackupProblem as problem:
        raise SystemExit(str(problem)) from None
    except Refusal as refusal:
        raise SystemExit(f"{refusal.code}: {refusal.params}") from None
    except (OSError, asyncpg.PostgresError) as error:
        raise SystemExit(f"backup_impossible: {type(error).__name__}: {error}") from None


@contextmanager
def _written(path: str) -> Iterator[tuple[IO[bytes], Path]]:
    """The stream, and a file beside it that may be made."""
    if path != STREAM:
        with new_file(Path(path)) as stream:
            yield stream, Path(f"{path}.work")
        return
    # Whatever else is printed must not get into it.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stream, tempfile.TemporaryDirectory() as folder:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        yield stream, Path(folder, "work")


@contextmanager
def _read(path: str) -> Iterator[IO[bytes]]:
    if path != STREAM:
        with Path(path).open("rb") as stream:
            yield stream
        return
    with tempfile.TemporaryFile() as stream:  # its end is read first
        shutil.copyfileobj(sys.stdin.buffer, stream)
        yield stream


def _say(*lines: str) -> None:
    sys.stderr.write("\n".join(lines) + "\n")
