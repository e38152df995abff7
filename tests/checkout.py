"""What a clone of this repository holds, in a folder of its own that may be changed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def check_out(folder: Path, *only: str) -> None:
    """All of it, or `only` these folders, with what is not committed yet; nothing that is never committed."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *only]
    for name in subprocess.check_output(listed, cwd=ROOT, text=True).rstrip("\0").split("\0"):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
