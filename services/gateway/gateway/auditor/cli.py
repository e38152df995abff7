"""`python -m gateway audit [--json]`: the audit in the terminal. Exit code 0: something was read and nothing is wrong;
1: violations; 2: nothing was read, or the log cannot be reached."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Sequence
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from gateway.auditor.audit import judge
from gateway.auditor.history import History
from gateway.auditor.reading import read
from gateway.auditor.report import NOTHING_READ, Report
from gateway.auditor.rules import Rules
from gateway.auditor.violations import KINDS_EN, Violation
from suizhuan.ports.log import Log, LogUnavailable


def words(zh: str, en: str) -> str:
    """Chinese, or English when the terminal asks for it (LANG=en…)."""
    return en if os.environ.get("LANG", "").lower().startswith("en") else zh


def main(log: Log, rules: Rules, arguments: list[str], platform: Sequence[str] = ()) -> int:
    """Audit `log` and print the report. The log is closed at the end."""
    parser = argparse.ArgumentParser(prog="python -m gateway audit")
    parser.add_argument("--json", action="store_true", help=words("以 JSON 输出", "print JSON"))
    parser.add_argument("--limit", type=int, default=50, help=words("最多列出的违规数", "violations to list"))
    given = parser.parse_args(arguments)
    return asyncio.run(_run(log, rules, platform, as_json=given.json, limit=given.limit))


async def _run(log: Log, rules: Rules, platform: Sequence[str], *, as_json: bool, limit: int) -> int:
    screen = Console(stderr=True)
    history = History()
    try:
        with _progress(screen) as bar:
            task = bar.add_task(words("读取事件流", "reading the streams"), total=None)
            shown = partial(_show_progress, bar, task)
            horizon = await read(log, history, shown, platform=platform)
        report = judge(history, rules, horizon)
    except LogUnavailable as reason:
        screen.print(words(f"无法读取事件日志：{reason}", f"the log cannot be read: {reason}"), style="red")
        return NOTHING_READ
    finally:
        await log.close()
    if as_json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        show(report, Console(), limit)
    return report.exit_code


def _show_progress(bar: Progress, task: TaskID, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)


def _progress(screen: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=screen
    )


def show(report: Report, console: Console, limit: int = 50) -> None:
    """What was read, what is on its way, and every violation with its event."""
    read_so_far = Table(title=words("审计所读", "What the auditor read"), title_justify="left")
    for title in (words("主题", "topic"), words("事件", "events"), words("读到位点", "read up to offset")):
        read_so_far.add_column(title)
    for topic, count in report.per_topic.items():
        places = " ".join(f"{p}@{o}" for p, o in report.offsets[topic].items())
        read_so_far.add_row(topic, str(count), places)
    console.print(read_so_far)
    console.print(
        words(
            f"事件 {report.events} · 诉求 {report.cases} · 委托 {report.mandates} · 分录 {report.entries} · "
            f"记账 {report.fen} 分 · 重复 {report.duplicates} · 格式有误 {report.malformed}",
            f"{report.events} events · {report.cases} cases · {report.mandates} mandates · {report.entries} entries · "
            f"{report.fen} fen posted · {report.duplicates} duplicates · {report.malformed} malformed",
        )
    )
    on_the_way = " · ".join(f"{name} {count}" for name, count in report.open.items() if count)
    console.print(words("在途:", "on the way: ") + (on_the_way or words("无", "nothing")))
    for violation in report.violations[:limit]:
        _show_one(violation, console)
    if len(report.violations) > limit:
        more = len(report.violations) - limit
        console.print(words(f"……另有 {more} 处", f"… and {more} more"))
    if report.exit_code == NOTHING_READ:
        console.print(words("什么也没读到，审计不成立", "nothing was read: this is no audit"), style="red bold")
        return
    count = len(report.violations)
    style = "red bold" if count else "green bold"
    console.print(words(f"违规 {count} 处", f"{count} violations"), style=style)


def _show_one(violation: Violation, console: Console) -> None:
    kind = words(violation.kind, KINDS_EN[violation.kind])
    console.print(
        f"[red]{violation.guarantee} {kind}[/red] {words(violation.zh, violation.en)}\n"
        f"   {violation.type} {violation.event} @ {violation.topic}[{violation.partition}]:{violation.offset} "
        f"({violation.code})",
        soft_wrap=True,
        highlight=False,
    )
