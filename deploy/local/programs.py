"""A program of the platform as a process of its own: started, asked, ended in order or by a crash, started again."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from deploy.local.packages import last_words
from deploy.local.process import spawn

ROOT = Path(__file__).resolve().parents[2]
ASK_AGAIN_S = 0.1
IN_ORDER_S = 20.0  # of which the services themselves take at most 15 to finish what is under way


class ProgramFailed(Exception):
    """A program did not do what it should; the message says which, and its last words."""


class Program:
    """One process at a time, and one log file for all of them.

    It ends with this process, however this process ends. Started from the repository's root, with no variable of
    the surroundings whose name begins as our settings do.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str], *, ready: str) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self.environ = dict(environ)
        self.ready_url = ready
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_as_wanted = True
        self.was_ready = False  # since it was last started, and seen by `wait_ready`

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """None when it does not run."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def crashed(self) -> int | None:
        """The exit code of a process that has ended without being asked to, else None."""
        return None if self._process is None or self._ended_as_wanted else self._process.poll()

    def start(self, more: Mapping[str, str] | None = None, *, may_end: bool = False) -> None:
        """`more` are variables of this start alone; `may_end`: it will end of itself, and shall."""
        if self.running:
            raise ProgramFailed(f"{self.name} runs already / 已在运行")
        inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith("SUIZHUAN_")}
        env = {**inherited, "PYTHONUNBUFFERED": "1", **self.environ, **(more or {})}
        with self.log.open("ab") as log:
            self._process = spawn(self.command, log=log.fileno(), cwd=ROOT, env=env)
        self._ended_as_wanted = may_end
        self.was_ready = False

    async def wait_ready(self, timeout: float) -> None:
        """Returns when it answers 200. Errors: ProgramFailed when it ends before, or is not ready in time."""
        deadline = time.monotonic() + timeout
        said = "no answer / 未应答"
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            while self.running:
                try:
                    answer = await client.get(self.ready_url)
                except httpx.HTTPError as error:
                    said = type(error).__name__
                else:
                    if answer.status_code == 200:
                        self.was_ready = True
                        return
                    said = f"{answer.status_code} {answer.text[:300]}"
                if time.monotonic() > deadline:
                    raise ProgramFailed(f"{self.name}: not ready within {timeout:g} s / 未在时限内就绪: {said}")
                await asyncio.sleep(ASK_AGAIN_S)  # between two questions
        code = await self.wait(timeout)
        raise ProgramFailed(f"{self.name}: ended with {code} before it was ready / 就绪前已退出: {self.last_words()}")

    async def wait(self, timeout: float) -> int:
        """Its exit code, negative for a signal. Errors: ProgramFailed when it still runs after `timeout` seconds."""
        process = self._process
        if process is None:
            raise ProgramFailed(f"{self.name} was never started / 从未启动")
        try:
            code = await asyncio.to_thread(process.wait, timeout)
        except subprocess.TimeoutExpired:
            raise ProgramFailed(f"{self.name} still runs after {timeout:g} s / 仍在运行") from None
        self._ended_as_wanted = True
        return code

    async def kill(self) -> None:
        """As a crash would: nothing of it gets to say a last word. Returns when it has ended."""
        await self._signal(signal.SIGKILL)

    async def terminate(self) -> int:
        """Ends it in order; its exit code. Errors: ProgramFailed when it had to be killed after `IN_ORDER_S`."""
        try:
            return await self._signal(signal.SIGTERM)
        except ProgramFailed:
            await self.kill()
            raise

    async def interrupt(self) -> int:
        """Ends it as Ctrl-C does; its exit code. Errors: ProgramFailed when it still runs after `IN_ORDER_S`."""
        return await self._signal(signal.SIGINT)

    def freeze(self) -> None:
        """It does not move until `thaw`, and its connections stay. Errors: ProgramFailed when it does not run."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on as if nothing had been. Errors: ProgramFailed when it does not run."""
        self._send(signal.SIGCONT)

    async def _signal(self, number: signal.Signals) -> int:
        self._send(number)
        return await self.wait(IN_ORDER_S)

    def _send(self, number: signal.Signals) -> None:
        if self._process is None or not self.running:
            raise ProgramFailed(f"{self.name} does not run / 未在运行")
        self._process.send_signal(number)

    def log_text(self) -> str:
        """What it has printed so far, over all its starts."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def last_words(self) -> str:
        return f"{last_words(self.log_text())} ({self.log})"

    def memory(self) -> int:
        """Bytes it has in memory, what it shares with others by its share (PSS); 0 when it does not run."""
        if self.pid is None:
            return 0
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{self.pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found.group(1)) * 1024 if found else 0
