"""The operators' own definitions, as their projects publish them: Go modules, and Strimzi's generator by Maven."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

MODULES = {
    "CloudNativePG": "github.com/cloudnative-pg/cloudnative-pg@v1.28.1",
    "KEDA": "github.com/kedacore/keda/v2@v2.21.0",
}
POM = Path(__file__).with_name("strimzi") / "pom.xml"
JAVA = 21
MODEL = "io.strimzi.api.kafka.model"
KINDS = {
    "kafka": f"{MODEL}.kafka.Kafka",
    "nodepool": f"{MODEL}.nodepool.KafkaNodePool",
    "topic": f"{MODEL}.topic.KafkaTopic",
    "user": f"{MODEL}.user.KafkaUser",
}


class NotToBeHad(Exception):
    """Whose definitions, and why."""


def of_modules() -> dict[str, Path]:
    """Folders of definitions, by operator. Errors: NotToBeHad."""
    return {name: _module(name, module) / "config" / "crd" / "bases" for name, module in MODULES.items()}


def _module(name: str, module: str) -> Path:
    done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotToBeHad(f"{name}: {done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])


def of_strimzi(folder: Path) -> Path:
    """A folder with those of the kinds we use. Errors: NotToBeHad."""
    java = next(_javas(), None)
    if java is None or shutil.which("mvn") is None:
        raise NotToBeHad(f"Strimzi: its generator needs Maven and Java {JAVA}")
    jars, made = folder / "jars", folder / "strimzi"
    made.mkdir(parents=True)
    _strimzi(["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={jars.resolve()}"])
    version = ["--target-kube", "1.16+", "--crd-api-version", "v1", "--api-versions", "v1", "--storage-version", "v1"]
    files = [f"{kind}={made.resolve() / name}.yaml" for name, kind in KINDS.items()]
    _strimzi([java, "-cp", f"{jars}/*", "io.strimzi.crdgenerator.CrdGenerator", *version, "--yaml", *files])
    return made


def _strimzi(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotToBeHad(f"Strimzi: {command[0]}: {(done.stdout + done.stderr)[-500:]}")


def _javas() -> Iterator[str]:
    """Every Java here that is new enough."""
    homes = [Path(home) for home in (os.environ.get("JAVA_HOME"),) if home]
    homes += sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    for java in [*(str(home / "bin" / "java") for home in homes), shutil.which("java") or ""]:
        if java and Path(java).exists():
            said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
            number = said.partition('"')[2].partition(".")[0].partition('"')[0]
            if number.isdigit() and int(number) >= JAVA:
                yield java
