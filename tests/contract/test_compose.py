"""docker-compose.yml says what `deploy/topology.py` says, and gives nobody more than it needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.access import LOGINS
from deploy.topology import DEPARTMENTS, EVERY, GATEWAY, TOPIC_NAMES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
SERVERS = ("kafka", "postgres", "redis")
SHARED = {"redis_url"}
OWN = {"gateway": {"gateway_webhook_key"}, "population": {"population_id_secret"}}


def of(name: str) -> list[str]:
    """The containers of a service."""
    return [one for one in SERVICES if one == name or one.startswith(f"{name}-")]


@pytest.mark.parametrize("spec", EVERY, ids=lambda spec: spec.name)
def test_a_service_migrates_first_and_runs_as_api_and_worker(spec: Any) -> None:
    name, found = spec.name, [f"{spec.name}-found"] * spec.is_founded
    assert sorted(of(name)) == sorted([name, f"{name}-worker", f"{name}-migrate", *found])
    assert (SERVICES[name]["command"], SERVICES[f"{name}-worker"]["command"]) == (["api"], ["worker"])
    for one in (name, f"{name}-worker"):
        waits = SERVICES[one]["depends_on"]
        assert waits[f"{name}-migrate"] == {"condition": "service_completed_successfully"}
        assert [waits[first] for first in found] == [
            {"condition": "service_completed_successfully", "required": False} for _ in found
        ]
        assert "healthcheck" not in SERVICES[one]  # that of the image


@pytest.mark.parametrize("name", [spec.name for spec in EVERY])
def test_a_service_gets_its_own_secrets_only(name: str) -> None:
    mine = {f"kafka_{name}", f"database_url_{name}", *SHARED, *OWN.get(name, set())}
    for one in of(name):
        assert set(SERVICES[one]["secrets"]) == mine, one
        settings = SERVICES[one]["environment"]
        assert settings["SUIZHUAN_LOG_LOGIN"] == name
        assert settings["SUIZHUAN_LOG_PASSWORD_FILE"] == f"/run/secrets/kafka_{name}"
        assert settings["SUIZHUAN_DATABASE_URL_FILE"] == f"/run/secrets/database_url_{name}"
        assert json.loads(settings["SUIZHUAN_TOPICS"]) == list(TOPIC_NAMES)


def test_no_secret_stands_in_the_file() -> None:
    assert set(COMPOSE["secrets"]) >= {secret for one in SERVICES.values() for secret in one.get("secrets", ())}
    for name, secret in COMPOSE["secrets"].items():
        assert set(secret) == {"file"}, name
        assert secret["file"] == f"${{SUIZHUAN_SECRETS:-./deploy/docker/secrets}}/{name}"
    assert "deploy/docker/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_servers_know_every_login_and_every_database() -> None:
    assert SERVICES["kafka"]["environment"]["LOGINS"].split() == list(LOGINS)
    assert set(SERVICES["kafka"]["secrets"]) == {f"kafka_{login}" for login in ("admin", "controller", *LOGINS)}
    names = [spec.name for spec in EVERY]
    assert sorted(SERVICES["postgres"]["environment"]["SERVICES"].split()) == sorted(names)
    assert set(SERVICES["postgres"]["secrets"]) == {"postgres", *(f"postgres_{name}" for name in names)}
    upstreams = json.loads(SERVICES[GATEWAY]["environment"]["SUIZHUAN_GATEWAY_UPSTREAMS"])
    assert upstreams == {name: f"http://{name}:8080/{name}" for name in DEPARTMENTS}


def test_only_the_doors_are_published_and_on_this_host_alone() -> None:
    published = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert set(published) == {GATEWAY, "issuer"}
    assert all(port.startswith("${SUIZHUAN_BIND:-127.0.0.1}:") for ports in published.values() for port in ports)
    assert COMPOSE["networks"]["inside"] == {"internal": "${SUIZHUAN_INTERNAL:-true}"}
    outside = {name for name, one in SERVICES.items() if "outside" in one["networks"]}
    assert outside == {GATEWAY, f"{GATEWAY}-worker", "issuer"}  # doors, and webhooks


def test_no_container_may_more_than_it_needs() -> None:
    for name, one in SERVICES.items():
        assert one["read_only"] is True, name
        assert one["cap_drop"] == ["ALL"], name
        assert one["security_opt"] == ["no-new-privileges:true"], name
        assert "cap_add" not in one or name == "postgres", name
        assert not {"privileged", "network_mode", "pid"} & set(one), name


def test_the_demonstration_runs_only_where_it_is_asked_for() -> None:
    profiles = {name: one["profiles"] for name, one in SERVICES.items() if "profiles" in one}
    assert profiles == {
        "issuer": ["demo"],
        **{f"{spec.name}-found": ["demo", "found"] for spec in EVERY if spec.is_founded},
    }
