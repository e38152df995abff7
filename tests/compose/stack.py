"""docker-compose.yml as a project of its own, beside whatever else runs on this host, in a checkout of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.process import free_ports
from tests.checkout import check_out
from tests.reaching import reached

VERSION = "tested"
# Whoever has another database, restored or restarted, may have a twin that still acts on the old one: power moves only
# when that one's time is over. That is 15 minutes in the demonstration, and one here.
PROFILE = "extends: demonstration\nauthority: {max_staleness_s: 60}\n"
STAND_IN = "org.standin.of"  # the label of an image that only stands for another


class Failed(AssertionError):
    """A command of Docker's said no."""


class Stack:
    """Its containers, with secrets and ports of its own. `folder` is where somebody has checked it out."""

    def __init__(self, project: str, folder: Path, profile: str = "demo", rules: str = "demonstration") -> None:
        self.project, self.folder = project, folder
        check_out(folder)
        (folder / "libs" / "common" / "suizhuan" / "profiles" / f"{VERSION}.yaml").write_text(PROFILE)
        self.secrets = folder / "deploy" / "docker" / "secrets"
        self.port, self.issuer_port = free_ports(2)
        self.environ = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": project,
            "COMPOSE_PROFILES": profile,
            "SUIZHUAN_PROFILE": rules,
            "SUIZHUAN_VERSION": VERSION,
            "SUIZHUAN_PORT": str(self.port),
            "SUIZHUAN_ISSUER_PORT": str(self.issuer_port),
        }
        if docker("buildx", "version", check=False).returncode:
            self.environ["DOCKER_BUILDKIT"] = "0"  # Docker's older builder
        self.shell("make secrets")

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.issuer_port}"

    def compose(self, *words: str) -> str:
        """`docker compose …`: what it printed. Errors: Failed."""
        return self._ran([*compose_command(), *words], f"docker compose {' '.join(words)}")

    def shell(self, script: str) -> str:
        """What somebody types there, up to the first that fails: what it printed. Errors: Failed."""
        return self._ran(["bash", "-euo", "pipefail", "-c", script], script)

    def _ran(self, command: list[str], told: str) -> str:
        how = {"cwd": self.folder, "env": self.environ, "stdin": subprocess.DEVNULL}
        done = subprocess.run(command, capture_output=True, text=True, check=False, **how)
        if done.returncode:
            raise Failed(f"{told}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout

    def containers(self) -> dict[str, dict[str, Any]]:
        """What Docker knows of each container, by the name of its service."""
        ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.project}").stdout.split()
        found = json.loads(docker("inspect", *ids).stdout) if ids else []
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}

    def address(self, service: str) -> str:
        """Where this host reaches a container that publishes nothing."""
        networks = self.containers()[service]["NetworkSettings"]["Networks"]
        return str(networks[f"{self.project}_inside"]["IPAddress"])

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text(encoding="utf-8").strip()

    def logs(self, service: str) -> str:
        return self.compose("logs", "--no-color", service)

    def kill(self, service: str) -> None:
        """Dead at once, as by a power cut."""
        self.compose("kill", service)

    def start(self, service: str) -> None:
        self.compose("start", service)

    def remove(self) -> None:
        """With all that it keeps."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")


class Broker:
    """The broker of a stack, for who wants to sign in there."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.url = stack, "kafka:9092"
        names = [file.name.removeprefix("kafka_") for file in stack.secrets.glob("kafka_*")]
        self.passwords: Mapping[str, str] = {name: stack.secret(f"kafka_{name}") for name in names}

    @contextmanager
    def named(self) -> Iterator[None]:
        """The broker says that it is `kafka`, which only the stack's own network knows: here it is known too."""
        with reached({("kafka", 9092): (self.stack.address("kafka"), 9092)}):
            yield


def docker(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`docker …`. Errors: Failed when it says no, or is not there."""
    try:
        done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError as missing:
        raise Failed("docker is not installed / 未安装 docker") from missing
    if check and done.returncode:
        raise Failed(f"docker {' '.join(words)}: {done.stderr[-2000:]}")
    return done


def compose_command() -> list[str]:
    """Docker's plug-in, or the program of the same name."""
    if docker("compose", "version", check=False).returncode == 0:
        return ["docker", "compose"]
    if program := shutil.which("docker-compose"):
        return [program]
    raise Failed("docker compose is not installed / 未安装 docker compose")


def stand_ins(*images: str) -> dict[str, bool]:
    """Of each image, whether it only stands for the real one."""
    found = json.loads(docker("image", "inspect", *images).stdout)
    return {image: STAND_IN in (one["Config"]["Labels"] or {}) for image, one in zip(images, found, strict=True)}
