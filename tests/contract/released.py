"""The release before: its commit, and its migrations as they were published. `python -m tests.contract.released` notes
those of the commit that stands uppermost in docs/releases.md."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RELEASES = ROOT / "docs" / "releases.md"
NOTED = Path(__file__).with_name("released.json")
MIGRATIONS = re.compile(r"services/(\w+)/\1/migrations/versions/(\d+)_\w+\.py$")


def commit() -> str:
    """That of the uppermost row."""
    found = re.search(r"^\| `([0-9a-f]{7,40})` \|", RELEASES.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise ValueError(f"{RELEASES}: no release")
    return found.group(1)


def noted() -> dict[str, Any]:
    """`commit`, and by service and path the SHA-256 of its migrations."""
    return dict(json.loads(NOTED.read_text(encoding="utf-8")))


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True).stdout


def main() -> None:
    """Write them down."""
    at = commit()
    services: dict[str, dict[str, str]] = {}
    for path in _git("ls-tree", "-r", "--name-only", at, "services").decode().splitlines():
        if (found := MIGRATIONS.fullmatch(path)) is not None:
            digest = hashlib.sha256(_git("show", f"{at}:{path}")).hexdigest()
            services.setdefault(found.group(1), {})[path] = digest
    NOTED.write_text(json.dumps({"commit": at, "migrations": services}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
