"""A server as a child process: started, asked until it answers, stopped, killed, frozen; never outliving its parent."""

from __future__ import annotations

import atexit
import os
import queue
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import ClassVar, Self

from deploy.local.packages import Unavailable, last_words

HOST = "127.0.0.1"
POLL_SECONDS = 0.05


class Server(ABC):
    """One server in a folder and on a port of its own.

    The port and the data stay over stop and start of one object, and over objects for the same folder.
    `start` returns when the server has answered. Every method may be called from any thread, one at a time.
    The server ends with this process, however this process ends.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    parent_death_signal: ClassVar[str] = "KILL"

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._paused = False

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients find it; the same for the life of the folder."""

    @abstractmethod
    def prepare(self) -> list[str]:
        """Installs and initialises what is missing, and gives the command that runs the server."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server does its work now, found out by asking it."""

    @property
    def running(self) -> bool:
        """Whether its process is there (it may be paused)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pids(self) -> list[int]:
        """Its process and all that come from it; empty when it does not run."""
        return [self._process.pid, *_descendants(self._process.pid)] if self.running and self._process else []

    def start(self, timeout: float = 120.0) -> Self:
        """Starts it and waits until it answers.

        Raises Unavailable when it cannot be installed, ends at once, or is silent for `timeout` seconds; nothing
        is left running then. Starting a running server does nothing.
        """
        if self.running:
            return self
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self.prepare()
        with self.log.open("ab") as log:
            self._process = spawn(command, log=log.fileno(), cwd=self.folder, death=self.parent_death_signal)
        _stop_at_exit(self)
        try:
            wait_until(self.answers, timeout=timeout, alive=lambda: self.running)
        except TimeoutError as late:
            self.kill()
            raise Unavailable(f"{self.name}: {late}; {self.log}: {self._last_words()}") from late
        except BaseException:
            self.kill()  # interrupted while it waited
            raise
        return self

    def stop(self, timeout: float = 60.0) -> None:
        """Ends it in good order and returns when it has ended; after `timeout` seconds it is killed."""
        if not self.running or self._process is None:
            return
        self.resume()
        self._process.send_signal(self.stop_signal)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends it and its own children at once, as a crash would; returns when all have ended.

        A broker killed so is let in again by its controller only when its old session is over: 9 s.
        """
        if self._process is None:
            return
        pids = self._signal_family(signal.SIGKILL)
        self._process.wait()
        self._paused = False
        wait_until(lambda: not any(exists(pid) for pid in pids), timeout=30)

    def pause(self) -> None:
        """Freezes it and its own children: connections stay open and nothing answers when it returns."""
        pids = self._signal_family(signal.SIGSTOP)
        self._paused = True
        wait_until(lambda: all(_stands_still(pid) for pid in pids), timeout=10)

    def resume(self) -> None:
        """Continues after `pause`; without one it does nothing."""
        if self._paused:
            self._signal_family(signal.SIGCONT)
            self._paused = False

    def remove(self) -> None:
        """Kills it and deletes its folder with data and logs."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _signal_family(self, number: signal.Signals) -> list[int]:
        pids = self.pids
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # ended between being listed and being signalled
        return pids

    def _last_words(self) -> str:
        return last_words(self.log.read_text(errors="replace")) if self.log.exists() else "(no log)"


def wait_until(condition: Callable[[], bool], *, timeout: float, alive: Callable[[], bool] = lambda: True) -> None:
    """Returns when the condition holds; raises TimeoutError after `timeout` seconds or when `alive` is no more."""
    deadline = time.monotonic() + timeout
    while not condition():
        if not alive():
            raise TimeoutError("ended before it answered / 未应答即已退出")
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer within {timeout:g} s / {timeout:g} 秒内未应答")
        time.sleep(POLL_SECONDS)  # between two questions, never instead of one
    if not alive():
        raise TimeoutError("another program answers on its port / 端口由其他程序应答")


def free_ports(count: int) -> list[int]:
    """Ports on 127.0.0.1 that nobody listens on, each given once by this process.

    They lie below the range the system takes outgoing connections from. A port in that range may be taken while its
    server is stopped, even by a client that tries to reach it: on one host a connection can meet itself.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = random.SystemRandom().randrange(15_000, _first_ephemeral_port())
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if port in _given_ports or probe.connect_ex((HOST, port)) == 0:
                continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        _given_ports.add(port)
        ports.append(port)
    return ports


_given_ports: set[int] = set()


def _first_ephemeral_port() -> int:
    setting = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(setting.read_text().split()[0]) if setting.exists() else 32_768
    return first if first > 20_000 else 32_768


def spawn(
    command: Sequence[str],
    *,
    death: str = "KILL",
    log: int | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    new_session: bool = True,
) -> subprocess.Popen[bytes]:
    """Starts a program that gets the signal `death` when this process ends, even by SIGKILL.

    With a session of its own it does not hear Ctrl-C on the terminal, so it lives until it is told to stop.
    Where the system has no such signal (not Linux), it is ended when this process exits in order.
    """
    watched = ["setpriv", f"--pdeathsig={death}", "--", *command] if shutil.which("setpriv") else list(command)
    return _starter().run(
        lambda: subprocess.Popen(
            watched,
            stdin=subprocess.DEVNULL if new_session else None,
            stdout=log,
            stderr=log,
            cwd=cwd,
            env=env,
            start_new_session=new_session,
        )
    )


class _Starter:
    """Starts all children from one thread that lives as long as this process.

    Linux sends the parent-death signal when the *thread* that started the child ends, and servers are also started
    from worker threads, which end early.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._tasks: queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]]
        self._tasks = queue.SimpleQueue()
        threading.Thread(target=self._work, name="deploy.local starter", daemon=True).start()

    def run(self, task: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        future: Future[subprocess.Popen[bytes]] = Future()
        self._tasks.put((task, future))
        return future.result()

    def _work(self) -> None:
        while True:
            task, future = self._tasks.get()
            try:
                future.set_result(task())
            except BaseException as failure:  # it is raised in the thread that asked
                future.set_exception(failure)


_lock = threading.Lock()
_the_starter: _Starter | None = None
_started: list[Server] = []


def _starter() -> _Starter:
    global _the_starter  # noqa: PLW0603  one per process, made at the first need
    with _lock:
        if _the_starter is None or _the_starter.pid != os.getpid():  # a fork has no threads but its own
            _the_starter = _Starter()
        return _the_starter


def _stop_at_exit(server: Server) -> None:
    if not _started:
        atexit.register(_stop_all, os.getpid())
    if server not in _started:
        _started.append(server)


def _stop_all(pid: int) -> None:
    if pid == os.getpid():
        for server in _started:
            server.stop(timeout=15)


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    todo = [pid]
    while todo:
        own = children.get(todo.pop(), [])
        found += own
        todo += own
    return found


def _stands_still(pid: int) -> bool:
    """Whether no thread of a process runs: the signal to stop reaches each in its own time."""
    try:
        stats = [stat.read_text() for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return False  # a thread ended while we looked
    return all(stat.rpartition(")")[2].split()[0] in "TtZX" for stat in stats)


def exists(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return False
    # A zombie holds nothing any more; but its first thread may be one while the others still end.
    return state != "Z" or threads > 1
