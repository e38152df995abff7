"""Are events that were published once still readable? Compares JSON Schemas of one event type.

The rule is BACKWARD_TRANSITIVE: whoever reads by the present schema can read everything written by any schema
published before under the same type and version. So a field may be added only with a default or as optional, none
may be taken away, and none may change its type or shrink what it allows. Anything else is a new version beside
the old one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def breaks(old: Schema, new: Schema) -> list[str]:
    """Why `new` cannot stand for `old`; empty when it can. Each reason names the field."""
    return list(_object(old, new, old.get("$defs", {}), new.get("$defs", {}), "data"))


def _object(old: Schema, new: Schema, old_defs: Schema, new_defs: Schema, path: str) -> Iterator[str]:
    before, now = old.get("properties", {}), new.get("properties", {})
    for name in before:
        if name not in now:
            yield f"{path}.{name} was taken away"
    for name in new.get("required", []):
        if name not in before:
            yield f"{path}.{name} is new and required: what was published before does not have it"
        elif name not in old.get("required", []):
            yield f"{path}.{name} was optional and is required now"
    for name in before.keys() & now.keys():
        yield from _value(before[name], now[name], old_defs, new_defs, f"{path}.{name}")


def _value(old: Schema, new: Schema, old_defs: Schema, new_defs: Schema, path: str) -> Iterator[str]:
    old, new = _resolve(old, old_defs), _resolve(new, new_defs)
    lost = _kinds(old) - _kinds(new)
    if lost:
        yield f"{path} can no longer be {', '.join(sorted(lost))}"
        return
    if "enum" in new and not set(map(str, old.get("enum", ["(anything)"]))) <= set(map(str, new["enum"])):
        yield f"{path} allows fewer values than before"
    if "properties" in old and "properties" in new:
        yield from _object(old, new, old_defs, new_defs, path)
    if "items" in old and "items" in new:
        yield from _value(old["items"], new["items"], old_defs, new_defs, f"{path}[]")
    for one, other in zip(_branches(old), _branches(new), strict=False):
        if one is not old:
            yield from _value(one, other, old_defs, new_defs, path)


def _resolve(schema: Schema, defs: Schema) -> Schema:
    ref = schema.get("$ref")
    return defs[ref.rsplit("/", 1)[1]] if ref else schema


def _branches(schema: Schema) -> list[Schema]:
    return [s for s in schema.get("anyOf", [schema]) if s.get("type") != "null"]


def _kinds(schema: Schema) -> set[str]:
    if "anyOf" in schema:
        return {kind for branch in schema["anyOf"] for kind in _kinds(branch)}
    kind = schema.get("type", "object" if "$ref" in schema or "properties" in schema else "anything")
    kinds = set(kind) if isinstance(kind, list) else {kind}
    return {f"{k} ({schema['format']})" if "format" in schema else k for k in kinds}


def example(schema: Schema, defs: Schema | None = None) -> Any:
    """A small value that fits the schema: every field present, every list with one item."""
    defs = schema.get("$defs", {}) if defs is None else defs
    schema = _resolve(schema, defs)
    if "anyOf" in schema:
        return example(_branches(schema)[0], defs)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: example(value, defs) for name, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items", {"type": "string"}), defs)]
    if kind == "string":
        return "2026-03-02T01:00:00.000000Z" if schema.get("format") == "date-time" else "x"
    return {"integer": 1, "number": 1.0, "boolean": True}.get(str(kind))
