"""What must be installed before a local server can run, and how one says that it cannot be had."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

LOCAL = Path(__file__).resolve().parents[2] / ".local"
"""Where downloads and, unless the caller says otherwise, data folders lie: in the repository, ignored by git."""

_installing = threading.Lock()


class Unavailable(Exception):
    """A server cannot be had here. The message says what is missing and what would provide it."""


def install(*packages: str, purpose: str) -> None:
    """Installs Debian packages, one call at a time.

    Raises Unavailable when this is not Debian, when we are not root, or when apt fails; nothing else is tried.
    """
    wanted = " ".join(packages)
    if shutil.which("apt-get") is None:
        raise Unavailable(f"{purpose}: not found, and no apt-get to install it with / 未找到，且无 apt-get 可安装")
    if os.geteuid() != 0:
        raise Unavailable(f"{purpose}: not found; as root: apt-get install {wanted} / 未找到，请以 root 安装")
    print(f"installing {wanted} / 正在安装 {wanted}", flush=True)
    with _installing:
        # Slim images leave these folders out, and packages with manual pages fail to link into them.
        for section in ("man1", "man7"):
            Path("/usr/share/man", section).mkdir(parents=True, exist_ok=True)
        _apt("update", purpose=purpose)
        _apt("install", "--yes", "--no-install-recommends", *packages, purpose=purpose)


def _apt(*arguments: str, purpose: str) -> None:
    done = subprocess.run(
        ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise Unavailable(f"{purpose}: apt-get {arguments[0]}: {last_words(done.stderr or done.stdout)}")


def last_words(output: str, lines: int = 3) -> str:
    """The last lines of a program's output that are not blank, as one line."""
    return " | ".join([line.strip() for line in output.splitlines() if line.strip()][-lines:]) or "(no output)"
