"""What the callers were told, as they were told it: one JSON object a line, written before anything else is done."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class Journal:
    """`what` is command, surprise or fault; times are seconds since the run began."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.begun = time.monotonic()
        self.lines: list[Line] = []
        self._file = path.open("a", encoding="utf-8")

    def now(self) -> float:
        return round(time.monotonic() - self.begun, 3)

    def write(self, what: str, **line: Any) -> None:
        self.lines.append({"what": what, **line})
        self._file.write(json.dumps(self.lines[-1], ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def of(self, what: str) -> list[Line]:
        return [line for line in self.lines if line["what"] == what]


def read(path: Path) -> list[Line]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
