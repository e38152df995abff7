"""One run, step by step: each is what the runbook says, or what it promises."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from deploy.containers import IMAGES
from deploy.topology import BY_NAME
from tests.checkout import ROOT
from tests.faults.findings import Finding
from tests.reaching import reached

from .city import check_city
from .cluster import Cluster, Failed, Json
from .drill import Drill
from .folder import Folder

NAMESPACE = "suizhuan"
OURS = (*BY_NAME, "tools")
TAG = os.environ.get("SUIZHUAN_VERSION", "latest")
NEXT = "next"  # the same program under another tag: what is rolled is the pods
MOVED = "complaints"


class Run:
    """Errors: Failed."""

    def __init__(self, cluster: Cluster, folder: Path, console: Console, seed: int, seconds: float) -> None:
        self.cluster, self.console, self.seed, self.seconds = cluster, console, seed, seconds
        self.path = folder
        self.folder = Folder(folder, folder / "volumes")
        self.tags = dict.fromkeys(OURS, TAG)
        self.begun = time.monotonic()

    def all(self, *, loaded: bool = False) -> list[Finding]:
        if not loaded:
            self.images()
        self.district()
        findings = self.drill()
        self.tour()
        self.undo()
        self.tour()
        self.department()
        self.tour()
        self.say(check_city(self.cluster, self.folder))
        return findings

    def say(self, words: str) -> None:
        self.console.print(f"{time.monotonic() - self.begun:6.0f} s  {words}", markup=False)

    def images(self) -> None:
        """Those of the local docker, into the node."""
        _docker("tag", f"suizhuan/complaints:{TAG}", f"suizhuan/complaints:{NEXT}")
        self.say("images are loaded / 载入镜像")
        ours = [f"suizhuan/{name}:{TAG}" for name in OURS]
        self.cluster.load([*IMAGES.values(), *ours, f"suizhuan/complaints:{NEXT}"])

    def district(self) -> None:
        """The demonstration's district comes up, every pod ready."""
        self.cluster.kubectl("apply", "-f", "-", stdin=self.folder.persistent_volumes(NAMESPACE))
        self.apply()
        self.cluster.rolled_out(NAMESPACE)
        pods = self.cluster.get("pods", NAMESPACE)
        ready = [p for p in pods if any(c["type"] == "Ready" and c["status"] == "True" for c in conditions(p))]
        jobs = [p for p in pods if p["status"]["phase"] == "Succeeded"]
        if len(ready) + len(jobs) != len(pods):
            raise Failed(f"{len(pods) - len(ready) - len(jobs)} pods are not ready")
        self.say(f"the district is up: {len(ready)} pods ready / 区级部署就绪")

    def apply(self, service: str = "") -> None:
        """The demonstration's district, or what of it is one service's."""
        chosen = ("-l", f"app.kubernetes.io/name={service}") if service else ()
        self.cluster.kubectl("apply", "-k", str(self.folder.overlay("district", ["demo"], self.tags)), *chosen)

    def drill(self) -> list[Finding]:
        with ExitStack() as stack:
            base, issuer = stack.enter_context(self.doors())
            postgres = stack.enter_context(self.cluster.forwarded(NAMESPACE, "service/postgres", 5432))
            kafka = stack.enter_context(self.cluster.forwarded(NAMESPACE, "service/kafka", 9092))
            broker = f"kafka.{NAMESPACE}.svc"
            stack.enter_context(reached({(broker, 9092): ("127.0.0.1", kafka)}))
            databases = {name: self.database(name, f"127.0.0.1:{postgres}") for name in BY_NAME}
            drill = Drill(
                self.cluster,
                NAMESPACE,
                databases=databases,
                kafka=f"{broker}:9092",
                password=self.folder.secret("kafka_admin"),
                say=self.say,
            )
            running = drill.run(base, issuer, self.path, self.roll, seed=self.seed, seconds=self.seconds)
            findings = asyncio.run(running)
        self.say(f"the checker: {len(findings)} findings / 核对：{len(findings)} 处不符")
        for finding in findings:
            self.say(f"  {finding}")
        return findings

    async def roll(self) -> None:
        """Complaints gets its next version, as the runbook says."""
        self.tags["complaints"] = NEXT
        job = ("job", "complaints-migrate", "-n", NAMESPACE, "--ignore-not-found")
        await asyncio.to_thread(self.cluster.kubectl, "delete", *job)
        await asyncio.to_thread(self.apply, "complaints")
        await asyncio.to_thread(self.cluster.rolled_out, NAMESPACE, "app.kubernetes.io/name=complaints")

    def undo(self) -> None:
        """Complaints goes back to the version before, as the runbook says."""
        for role in ("api", "worker"):
            self.cluster.kubectl("rollout", "undo", f"deployment/{MOVED}-{role}", "-n", NAMESPACE)
        self.cluster.rolled_out(NAMESPACE, f"app.kubernetes.io/name={MOVED}")
        running = {c["image"].rpartition(":")[2] for p in self.pods(MOVED) for c in p["spec"]["containers"]}
        if running != {TAG}:
            raise Failed(f"complaints runs as {sorted(running)} after it was undone")
        self.say("complaints is back at the version before / complaints 已退回上一版本")

    def pods(self, service: str) -> list[Json]:
        """Of its deployments, those that stay."""
        found = self.cluster.get("pods", NAMESPACE, f"app.kubernetes.io/name={service}")
        return [p for p in found if p["status"]["phase"] == "Running" and "deletionTimestamp" not in p["metadata"]]

    def tour(self) -> None:
        with self.doors() as (base, issuer):
            env = {**os.environ, "BASE": base, "ISSUER": issuer, "LANG": "en"}
            done = subprocess.run(
                [sys.executable, "-m", "deploy.tour"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
            )
        if done.returncode:
            raise Failed(f"the tour: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        self.say(f"the tour: {done.stdout.strip().splitlines()[-1]}")

    def department(self) -> None:
        """Complaints moves to a namespace of its own: first it is there too, then the gateway asks it there, then it
        is gone from the district."""
        secrets = self.folder.root / "k8s" / "department" / "secrets"
        (secrets / "kafka_password").write_text(self.folder.secret("kafka_complaints"), encoding="utf-8")
        (secrets / "database_url").write_text(self.database(MOVED, f"postgres.{NAMESPACE}.svc"), encoding="utf-8")
        redis = self.folder.secret("redis_url").replace("@redis:", f"@redis.{NAMESPACE}.svc:")
        (secrets / "redis_url").write_text(redis, encoding="utf-8")
        demo = self.folder.root / "k8s" / "demo" / "platform.yaml"
        here = demo.read_text(encoding="utf-8").replace("http://issuer:", f"http://issuer.{NAMESPACE}.svc:")
        target = {"kind": "ConfigMap", "labelSelector": "suizhuan/settings=platform"}
        patches = [{"target": target, "patch": here}]
        folder = self.folder.overlay("department", ["department"], {MOVED: NEXT}, patches=patches)
        self.cluster.kubectl("apply", "-k", str(self.folder.root / "k8s" / "department" / "host"))
        self.cluster.kubectl("apply", "-k", str(folder))
        self.cluster.rolled_out(MOVED)
        self.say("complaints is up in a namespace of its own / 诉求服务在独立命名空间就绪")
        district = self.folder.root / "k8s" / "district" / "kustomization.yaml"
        _edit(district, "  - ../services/complaints\n", "")
        upstreams = self.folder.root / "k8s" / "services" / "gateway" / "upstreams.env"
        _edit(upstreams, "http://complaints-api:", f"http://complaints-api.{MOVED}.svc:")
        self.apply("gateway")
        self.cluster.rolled_out(NAMESPACE, "app.kubernetes.io/name=gateway")
        kinds = "deployment,service,job,poddisruptionbudget,networkpolicy,serviceaccount,configmap"
        self.cluster.kubectl("delete", kinds, "-n", NAMESPACE, "-l", f"app.kubernetes.io/name={MOVED}")

    def database(self, service: str, host: str) -> str:
        """The URL of a service's database at another host."""
        url = urlsplit(self.folder.secret(f"database_url_{service}"))
        return url._replace(netloc=f"{url.username}:{url.password}@{host}").geturl()

    @contextmanager
    def doors(self) -> Iterator[tuple[str, str]]:
        """The gateway and the issuer, as this host reaches them."""
        with (
            self.cluster.forwarded(NAMESPACE, "service/gateway-api", 8080) as gateway,
            self.cluster.forwarded(NAMESPACE, "service/issuer", 8090) as issuer,
        ):
            yield f"http://127.0.0.1:{gateway}", f"http://127.0.0.1:{issuer}"


def conditions(pod: Json) -> list[Json]:
    found: list[Json] = pod["status"].get("conditions", [])
    return found


def _docker(*arguments: str) -> None:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"docker {' '.join(arguments)}: {done.stderr.strip()} (docker compose build / 先构建镜像)")


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise Failed(f"{file.name} has {old!r} {text.count(old)} times")
    file.write_text(text.replace(old, new), encoding="utf-8")
