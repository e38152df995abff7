"""`bench/results.json`, and the table of it in `bench/README.md`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.measure import Ratio

FOLDER = Path(__file__).parent
RESULTS, README = FOLDER / "results.json", FOLDER / "README.md"
BEGIN, END = "<!-- results -->", "<!-- /results -->"


def write(ratios: Iterable[Ratio]) -> None:
    """Put what was measured in the place of what was known; what was not measured stays."""
    known: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    known |= {ratio.name: ratio.as_dict() for ratio in ratios}
    RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n", encoding="utf-8")
    page = README.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    README.write_text(f"{head}{BEGIN}\n{table(known)}\n{END}{rest.split(END)[1]}", encoding="utf-8")


def table(known: dict[str, Any]) -> str:
    rows = [
        "| ratio | median | spread | ours | peer | unit | reach | reached | date |",
        "|---|--:|---|--:|--:|---|--:|---|---|",
    ]
    for name, r in sorted(known.items()):
        low, high = r["spread"]
        rows.append(_row(f"`{name}`", f"{r['median']:g}", f"{low:g} – {high:g}", r))
        for beside, side in r.get("shown", {}).items():
            rows.append(f"| · {beside} | | | {side['median']:,.1f} | | {r['unit']} | | | {r['date']} |")
    return "\n".join(rows)


def _row(name: str, median: str, spread: str, r: dict[str, Any]) -> str:
    reach = "" if r["reach"] is None else f"{r['reach']:g}"
    reached = {True: "yes", False: "no", None: ""}[r["reached"]]
    sides = (f"{r['ours']['median']:,.1f}", f"{r['peer']['median']:,.1f}")
    return f"| {' | '.join([name, median, spread, *sides, r['unit'], reach, reached, r['date']])} |"
