"""Each consumer's view against each producer's events, and every schema against what was published."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.registries import INBOUNDS, REGISTRIES
from deploy.schemas import problems
from deploy.topology import AUTHORITY, EVERY, SERVICES, TOPICS
from suizhuan.areas import coded
from suizhuan.compat import breaks, example
from suizhuan.inbox import Subscription
from suizhuan.ports.log import TopicSpec

EVENTS = {event.name: event for registry in REGISTRIES.values() for event in registry.types.values()}


def subscriptions() -> Iterator[tuple[str, Subscription]]:
    for service in REGISTRIES:
        for subscription in INBOUNDS[service].subscriptions.values():
            yield service, subscription


@pytest.mark.parametrize(("service", "wanted"), [pytest.param(s, w, id=f"{s}<-{w.name}") for s, w in subscriptions()])
def test_a_consumer_can_read_what_its_producer_publishes(service: str, wanted: Subscription) -> None:
    event = EVENTS.get(wanted.name)
    assert event is not None, f"{service} listens to {wanted.name}, which nobody publishes"
    assert event.topic == wanted.topic
    wanted.view.model_validate(example(event.json_schema()))


def test_every_view_really_needs_something() -> None:
    """A view that accepts an empty object would accept anything, and prove nothing."""
    for service, wanted in subscriptions():
        assert any(field.is_required() for field in wanted.view.model_fields.values()), f"{service}: {wanted.name}"


def test_every_view_reads_codes_of_areas_as_they_are_today() -> None:
    for service, wanted in subscriptions():
        places = {"area", "areas", "grid"} & wanted.view.model_fields.keys()
        assert places <= set(coded(wanted.view)), f"{service}: {wanted.name}"


def test_published_schemas_are_kept() -> None:
    assert problems() == []


def test_a_schema_that_lost_a_field_is_found() -> None:
    old = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a"]}
    assert breaks(old, old) == []
    assert breaks(old, {"properties": {"a": {"type": "string"}}, "required": ["a"]}) == ["data.b was taken away"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"properties": {"a": {"type": "integer"}}, "required": ["a"]}, "can no longer be string"),
        (
            {"properties": {"a": {"type": "string"}, "c": {"type": "string"}}, "required": ["a", "c"]},
            "new and required",
        ),
        (
            {"properties": {"a": {"type": "string", "format": "date-time"}}, "required": ["a"]},
            "can no longer be string",
        ),
        ({"properties": {"a": {"type": "string", "enum": ["x"]}}, "required": ["a"]}, "fewer values"),
    ],
)
def test_a_breaking_change_is_named(change: dict[str, object], reason: str) -> None:
    old = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert any(reason in found for found in breaks(old, change))


def test_an_optional_field_may_be_added() -> None:
    old = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
    new = {"properties": {"a": {"type": "string"}, "c": {"type": "string"}}, "required": ["a"]}
    assert breaks(old, new) == []


def test_the_topology_names_every_topic_as_its_owner_declares_it() -> None:
    declared = {spec.name: spec for registry in REGISTRIES.values() for spec in registry.topics.values()}
    assert {t.name: TopicSpec(t.name, t.partitions, t.compacted, t.min_compaction_lag_s) for t in TOPICS} == declared


def test_the_topology_names_every_consumer_group() -> None:
    for service in SERVICES:
        assert list(service.heard) == INBOUNDS[service.name].topics, service.name
        assert service.groups[f"{service.name}.authority"] == (AUTHORITY,)


def test_every_service_stands_behind_the_walls() -> None:
    root = Path(__file__).parents[2]
    walls = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    services = {spec.name for spec in EVERY}
    assert set(walls["root_packages"]) == services | {"suizhuan", "deploy"}
    (layers,) = (c["layers"] for c in walls["contracts"] if c["type"] == "layers")
    assert set(layers[1].split(" | ")) == services
    assert services == {path.parent.name for path in root.glob("services/*/pyproject.toml")}
