"""What both profiles do for the person who starts them: one copy a folder, and where to look."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel

from deploy.topology import DEPARTMENTS

TRY_AS = "staff-nanguan-01"  # a worker of 南关社区
FILE = "endpoints.json"


class CannotStart(Exception):
    """The reason is for the person at the terminal."""


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this process. Errors: CannotStart when another one has it, or nobody can write there."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        held = (data / ".lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise CannotStart(
            f"数据文件夹 {data} 不可用（{error.strerror}）。请用 DATA= 另选文件夹。\n"
            f"The data folder {data} cannot be used ({error.strerror}). Choose another by DATA=."
        ) from None
    with held as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "?"
            raise CannotStart(
                f"数据文件夹 {data} 正被另一个实例使用（进程 {holder}）。请先停止它，或用 DATA= 另选文件夹。\n"
                f"Another copy (process {holder}) is using the data folder {data}. Stop it, or choose another by DATA=."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextlib.contextmanager
def announced(
    data: Path, *, base: str, issuer: str, token: str, first: Iterable[str], more: Sequence[str] = (), tour: str
) -> Iterator[None]:
    """Say where everything is, and keep it in `endpoints.json` for scripts as long as the block lasts.

    `first` and `more` are lines of the profile's own; `tour` is the command that tells the story here.
    """
    found: dict[str, Any] = {
        "gateway": base,
        "docs": {"gateway": f"{base}/docs", **{name: f"{base}/{name}/docs" for name in DEPARTMENTS}},
        "events": f"{base}/events",
        "audit": f"{base}/audit",
        "issuer": issuer,
        "people": f"{issuer}/people",
        "token": token,
        "token_of": TRY_AS,
        "pid": os.getpid(),
    }
    file = data / FILE
    file.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    lines = [
        *first,
        f"网关 gateway     {base}",
        *(f"接口文档 docs    {url}" for url in found["docs"].values()),
        f"事件流 events    {found['events']}",
        f"人员 people      {found['people']}",
        *more,
        "",
        f"{tour}   讲述全过程 / tells the whole story (LANG=en)",
        "Ctrl-C   停止 / stops",
    ]
    console = Console(soft_wrap=True, highlight=False)
    console.print(Panel("\n".join(lines), title="随转 Suizhuan", expand=False), soft_wrap=False)
    console.print(f"试用令牌（南关社区工作者，8 小时）/ a token to try (a worker of 南关社区, 8 hours):\n{token}\n")
    console.print(f'curl -H "Authorization: Bearer $TOKEN" {base}/mandates/mandates')
    console.print(f"同样写在 / the same in {file}")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
