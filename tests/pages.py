"""The runbook's blocks of `sh`, as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

RUNBOOK = Path(__file__).parents[1] / "docs" / "runbook"
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def blocks(page: str, heading: str) -> list[str]:
    """Those between a heading that holds these words and the next one. Errors: LookupError when there is none."""
    parts = re.split(r"^(#+ .*)$", (RUNBOOK / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = [text for title, text in zip(parts[1::2], parts[2::2], strict=True) if heading in title]
    if len(found) != 1 or not (told := BLOCK.findall(found[0])):
        raise LookupError(f"{page}: {heading}")
    return told


def block(page: str, heading: str, words: str = "") -> str:
    """The only one there that holds these words. Errors: LookupError."""
    found = [one for one in blocks(page, heading) if words in one]
    if len(found) != 1:
        raise LookupError(f"{page}: {heading}: {len(found)} blocks with {words!r}")
    return found[0]
