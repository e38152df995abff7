"""Writes docs/settings.md, the table of every setting.

    python -m suizhuan.settings_reference [--out docs/settings.md] [complaints.settings:Settings ...]

Without classes it documents the common settings. The page names the classes it was made from, so that a test can
make it again and compare.
"""

from __future__ import annotations

import argparse
import importlib
import re
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from suizhuan.settings import PREFIX, IssuerSettings, ServiceSettings, field_notes

COMMON = "suizhuan.settings:ServiceSettings"
_MADE_FROM = re.compile(r"^<!-- made from: (.+) -->$", re.MULTILINE)
_HEAD = """\
# Settings 设置

<!-- made from: {classes} -->
<!-- written by `python -m suizhuan.settings_reference`; do not edit -->

Every setting is an environment variable. `SUIZHUAN_DATABASE_URL` holds for every service,
`SUIZHUAN_COMPLAINTS_DATABASE_URL` for complaints alone and wins. With `_FILE` behind it, a variable names a file that
holds the value; that is how secrets come in. Lists are JSON. A value that is not valid ends the start with the
variable's name.

所有设置都是环境变量。`SUIZHUAN_…` 对各服务通用，`SUIZHUAN_<服务名>_…` 只对该服务生效且优先；变量名后加 `_FILE`
则从该文件读取（用于密钥）；列表用 JSON 书写。
"""
_ISSUERS = "## One entry of `SUIZHUAN_ISSUERS` 签发方的一项"


def render(classes: Sequence[str]) -> str:
    """The page for the settings classes named as `module:Class`. Errors: ImportError, AttributeError."""
    parts = [_HEAD.format(classes=" ".join(classes))]
    common = ServiceSettings.model_fields
    for name in classes:
        cls = _load(name)
        own = name != COMMON
        fields = {k: f for k, f in cls.model_fields.items() if k != "service" and (not own or k not in common)}
        service = cls.model_fields["service"].default
        parts.append(f"## {f'Only `{service}`' if own else 'Every service 各服务通用'}\n")
        prefix = f"{PREFIX}{service.upper()}_" if own else PREFIX
        parts.append(_table(prefix, fields) if fields else "None.\n")
    parts.append(f"{_ISSUERS}\n\n| Key | Meaning | Default |\n|---|---|---|")
    rows = []
    for key, field in IssuerSettings.model_fields.items():
        default = "required" if field.is_required() else _default(field)
        rows.append(_row(f"`{key}`", str(field.description), default))
    return "\n".join([*parts, *rows]) + "\n"


def made_from(page: str) -> list[str]:
    """The classes that a page was made from."""
    match = _MADE_FROM.search(page)
    return match[1].split() if match else [COMMON]


def _load(name: str) -> type[ServiceSettings]:
    module, _, attribute = name.partition(":")
    cls: type[ServiceSettings] = getattr(importlib.import_module(module), attribute)
    return cls


def _table(prefix: str, fields: dict[str, Any]) -> str:
    rows = ["| Variable | Type | Unit | Default | What it does | 说明 |", "|---|---|---|---|---|---|"]
    for name, field in fields.items():
        notes = field_notes(field)
        mark = "**development and tests only** · " if notes.get("dev") else ""
        mark_zh = "**仅供开发与测试** · " if notes.get("dev") else ""
        rows.append(
            _row(
                f"`{prefix}{name.upper()}`",
                _type(field.annotation),
                notes.get("unit", ""),
                _default(field),
                f"{mark}{field.description}",
                f"{mark_zh}{notes['zh']}",
            )
        )
    return "\n".join(rows) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(a) for a in arguments if a is not type(None))
    if origin is Literal:
        return " · ".join(f"`{a}`" for a in arguments)
    if origin is tuple:
        return "JSON list"
    if origin is dict:
        return "JSON object"
    names = {
        str: "text",
        int: "whole number",
        float: "number",
        bool: "`true` · `false`",
        Path: "path",
        SecretStr: "secret",
    }
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: Any) -> str:
    notes = field_notes(field)
    if "shown" in notes:
        return str(notes["shown"])
    if field.default in (None, PydanticUndefined, (), ""):
        return "none"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`"


def main(argv: list[str] | None = None) -> int:
    """Write the page. `--check` writes nothing and answers 1 when the file is not up to date."""
    parser = argparse.ArgumentParser(prog="python -m suizhuan.settings_reference", description=__doc__)
    parser.add_argument("classes", nargs="*", help="further settings classes, as module:Class")
    parser.add_argument("--out", type=Path, default=Path("docs/settings.md"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args(argv)
    if arguments.check:
        present = arguments.out.read_text(encoding="utf-8")
        return 0 if render(made_from(present)) == present else 1
    own = [name for name in arguments.classes if _load(name) is not ServiceSettings]
    arguments.out.write_text(render([COMMON, *own]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
