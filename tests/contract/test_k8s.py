"""Every folder of k8s/ renders, is valid, is safe, and lets nobody talk whom `deploy/topology.py` does not let."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
from kubernetes_validate import utils

from deploy import city
from deploy.access import LOGINS
from deploy.docker import passwords
from deploy.kustomize import render
from deploy.topology import DEPARTMENTS, EVERY, GATEWAY, TOPIC_NAMES
from tests.k8s.folder import copy_folders

from .policies import TEMPLATED, Edge, Manifest, Peer, edges, peers

ROOT = Path(__file__).parents[2]
SERVICES = tuple(spec.name for spec in EVERY)
FOLDERS = ("district", "demo", "city", "department", "department/host", *(f"services/{name}" for name in SERVICES))
OPERATORS = ("kafka.strimzi.io", "postgresql.cnpg.io", "keda.sh")
VERSION = "1.34"
OWN = {GATEWAY: {"webhook_key"}, "population": {"id_secret"}}
PROCESSES = ("api", "worker", "migrate")
VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
OUTSIDE = {"stranger", "prometheus", "hub", "inside", "dns"}


class Folders:
    """The folders with secrets in them, which the repository has not; each rendered once."""

    def __init__(self, root: Path) -> None:
        copy_folders(root)
        self.root = root / "k8s"
        passwords.main(self.root / "district" / "secrets")
        passwords.main(self.root / "city" / "secrets", "{service}-db-rw")
        for secret in ("kafka_password", "database_url", "redis_url"):
            (self.root / "department" / "secrets" / secret).write_text("x", encoding="utf-8")
        self.of = cache(lambda folder: render(self.root / folder))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("k8s"))


@pytest.fixture(scope="module", autouse=True)
def _schemas_are_read_once() -> Iterator[None]:
    """Else the validator reads a megabyte for each manifest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "schema_contents", cache(utils.schema_contents))
        yield


def named(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in manifests if one["kind"] == kind}


def settings(manifests: list[Manifest], deployment: str) -> dict[str, str]:
    """What the service in a deployment is told."""
    (container,) = named(manifests, "Deployment")[deployment]["spec"]["template"]["spec"]["containers"]
    maps = named(manifests, "ConfigMap")
    return {k: v for given in container["envFrom"] for k, v in maps[given["configMapRef"]["name"]]["data"].items()}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_manifest_is_valid_to_the_letter(folders: Folders, folder: str) -> None:
    for one in folders.of(folder):
        if not one["apiVersion"].startswith(OPERATORS):  # theirs the API server checks, in `make test-k8s`
            kubernetes_validate.validate(one, VERSION, strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_restricted_standard_accepts_every_pod(folders: Folders, folder: str) -> None:
    for one in folders.of(folder):
        if one["kind"] not in TEMPLATED:
            continue
        pod, name = one["spec"]["template"]["spec"], one["metadata"]["name"]
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), name
        assert all(set(volume) - {"name"} <= VOLUMES for volume in pod.get("volumes", ())), name
        for container in [*pod["containers"], *pod.get("initContainers", ())]:
            rights = container["securityContext"]
            assert rights == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert not any("hostPort" in port for port in container.get("ports", ())), name


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_pod_is_bounded_and_has_no_token(folders: Folders, folder: str) -> None:
    for one in folders.of(folder):
        if one["kind"] not in TEMPLATED:
            continue
        pod, name = one["spec"]["template"]["spec"], one["metadata"]["name"]
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name
            if one["kind"] != "Job":
                assert {"readinessProbe", "livenessProbe"} <= set(container), name


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_migrates_as_a_job_and_runs_as_api_and_worker(folders: Folders, name: str) -> None:
    found = folders.of(f"services/{name}")
    assert set(named(found, "Job")) == {f"{name}-migrate"}
    assert set(named(found, "Deployment")) == {f"{name}-api", f"{name}-worker"}
    assert set(named(found, "PodDisruptionBudget")) == {f"{name}-api", f"{name}-worker"}
    for process in PROCESSES:
        kind = "Job" if process == "migrate" else "Deployment"
        (container,) = named(found, kind)[f"{name}-{process}"]["spec"]["template"]["spec"]["containers"]
        assert (container["image"], container["args"]) == (f"suizhuan/{name}:latest", [process])
    assert not named(found, "Secret")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_gets_its_own_secret_only(folders: Folders, name: str) -> None:
    found = folders.of("district")
    secrets = named(found, "Secret")
    mine = {"kafka_password", "database_url", "redis_url", *OWN.get(name, set())}
    for process in PROCESSES:
        kind = "Job" if process == "migrate" else "Deployment"
        volumes = named(found, kind)[f"{name}-{process}"]["spec"]["template"]["spec"]["volumes"]
        (secret,) = [volume["secret"]["secretName"] for volume in volumes if "secret" in volume]
        assert secret.rpartition("-")[0] == name
        assert set(secrets[secret]["data"]) == mine
    told = settings(found, f"{name}-api")
    assert told["SUIZHUAN_LOG_LOGIN"] == name
    assert json.loads(told["SUIZHUAN_TOPICS"]) == list(TOPIC_NAMES)
    files = {value.removeprefix("/run/secrets/suizhuan/") for key, value in told.items() if key.endswith("_FILE")}
    assert files == mine


def test_the_servers_and_the_gateway_know_everybody(folders: Folders) -> None:
    found = folders.of("district")
    sets, secrets = named(found, "StatefulSet"), named(found, "Secret")
    told = {
        name: {env["name"]: env.get("value") for env in sets[name]["spec"]["template"]["spec"]["containers"][0]["env"]}
        for name in ("kafka", "postgres")
    }
    assert told["kafka"]["LOGINS"].split() == list(LOGINS)
    assert sorted(told["postgres"]["SERVICES"].split()) == sorted(SERVICES)
    of = {name.rpartition("-")[0]: set(secret["data"]) for name, secret in secrets.items()}
    assert of["kafka"] == {f"kafka_{login}" for login in ("admin", "controller", *LOGINS)}
    assert of["postgres"] == {"postgres", *(f"postgres_{name}" for name in SERVICES)}
    upstreams = json.loads(settings(found, f"{GATEWAY}-api")["SUIZHUAN_GATEWAY_UPSTREAMS"])
    assert upstreams == {name: f"http://{name}-api:8080/{name}" for name in DEPARTMENTS}


def test_what_the_citys_operators_are_told_is_what_the_topology_says(folders: Folders) -> None:
    """`python -m deploy.city` writes it anew."""
    written = {file.name: file.read_text(encoding="utf-8") for file in city.FOLDER.iterdir()}
    assert written == city.files()
    found = folders.of("city")
    assert set(named(found, "KafkaUser")) == set(LOGINS)
    assert set(named(found, "ScaledObject")) == {f"{name}-worker" for name in SERVICES}
    assert set(named(found, "Cluster")) == {f"{name}-db" for name in SERVICES}


def test_no_secret_stands_in_the_repository() -> None:
    tracked = subprocess.check_output(["git", "ls-files", "k8s"], cwd=ROOT, text=True).split()
    assert [name for name in tracked if "/secrets/" in name and Path(name).name[0] != "." and ".yaml" not in name] == []
    assert not any("kind: Secret" in (ROOT / name).read_text(encoding="utf-8") for name in tracked)


def strangers() -> list[Peer]:
    """Who is there beside the platform."""
    return [
        Peer("stranger beside", "suizhuan", {}, {"http": 8080}),
        Peer("stranger", "elsewhere", {"app.kubernetes.io/part-of": "suizhuan"}, {"http": 8080}),
        Peer("prometheus", "monitoring", {"app.kubernetes.io/name": "prometheus"}),
        Peer("dns", "kube-system", {"k8s-app": "kube-dns"}, {"dns": 53}),
        Peer("hub", ip="203.0.113.5", ports={"https": 443, "http": 80}),
        Peer("inside", ip="10.0.0.9", ports={"https": 443}),
    ]


def as_the_topology_says(*servers: tuple[str, int]) -> set[Edge]:
    """Everybody reaches these servers, and names; the gateway each department; nobody else anybody."""
    everybody = {f"{name}-{process}" for name in SERVICES for process in PROCESSES}
    wanted = {(one, server, port) for one in everybody for server, port in servers}
    wanted |= {(one, "dns", 53) for one in everybody}
    wanted |= {(f"{GATEWAY}-api", f"{name}-api", 8080) for name in DEPARTMENTS}
    wanted |= {(f"{GATEWAY}-worker", "hub", 443)}
    wanted |= {("prometheus", f"{name}-{process}", 8080) for name in SERVICES for process in ("api", "worker")}
    return wanted | {(one, f"{GATEWAY}-api", 8080) for one in OUTSIDE}


@pytest.mark.parametrize("folder", ["district", "demo"])
def test_the_network_lets_through_what_the_topology_says_and_no_more(folders: Folders, folder: str) -> None:
    found = folders.of(folder)
    ours = {peer.name for peer in peers(found)} | {"stranger beside"}
    through = edges(found, [*peers(found), *strangers()])
    wanted = as_the_topology_says(("kafka", 9092), ("postgres", 5432), ("redis", 6379))
    wanted |= {("prepare", "dns", 53), ("prepare", "kafka", 9092)}
    if folder == "demo":
        everybody = {edge[0] for edge in wanted if edge[1] == "kafka"} | OUTSIDE
        wanted |= {(one, "issuer", 8090) for one in everybody}
    assert {edge for edge in through if edge[0] in ours or edge[1] in ours} == wanted


def test_in_a_city_nobody_but_its_service_comes_to_a_database(folders: Folders) -> None:
    found = folders.of("city")
    kafka = {"strimzi.io/cluster": "kafka", "suizhuan/server": "kafka"}
    servers = [Peer("kafka", "suizhuan", kafka, {"tls": 9093})]
    for name, cluster in named(found, "Cluster").items():
        labels = cluster["spec"]["inheritedMetadata"]["labels"]
        servers.append(Peer(name, "suizhuan", labels, {"postgres": 5432, "status": 8000}))
    operators = [Peer("keda", "keda", {"app": "keda-operator"}), Peer("cnpg", "cnpg-system")]
    listener = named(found, "Kafka")["kafka"]["spec"]["kafka"]["listeners"][0]
    ingress = [{"from": listener["networkPolicyPeers"], "ports": [{"port": listener["port"]}]}]
    by_strimzi = {
        "kind": "NetworkPolicy",
        "metadata": {"namespace": "suizhuan"},
        "spec": {"podSelector": {"matchLabels": kafka}, "policyTypes": ["Ingress"], "ingress": ingress},
    }
    through = edges([*found, by_strimzi], [*peers(found), *servers, *operators, *strangers()])
    senders = {edge for edge in through if edge[0] not in {server.name for server in servers}}
    about_us = {
        edge for edge in senders if edge[0] not in OUTSIDE or edge[1] not in {"dns", "hub", "inside", "stranger"}
    }
    wanted = as_the_topology_says(("kafka", 9093), ("redis", 6379))
    wanted |= {(f"{name}-{process}", f"{name}-db", 5432) for name in SERVICES for process in PROCESSES}
    wanted |= {("keda", "kafka", 9093), *(("cnpg", f"{name}-db", 8000) for name in SERVICES)}
    wanted |= {(one.name, f"{GATEWAY}-api", 8080) for one in operators}
    names = {one.name for one in (*peers(found), *servers)}
    assert {edge for edge in about_us if edge[0] in names or edge[1] in names} == wanted
