"""The catalogue of metrics: one place, comments on all of it, labels that stay few."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from suizhuan import metrics as module
from suizhuan.metrics import Metrics


def test_every_metric_is_ours_and_explained() -> None:
    registry = CollectorRegistry()
    Metrics(registry, "finance")
    families = [f for f in registry.collect() if not f.name.startswith("process_")]
    assert len(families) > 40
    for family in families:
        assert family.name.startswith("suizhuan_"), family.name
        assert family.documentation, family.name


def test_an_attribute_is_named_as_its_metric() -> None:
    made = Metrics(CollectorRegistry(), "finance")
    for attribute, name in re.findall(r'self\.(\w+) = self\._\w+\(\s*"(\w+)"', inspect.getsource(module)):
        assert attribute == name
        assert hasattr(made, attribute)


def test_every_metric_of_the_catalogue_is_recorded_somewhere() -> None:
    root = Path(__file__).parents[3]
    sources = [p for p in [*root.glob("libs/common/suizhuan/**/*.py"), *root.glob("services/*/*/**/*.py")]]
    code = "".join(p.read_text() for p in sources if p.name != "metrics.py" and "tests" not in p.parts)
    declared = re.findall(r"self\.(\w+) = self\._(?:counter|gauge|histogram)", inspect.getsource(module))
    assert len(declared) > 40
    assert [name for name in declared if not re.search(rf"\.{name}\b", code)] == []


def test_two_services_in_one_process_count_apart_and_carry_their_names() -> None:
    one, two = Metrics(CollectorRegistry(), "finance"), Metrics(CollectorRegistry(), "complaints")
    one.events_emitted_total.labels(type="finance.hold.placed.v1").inc()
    one.consumer_lag.labels(group="g", topic="t", partition=0).set(7)
    pages = [m.render().decode() for m in (one, two)]
    assert 'suizhuan_events_emitted_total{service="finance",type="finance.hold.placed.v1"} 1.0' in pages[0]
    assert "hold.placed" not in pages[1]
    for page, service in zip(pages, ("finance", "complaints"), strict=True):
        for family in text_string_to_metric_families(page):
            assert all(s.labels["service"] == service for s in family.samples)
