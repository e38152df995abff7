"""What watches the platform: rules that fire when they should, pages that say what to do, figures that exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from deploy.grafana.__main__ import BOARDS, FOLDER
from deploy.local import Unavailable
from deploy.local.prometheus import CONFIG, program
from deploy.topology import EVERY
from suizhuan.metrics import Metrics

ROOT = Path(__file__).parents[2]
PROMETHEUS, PROVISIONING = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana" / "provisioning"
RULES = [
    rule
    for file in sorted((PROMETHEUS / "rules").glob("*.yml"))
    for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
WATCH: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "docker" / "watch.yml").read_text(encoding="utf-8"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
EXPRESSIONS = [rule["expr"] for rule in RULES] + [query.expr for board in BOARDS for query in board.queries()]
# What Prometheus itself knows of those it asks, and of its alerts.
ITS_OWN = {"up", "ALERTS"}
FIGURE = re.compile(r"\b(?:suizhuan_\w+|process_\w+|\w+:[\w:]+|up|ALERTS)\b")


def exposed() -> set[str]:
    """The name of every sample that a process of a service exposes."""
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}
    families = list(Metrics(CollectorRegistry(), "any").registry.collect())
    return {family.name + ending for family in families for ending in endings.get(family.type, [""])}


@pytest.fixture(scope="module")
def promtool() -> Callable[..., str]:
    """Runs it, and gives what it says. A command that fails is a failure."""
    try:
        command = program("promtool")
    except Unavailable as reason:
        pytest.skip(str(reason))

    def run(*words: str | Path) -> str:
        done = subprocess.run([command, *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_rules_are_well_formed_and_fire_when_they_should(promtool: Callable[..., str]) -> None:
    assert f"{len(RULES) - len(ALERTS)} rules found" in promtool("check", "config", CONFIG.name)
    tests = sorted((PROMETHEUS / "tests").glob("*.yml"))
    assert promtool("test", "rules", *tests).count("SUCCESS") == len(tests)


def test_every_alert_is_seen_to_fire_and_seen_not_to() -> None:
    fires: dict[str, set[bool]] = {}
    for file in (PROMETHEUS / "tests").glob("*.yml"):
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]:
            for case in test["alert_rule_test"]:
                fires.setdefault(case["alertname"], set()).add(bool(case.get("exp_alerts")))
    assert fires == {alert["alert"]: {True, False} for alert in ALERTS}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_wrong_in_both_languages_and_where_is_written_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    chinese, english = alert["annotations"]["summary"].split(" / ")
    assert re.search(r"[一-鿿]", chinese) and not re.search(r"[一-鿿]", english)
    page, anchor = alert["annotations"]["runbook_url"].split("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert (alert["alert"], anchor) in [(heading, heading.lower()) for heading in headings]


def test_the_runbook_has_no_page_of_an_alert_that_is_gone() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook" / "alerts.md").read_text(encoding="utf-8"), re.M)
    assert sorted(headings) == sorted(alert["alert"] for alert in ALERTS)


def test_every_figure_that_is_asked_for_is_one_that_services_expose() -> None:
    known = {*exposed(), *RECORDED, *ITS_OWN}
    for expression in EXPRESSIONS:
        asked = set(FIGURE.findall(expression))
        assert asked and asked <= known, (expression, asked - known)


def test_prometheus_asks_every_process_of_every_service() -> None:
    jobs = {job["job_name"]: job for job in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["scrape_configs"]}
    for job, ending in (("api", ""), ("worker", "-worker")):
        (static,) = jobs[job]["static_configs"]
        assert static["targets"] == [f"{spec.name}{ending}:8080" for spec in EVERY]
        assert jobs[job]["metrics_path"] == "/metrics"


def test_the_dashboards_are_as_the_code_has_them() -> None:
    done = subprocess.run([sys.executable, "-m", "deploy.grafana", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_grafana_finds_its_source_and_its_dashboards_where_it_looks() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources" / "suizhuan.yml").read_text(encoding="utf-8"))["datasources"]
    uids = {source["uid"] for source in sources}
    panels = [
        panel
        for file in FOLDER.glob("*/*.json")
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]
        if panel["type"] != "row"
    ]
    assert panels and {panel["datasource"]["uid"] for panel in panels} <= uids
    providers = yaml.safe_load((PROVISIONING / "dashboards" / "suizhuan.yml").read_text(encoding="utf-8"))["providers"]
    assert [provider["options"]["path"] for provider in providers] == [
        f"/etc/grafana/dashboards/{language}" for language in ("zh", "en")
    ]


def test_compose_takes_in_who_watches_behind_profiles_and_shares_its_networks() -> None:
    assert COMPOSE["include"] == ["deploy/docker/watch.yml"]
    profiles = {name: one["profiles"] for name, one in WATCH["services"].items()}
    assert profiles == {"prometheus": ["watch"], "grafana": ["watch"], "collector": ["traces"], "traces": ["traces"]}
    assert WATCH["networks"] == {name: COMPOSE["networks"][name] for name in WATCH["networks"]}


def test_who_watches_may_no_more_than_it_needs_and_only_grafana_is_published_on_this_host_alone() -> None:
    for name, one in WATCH["services"].items():
        hardened = (one["read_only"], one["cap_drop"], one["security_opt"])
        assert hardened == (True, ["ALL"], ["no-new-privileges:true"]), name
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", one["image"]), "a version, and not the latest"
        for mount in one.get("volumes", ()):
            source, _, how = mount.partition(":")
            if source.startswith("."):
                assert how.endswith(":ro") and (ROOT / "deploy" / "docker" / source).exists(), mount
    published = {name: one["ports"] for name, one in WATCH["services"].items() if "ports" in one}
    assert published == {"grafana": ["${SUIZHUAN_BIND:-127.0.0.1}:${SUIZHUAN_GRAFANA_PORT:-3000}:3000"]}
    outside = [name for name, one in WATCH["services"].items() if "outside" in one["networks"]]
    assert outside == ["grafana"]
    grafana = WATCH["services"]["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/secrets/grafana"
    assert WATCH["secrets"] == {"grafana": {"file": "${SUIZHUAN_SECRETS:-./secrets}/grafana"}}


def test_traces_go_from_the_services_to_the_collector_and_from_there_to_the_store() -> None:
    collector = yaml.safe_load((ROOT / "deploy" / "otel" / "collector.yaml").read_text(encoding="utf-8"))
    pipeline = collector["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == set(collector[kind])
    assert collector["exporters"]["otlp/traces"]["endpoint"] == "traces:4317"
    assert pipeline["processors"][0] == "memory_limiter", "first of all"
