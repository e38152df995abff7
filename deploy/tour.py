"""`make tour`: tells the story beside a running platform, and fails if it does not come out as told."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from pathlib import Path

import httpx
from rich.console import Console
from rich.text import Text

from deploy.story import Client, NotAsTold, tell
from deploy.story.client import ProblemAnswer, Seen
from deploy.story.telling import Words

PATIENCE_S = 60.0  # how long one who is away is waited for, before and after a command
READING_S = 1.0  # per line, when somebody reads along: the whole takes about a minute

SHOWN = (
    "reason", "missing", "amount_fen", "shortfall_fen", "available_fen", "responsible", "giver", "receiver", "holder",
    "payer", "payee", "to", "term", "case_term", "returned_fen", "paid_fen",
)  # fmt: skip


class Terminal:
    """Tells the story with rich, in one language."""

    def __init__(self, console: Console, *, english: bool, pace: float) -> None:
        self.console = console
        self.english = english
        self.pace = pace

    def word(self, words: Words) -> str:
        return words.en if self.english else words.zh

    def chapter(self, number: int, title: Words) -> None:
        self.console.print()
        self.console.rule(f"[bold cyan]{number}. {self.word(title)}", align="left")

    async def say(self, words: Words, outcome: Seen | ProblemAnswer | None = None) -> None:
        text = Text("  ✓ ", style="green")
        text.append(self.word(words), style="default")
        self.console.print(text)
        if isinstance(outcome, Seen):
            data = outcome.data
            told = " ".join(f"{k}={data[k]}" for k in SHOWN if data.get(k) not in (None, [], ""))
            self.console.print(Text(f"      ⚡ {outcome.type}  {told}", style="dim"))
        elif outcome is not None:
            nothing = "no event: nothing has changed" if self.english else "无事件：什么都没有变"
            self.console.print(Text(f"      ✋ {outcome.status} {outcome.code}  {nothing}", style="dim yellow"))
        await asyncio.sleep(self.pace)  # for the reader, who needs longer than the platform


def where(base: str | None, data: Path) -> tuple[str, str | None]:
    """The gateway, and its issuer if known: as given, else of the platform that runs on the data folder."""
    if base:
        return base, None
    try:
        found = json.loads((data / "endpoints.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "http://127.0.0.1:8080", None
    return str(found["gateway"]), str(found["issuer"])


async def run(base: str, issuer: str | None, console: Console, *, english: bool, pace: float) -> int:
    """The exit code: 0 when everything came out as told."""
    terminal = Terminal(console, english=english, pace=pace)
    began = time.monotonic()
    try:
        async with Client(base, issuer, patience=PATIENCE_S) as client:
            await tell(client, terminal, patience=PATIENCE_S)
    except NotAsTold as wrong:
        console.print(Text(f"\n✗ {'not as told' if english else '与所述不符'}: {wrong}", style="bold red"))
        return 1
    except ProblemAnswer as no:
        console.print(Text(f"\n✗ {'refused' if english else '被拒'}: {no}", style="bold red"))
        return 1
    except (httpx.HTTPError, ConnectionError) as error:
        hint = f"is `make run` running at {base}?" if english else f"{base} 上是否已 `make run`?"
        console.print(Text(f"\n✗ {type(error).__name__}: {error}; {hint}", style="bold red"))
        return 2
    seconds = time.monotonic() - began
    console.print(
        Text(f"\n{'Everything came out as told' if english else '一切如所述'} · {seconds:.1f} s", style="bold green")
    )
    return 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.tour", description="BASE=, ISSUER=, LANG=en")
    parser.add_argument("--base", default=os.environ.get("BASE") or None, help="another gateway / 另一网关")
    parser.add_argument(
        "--issuer", default=os.environ.get("ISSUER") or None, help="its demonstration issuer / 演示签发方"
    )
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--pace", type=float, help="seconds after each line / 每行停顿秒数")
    given = parser.parse_args(argv)
    base, issuer = where(given.base, given.data)
    console = Console(highlight=False, soft_wrap=True)
    pace = given.pace if given.pace is not None else READING_S if console.is_terminal else 0.0
    english = os.environ.get("LANG") == "en"
    return asyncio.run(run(base, given.issuer or issuer, console, english=english, pace=pace))


if __name__ == "__main__":
    sys.exit(main())
