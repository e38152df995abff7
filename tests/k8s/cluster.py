"""The Kubernetes of a run: the script that makes one, and kubectl."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]
SCRIPT = "MINI_K8S"
BESIDE = Path(__file__).parents[3] / "shared" / "tools" / "mini-k8s.sh"
FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ")


class Failed(Exception):
    """Something that has to be so is not; says what."""


class Cluster:
    """A cluster that answers, by its kubeconfig. Errors of everything here: Failed."""

    def __init__(self, script: Path, kubeconfig: str) -> None:
        self.script = script
        self.env = {**os.environ, "KUBECONFIG": kubeconfig}

    @classmethod
    def up(cls) -> Cluster:
        script = Path(os.environ.get(SCRIPT) or BESIDE)
        if not script.exists():
            raise Failed(f"no {script}: {SCRIPT}= names the script that makes a Kubernetes / 指明建立集群的脚本")
        return cls(script, _run([str(script), "up"]).strip().splitlines()[-1])

    def down(self) -> None:
        _run([str(self.script), "down"])

    def load(self, images: Iterable[str]) -> None:
        _run([str(self.script), "load", *images])

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 600) -> str:
        return _run(["kubectl", *arguments], env=self.env, stdin=stdin, timeout=timeout)

    def get(self, what: str, namespace: str, selector: str = "") -> list[Json]:
        chosen = ["-l", selector] if selector else []
        found: list[Json] = json.loads(self.kubectl("get", what, "-n", namespace, "-o", "json", *chosen))["items"]
        return found

    def rolled_out(self, namespace: str, selector: str = "", seconds: int = 900) -> None:
        """Every deployment and every server is there as it was asked for, and ready."""
        for kind in ("statefulset", "deployment"):
            for one in self.get(kind, namespace, selector):
                name = f"{kind}/{one['metadata']['name']}"
                self.kubectl("rollout", "status", name, "-n", namespace, f"--timeout={seconds}s", timeout=seconds + 60)

    def until(self, holds: Callable[[], bool], what: str, seconds: float) -> None:
        last = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > last:
                raise Failed(f"never: {what}")
            time.sleep(1)  # between two looks at another program

    @contextmanager
    def forwarded(self, namespace: str, target: str, port: int) -> Iterator[int]:
        """A port of this host for a port in the cluster, as long as its pod lives."""
        command = ["kubectl", "port-forward", "-n", namespace, target, f":{port}"]
        process = subprocess.Popen(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            if (found := FORWARDING.match(said)) is None:
                raise Failed(f"{target}: {said}")
            threading.Thread(target=process.stdout.read, daemon=True).start()  # it says a line for each connection
            yield int(found[1])
        finally:
            process.terminate()
            process.wait()


def _run(
    command: list[str], *, env: dict[str, str] | None = None, stdin: str | None = None, timeout: float = 1800
) -> str:
    try:
        done = subprocess.run(
            command, env=env, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)}: not within {timeout:.0f} s") from None
    if done.returncode:
        raise Failed(f"{' '.join(command)}: {done.stderr.strip()[-2000:]}")
    return done.stdout
