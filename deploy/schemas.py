"""Write the published schemas and documents: `python -m deploy.schemas`; `--check` only compares.

`docs/schemas/<type>.json` is the schema as it is now; `docs/schemas/history/<type>.<n>.json` is every one that was ever
published, none of them is changed again. Who reads by the present one can read all of them; a change that breaks that
is refused here and fails `make check`. `docs/asyncapi/<service>.json` is the service's AsyncAPI 3 document.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from deploy.registries import INBOUNDS, REGISTRIES
from suizhuan.asyncapi import document
from suizhuan.compat import breaks

DOCS = Path(__file__).parent.parent / "docs"
FOLDER, HISTORY, ASYNCAPI = DOCS / "schemas", DOCS / "schemas" / "history", DOCS / "asyncapi"

Schemas = dict[str, dict[str, Any]]


def present() -> Schemas:
    """The schema of every event type as the code has it now."""
    return {
        event.type: {"topic": event.topic, **event.json_schema()}
        for registry in REGISTRIES.values()
        for event in registry.types.values()
    }


def committed() -> Schemas:
    """The schemas as they were written down last."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def published() -> dict[str, list[dict[str, Any]]]:
    """By event type every schema that was ever published, the oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(HISTORY.glob("*.json"), key=lambda p: (_type(p), int(p.stem.rsplit(".", 1)[1]))):
        found.setdefault(_type(path), []).append(json.loads(path.read_text(encoding="utf-8")))
    return found


def _type(path: Path) -> str:
    return path.stem.rsplit(".", 1)[0]


def documents() -> Schemas:
    """The AsyncAPI document of every service as the code has it now."""
    topics = {spec.name: spec for registry in REGISTRIES.values() for spec in registry.topics.values()}
    return {name: document(REGISTRIES[name], INBOUNDS[name], f"随转 {name}", topics) for name in REGISTRIES}


def breaking(now: Schemas, ever: dict[str, list[dict[str, Any]]]) -> list[str]:
    """One sentence for each promise that is broken, which says what to do instead."""
    found = [
        f"{name} was published and is gone / 已发布的事件被删除。Keep it, and publish what is new as the next version"
        " beside it / 请保留，新内容以新版本并行发布。"
        for name in sorted(ever.keys() - now.keys())
    ]
    for name in sorted(now.keys() & ever.keys()):
        reasons = sorted({reason for old in ever[name] for reason in breaks(old, now[name])})
        following = int(name.rsplit(".v", 1)[1]) + 1
        found += [
            f"{name}: {reason}. This breaks what was published / 与已发布的不兼容。Leave this version as it is,"
            f" register v{following} beside it, and give its readers an upcaster (Inbound.upcast)"
            f" / 保留此版本，另行发布 v{following}，并为读取方提供升级函数。"
            for reason in reasons
        ]
    return found


def unwritten(now: Schemas, before: Schemas, ever: dict[str, list[dict[str, Any]]]) -> list[str]:
    """What has not been written down yet."""
    stale = [name for name in sorted(now) if before.get(name) != now[name] or now[name] not in ever.get(name, [])]
    documented = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(ASYNCAPI.glob("*.json"))}
    stale += [f"asyncapi/{name}" for name, made in documents().items() if documented.get(name) != made]
    return [f"{name} is not written down as it is / 未更新。Run `make schemas` and commit docs." for name in stale]


def problems() -> list[str]:
    """Everything for which `make check` fails."""
    now, before, ever = present(), committed(), published()
    return breaking(now, ever) + unwritten(now, before, ever)


def write() -> None:
    """Write every schema that is new or has changed compatibly. Errors: SystemExit when a promise would break."""
    now, ever = present(), published()
    if fatal := breaking(now, ever):
        sys.exit("\n".join(fatal))
    for folder in (FOLDER, HISTORY, ASYNCAPI):
        folder.mkdir(parents=True, exist_ok=True)
    for name, schema in now.items():
        _write(FOLDER / f"{name}.json", schema)
        if schema not in ever.get(name, []):
            _write(HISTORY / f"{name}.{len(ever.get(name, [])) + 1}.json", schema)
    for name, made in documents().items():
        _write(ASYNCAPI / f"{name}.json", made)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.schemas")
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        found = problems()
        sys.exit("\n".join(found) if found else 0)
    write()


if __name__ == "__main__":
    main()
