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
    return list(_Comparison(old.get("$defs", {}), new.get("$defs", {})).value(old, new, "data"))


# A bound, and whether a larger one allows more.
_BOUNDS = {
    "maximum": True,
    "exclusiveMaximum": True,
    "maxLength": True,
    "maxItems": True,
    "minimum": False,
    "exclusiveMinimum": False,
    "minLength": False,
    "minItems": False,
}


class _Comparison:
    """Two schemas with their definitions, and the pairs of definitions that are being compared already."""

    def __init__(self, old_defs: Schema, new_defs: Schema) -> None:
        self.old_defs, self.new_defs = old_defs, new_defs
        self._under_way: set[tuple[str, str]] = set()

    def value(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(pair):
            if pair in self._under_way:
                return  # a definition that holds itself
            self._under_way.add(pair)
        before, now = _branches(old, self.old_defs), _branches(new, self.new_defs)
        for one in before:
            reasons = [list(self._branch(one, other, path)) for other in now]
            if not any(not reason for reason in reasons):
                yield from min(reasons, key=len)  # the closest of what it may be now
        self._under_way.discard(pair)

    def _branch(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        if not _holds(_kind(new), _kind(old)):
            yield f"{path} can no longer be {_kind(old)}"
            return
        before, now = _values(old), _values(new)
        if now is not None and (before is None or not before <= now):
            yield f"{path} allows fewer values than before"
        for bound, larger in _BOUNDS.items():
            if bound in new and (bound not in old or (new[bound] < old[bound] if larger else new[bound] > old[bound])):
                yield f"{path} allows less than before: {bound} {new[bound]}"
        for rule in ("pattern", "multipleOf"):
            if rule in new and new[rule] != old.get(rule):
                yield f"{path} must fit another {rule} than before"
        if new.get("uniqueItems") and not old.get("uniqueItems"):
            yield f"{path} must not repeat an item any more"
        if "properties" in old or "properties" in new:
            yield from self._object(old, new, path)
        if isinstance(new.get("additionalProperties"), dict):
            was = old.get("additionalProperties")
            yield from self.value(was if isinstance(was, dict) else {}, new["additionalProperties"], f"{path}.*")
        if "items" in new:
            yield from self.value(old.get("items", {}), new["items"], f"{path}[]")

    def _object(self, old: Schema, new: Schema, path: str) -> Iterator[str]:
        before, now = old.get("properties", {}), new.get("properties", {})
        for name in before:
            if name not in now:
                yield f"{path}.{name} was taken away"
        for name in new.get("required", []):
            if name not in before:
                yield f"{path}.{name} is new and required: what was published before does not have it"
            elif name not in old.get("required", []):
                yield f"{path}.{name} was optional and is required now"
        for name in sorted(before.keys() & now.keys()):
            yield from self.value(before[name], now[name], f"{path}.{name}")


def _branches(schema: Schema, defs: Schema) -> list[Schema]:
    """What a value may be: alternatives, and lists of types, each by itself."""
    schema = _resolve(schema, defs)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return [branch for part in schema[word] for branch in _branches(part, defs)]
    kind = schema.get("type")
    return [{**schema, "type": one} for one in kind] if isinstance(kind, list) else [schema]


def _kind(schema: Schema) -> str:
    kind = str(schema.get("type", "object" if "properties" in schema else "anything"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _holds(wider: str, narrower: str) -> bool:
    """Whether every value of one kind is one of the other: text of any form is text, a whole number is a number."""
    plain = narrower.split(" (", maxsplit=1)[0]
    return wider in {narrower, plain, "anything"} or (wider == "number" and plain == "integer")


def _values(schema: Schema) -> set[str] | None:
    """The only values allowed, None when there are no such."""
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(value) for value in schema["enum"]} if "enum" in schema else None


def _resolve(schema: Schema, defs: Schema) -> Schema:
    while "$ref" in schema:
        schema = defs[schema["$ref"].rsplit("/", 1)[1]]
    return schema


def example(schema: Schema, defs: Schema | None = None) -> Any:
    """A small value that fits the schema: every field present, every list with one item."""
    defs = schema.get("$defs", {}) if defs is None else defs
    schema = _resolve(schema, defs)
    if "anyOf" in schema:
        return example(next(b for b in _branches(schema, defs) if b.get("type") != "null"), defs)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return {name: example(value, defs) for name, value in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items", {"type": "string"}), defs)]
    if kind == "string":
        return "2026-03-02T01:00:00.000000Z" if schema.get("format") == "date-time" else "x"
    return {"integer": 1, "number": 1.0, "boolean": True}.get(str(kind))
