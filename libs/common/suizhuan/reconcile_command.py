"""`python -m <service> reconcile` and `restored`: for who has brought a database back from a backup."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from suizhuan import ahead
from suizhuan.context import Context, new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.recovery import mark_restored

if TYPE_CHECKING:
    from suizhuan.reconcile import LogReconciled
    from suizhuan.service import Service

NOBODY_KNOWS = """\
日志从未得知的无从恢复：备份之后已答复、但数据库丢失前尚未发布的命令，以及幂等键的答复
What the log never knew cannot come back: commands that were answered after the backup and not yet published when the
database was lost, and the answers kept for idempotency keys
"""
TAKING_OVER = "采纳日志 / taking the log over"
USAGE = "reconcile [adopt REASON | reverse TOPIC KEY REASON]"


async def reconcile(service: Service, arguments: list[str]) -> None:
    """`reconcile`: list what is locked. `adopt` takes the log over, `reverse` takes one fact back; each is told."""
    await service.parts.recovery.ready()
    context = Context(actor="operator", org=None, correlation_id=new_id())
    if not arguments:
        await _list(service)
    elif arguments[0] == "adopt" and len(arguments) == 2:
        with counted(TAKING_OVER) as progress:
            fact = await service.reconciler.adopt(context, arguments[1], progress)
        tell_of(service, fact)
    elif arguments[0] == "reverse" and len(arguments) == 4:
        try:
            tell_of(service, await service.reconciler.reverse(context, arguments[1], arguments[2], arguments[3]))
        except Refusal as refusal:
            raise SystemExit(f"{refusal.code}: {refusal.params}") from None
    else:
        raise SystemExit(USAGE)


async def restored(service: Service, arguments: list[str]) -> None:
    """`restored`: this database comes from a backup, though server and name are the same (a logical restore)."""
    if arguments:
        raise SystemExit("restored")
    async with service.parts.database.write() as conn:
        await mark_restored(conn)
    sys.stdout.write("下次启动时先与日志核对 / compares itself with the log when it starts next\n")


@contextmanager
def counted(words: str) -> Iterator[Callable[[int, int], None]]:
    """How much is done, of how much, as it is told to what this gives."""
    with progress_bar() as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def progress_bar() -> Progress:
    """How long work shows how far it is, on stderr."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


async def _list(service: Service) -> None:
    after = ("", "")
    async with service.parts.database.read() as conn:
        while rows := await ahead.aggregates(conn, after=after, limit=200):
            for row in rows:
                sys.stdout.write(f"{row.topic}  {row.key}  +{row.events}  →{row.sequence}\n")
            after = (rows[-1].topic, rows[-1].key)


def tell_of(service: Service, done: LogReconciled) -> None:
    """What came back, what of it is lost, and what is still locked, and why: then the command ends with 1."""
    sys.stdout.write(f"{done.action}: events 已处理 {done.events}, left 仍锁定 {done.left}\n")
    for name, number in sorted(service.reconciler.taken.items()):
        sys.stdout.write(f"  {number:>6} × {name}\n")
        if (lost := service.reconciler.how.unsaid.get(name)) is not None:
            sys.stdout.write(f"           未恢复 / not restored, where the backup does not have it: {lost}\n")
    sys.stdout.write(NOBODY_KNOWS)
    if done.why is not None:
        raise SystemExit(f"停在 / stopped at {done.why}")
