"""Keys that a process makes for itself and keeps in a file, for its owner's eyes only.

Promise: the file is there whole or not at all, so that nobody signs with the beginning of a key, or with none; of
several processes that start at once one makes the key, and all of them use it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path


def kept(file: Path, make: Callable[[], bytes]) -> bytes:
    """What stands in the file; made (0600) when there is none. Errors: OSError when it can neither be read nor made."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        ours = draft(file, make())
        try:
            with contextlib.suppress(FileExistsError):  # another was faster: its key is the one
                os.link(ours, file)
        finally:
            ours.unlink()
    return file.read_bytes()


def draft(file: Path, content: bytes) -> Path:
    """A new file (0600) beside that one, with this content, on disk. Errors: OSError; then nothing is left of it."""
    ours = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    handle = os.open(ours, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        ours.unlink()
        raise
    return ours
