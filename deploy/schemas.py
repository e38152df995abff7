"""Write the published schemas: `python -m deploy.schemas`; `--check` only compares.

`docs/schemas/<type>.json` is what the world has been promised. A compatible change is written over it; a breaking
one is refused here and fails `make check`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from deploy.registries import REGISTRIES
from suizhuan.compat import breaks

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"


def present() -> dict[str, dict[str, Any]]:
    """The schema of every event type as the code has it now."""
    return {
        event.type: {"topic": event.topic, **event.json_schema()}
        for registry in REGISTRIES.values()
        for event in registry.types.values()
    }


def committed() -> dict[str, dict[str, Any]]:
    """The schemas as published."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def problems() -> list[str]:
    """One sentence for each promise that the code breaks, and for each schema that was not written down."""
    now, before = present(), committed()
    found = [
        f"{name} was published and is gone. Keep it, and publish what is new as the next version beside it."
        for name in before.keys() - now.keys()
    ]
    for name in sorted(now):
        if name not in before:
            found.append(f"{name} is not written down. Run `make schemas` and commit docs/schemas.")
            continue
        reasons = breaks(before[name], now[name])
        found += [
            f"{name}: {reason}. Leave this version as it is and publish v{int(name.rsplit('.v', 1)[1]) + 1} beside it."
            for reason in reasons
        ]
        if not reasons and before[name] != now[name]:
            found.append(f"{name} has changed compatibly. Run `make schemas` and commit docs/schemas.")
    return found


def write() -> None:
    """Write every schema that is new or has changed compatibly. Errors: SystemExit when a promise would break."""
    fatal = [p for p in problems() if "make schemas" not in p]
    if fatal:
        sys.exit("\n".join(fatal))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, schema in present().items():
        text = json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.schemas")
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        found = problems()
        sys.exit("\n".join(found) if found else 0)
    write()


if __name__ == "__main__":
    main()
