"""A point that is armed kills the process there and then; one that is not costs nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import timeit

from suizhuan import failpoints

PROGRAM = """
import atexit
from suizhuan import failpoints
atexit.register(lambda: print("exit handlers ran"))
failpoints.configure("after-commit")
failpoints.hit("before-commit")
print("before", flush=True)
try:
    failpoints.hit("after-commit")
finally:
    print("after", flush=True)
"""


def test_an_armed_point_kills_the_process_at_once_and_nothing_else_runs() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout == "before\n"


def test_an_unarmed_point_does_nothing_and_costs_next_to_nothing() -> None:
    failpoints.configure(None)
    failpoints.hit("after-commit")
    assert min(timeit.repeat(lambda: failpoints.hit("x"), number=10_000, repeat=3)) / 10_000 < 5e-6
