"""Whatever is called compatible can be read: each kind of change by name, and any two schemas by their values."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from suizhuan.compat import breaks, example

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}


def data(value: Schema, *, required: bool = True) -> Schema:
    return {"type": "object", "properties": {"a": value}, "required": ["a"] if required else []}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (TEXT, {**TEXT, "maxLength": 10}, "maxLength 10"),
        ({**TEXT, "maxLength": 20}, {**TEXT, "maxLength": 10}, "maxLength 10"),
        (WHOLE, {**WHOLE, "minimum": 1}, "minimum 1"),
        ({**WHOLE, "minimum": 0}, {**WHOLE, "minimum": 1}, "minimum 1"),
        (WHOLE, {**WHOLE, "exclusiveMinimum": 0}, "exclusiveMinimum 0"),
        (TEXT, {**TEXT, "pattern": "^a"}, "another pattern"),
        (TEXT, {"const": "x", "type": "string"}, "fewer values"),
        ({"enum": ["x", "y"], "type": "string"}, {"enum": ["x"], "type": "string"}, "fewer values"),
        ({"anyOf": [TEXT, {"type": "null"}]}, TEXT, "can no longer be null"),
        ({"anyOf": [TEXT, WHOLE]}, {"anyOf": [WHOLE, {"type": "null"}]}, "can no longer be string"),
        ({"type": ["string", "null"]}, TEXT, "can no longer be null"),
        ({"type": "number"}, WHOLE, "can no longer be number"),
        (TEXT, {**TEXT, "format": "date-time"}, "can no longer be string"),
        ({"type": "array", "items": TEXT}, {"type": "array", "items": WHOLE}, "data.a[] can no longer be string"),
        ({"type": "array"}, {"type": "array", "items": TEXT}, "data.a[] can no longer be anything"),
        ({"type": "array", "items": TEXT}, {"type": "array", "items": TEXT, "minItems": 1}, "minItems 1"),
        (
            {"type": "object", "additionalProperties": TEXT},
            {"type": "object", "additionalProperties": WHOLE},
            "data.a.* can no longer be string",
        ),
        (data(TEXT, required=False), data(TEXT), "data.a.a was optional and is required now"),
    ],
)
def test_a_change_that_shrinks_what_is_allowed_is_named(old: Schema, new: Schema, reason: str) -> None:
    assert any(reason in told for told in breaks(data(old), data(new))), breaks(data(old), data(new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({**TEXT, "maxLength": 10}, TEXT),
        ({**WHOLE, "minimum": 1}, {**WHOLE, "minimum": 0}),
        ({"const": "x", "type": "string"}, {"enum": ["x", "y"], "type": "string"}),
        (WHOLE, {"type": "number"}),
        ({**TEXT, "format": "date-time"}, TEXT),
        (TEXT, {"anyOf": [{"type": "null"}, TEXT]}),
        ({"anyOf": [TEXT, {"type": "null"}]}, {"anyOf": [{"type": "null"}, WHOLE, TEXT]}),
        (TEXT, {}),
        (data(TEXT), data(TEXT, required=False)),
    ],
)
def test_a_change_that_allows_more_is_not(old: Schema, new: Schema) -> None:
    assert breaks(data(old), data(new)) == []


def test_a_definition_that_holds_itself_is_compared_once() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}, "n": WHOLE}, "required": ["n"]}
    old = {"$defs": {"Node": node}, **data({"$ref": "#/$defs/Node"})}
    assert breaks(old, old) == []
    less = {**node, "properties": {"next": {"$ref": "#/$defs/Node"}, "n": {**WHOLE, "maximum": 3}}}
    assert breaks(old, {"$defs": {"Node": less}, **data({"$ref": "#/$defs/Node"})}) == [
        "data.a.n allows less than before: maximum 3"
    ]


# --- any two schemas ------------------------------------------------------------------------------------------------

SMALL = st.integers(0, 3)


def optional(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return st.one_of(st.just({}), values.map(lambda value: {name: value}))


def merged(*parts: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.tuples(*parts).map(lambda found: {k: v for part in found for k, v in part.items()})


LEAVES = st.one_of(
    merged(st.just(dict(WHOLE)), optional("minimum", SMALL), optional("maximum", SMALL.map(lambda n: n + 3))),
    merged(st.just(dict(TEXT)), optional("maxLength", SMALL), optional("enum", st.just(["", "a", "bb"]))),
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    st.just({"type": "number"}),
)


def objects(values: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.tuples(st.dictionaries(st.sampled_from("ab"), values), st.sets(st.sampled_from("ab"))).map(
        lambda made: {"type": "object", "properties": made[0], "required": sorted(made[1] & made[0].keys())}
    )


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        objects(inner),
        merged(inner.map(lambda s: {"type": "array", "items": s}), optional("maxItems", SMALL)),
        st.lists(inner, min_size=1, max_size=2).map(lambda found: {"anyOf": found}),
    ),
    max_leaves=4,
)


def instances(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that fit the schema."""
    if "anyOf" in schema:
        return st.one_of(*map(instances, schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from([v for v in schema["enum"] if len(v) <= schema.get("maxLength", 9)])
    match schema["type"]:
        case "integer":
            return st.integers(schema.get("minimum", -9), schema.get("maximum", 9))
        case "string":
            return st.text("abc", max_size=schema.get("maxLength", 4))
        case "array":
            return st.lists(instances(schema["items"]), max_size=min(schema.get("maxItems", 3), 3))
        case "object":
            must = {name: instances(schema["properties"][name]) for name in schema["required"]}
            may = {name: instances(s) for name, s in schema["properties"].items() if name not in must}
            return st.fixed_dictionaries(must, optional=may)
        case "boolean":
            return st.booleans()
        case "number":
            return st.one_of(st.integers(-9, 9), st.floats(-9, 9))
        case _:
            return st.none()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.data(), objects(SCHEMAS), st.data())
def test_what_fits_the_old_schema_fits_every_new_one_that_is_called_compatible(
    draw: st.DataObject, old: Schema, other: st.DataObject
) -> None:
    new = other.draw(st.one_of(objects(SCHEMAS), st.just(old), changes(old)))
    assume(breaks(old, new) == [])
    value = draw.draw(instances(old))
    jsonschema.validate(value, new)


def changes(old: Schema) -> st.SearchStrategy[Schema]:
    """Schemas that are close to it: one property replaced, taken away or added."""
    return st.tuples(st.sampled_from("abc"), SCHEMAS, st.booleans()).map(
        lambda made: (
            {**old, "properties": {**old["properties"], made[0]: made[1]}}
            if made[2]
            else {**old, "properties": {k: v for k, v in old["properties"].items() if k != made[0]}}
        )
    )


@given(objects(SCHEMAS))
def test_a_schema_can_always_stand_for_itself(schema: Schema) -> None:
    assert breaks(schema, schema) == []


@given(objects(LEAVES))
def test_an_example_has_every_field(schema: Schema) -> None:
    assert set(example(schema)) == set(schema["properties"])
