"""Write the dashboards in both languages: `python -m deploy.grafana`; `--check` only compares."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from deploy.grafana.departments import DEPARTMENTS
from deploy.grafana.hub import HUB
from deploy.grafana.operators import OPERATORS
from deploy.grafana.panels import LANGUAGES, made

BOARDS = (DEPARTMENTS, HUB, OPERATORS)
FOLDER = Path(__file__).parent / "dashboards"


def documents() -> dict[Path, str]:
    """The text of every file."""
    return {
        FOLDER / language / f"{board.name}.json": json.dumps(made(board, language), ensure_ascii=False, indent=1) + "\n"
        for language in LANGUAGES
        for board in BOARDS
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana")
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = documents()
    there = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*/*.json")}
    if there == wanted:
        return 0
    if check:
        print("deploy/grafana/dashboards is not as the code has it: python -m deploy.grafana", file=sys.stderr)
        return 1
    for path in there.keys() - wanted.keys():
        path.unlink()
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
