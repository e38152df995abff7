"""Prometheus and promtool from Debian's package, unpacked and not installed: so no service of the system is started."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import yaml

from deploy.local.packages import LOCAL, Unavailable, last_words
from deploy.local.process import HOST, Server, free_ports

CONFIG = Path(__file__).parents[1] / "prometheus" / "prometheus.yml"
PACKAGE = "prometheus"
UNPACKED = LOCAL / PACKAGE


def program(name: str) -> str:
    """`prometheus` or `promtool`: that of the system, else of Debian's package. Errors: Unavailable."""
    if found := shutil.which(name):
        return found
    wanted = UNPACKED / "usr" / "bin" / name
    if not wanted.exists():
        _unpack()
    return str(wanted)


def _unpack() -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise Unavailable("Prometheus: not found, and no apt-get to get it with / 未找到，且无 apt-get 可获取")
    print("getting Prometheus / 正在获取 Prometheus", flush=True)
    UNPACKED.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=UNPACKED.parent) as folder:
        if _apt(folder, "download", PACKAGE):
            # There may be no lists yet, or those of an older version.
            _apt(folder, "-o", "DPkg::Lock::Timeout=300", "update")
            if reason := _apt(folder, "download", PACKAGE):
                raise Unavailable(f"Prometheus: apt-get download: {reason}")
        (package,) = Path(folder).glob("*.deb")
        unpacked = Path(folder) / "unpacked"
        subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
        try:
            unpacked.rename(UNPACKED)
        except OSError:
            if not UNPACKED.exists():  # else another process was faster
                raise


def _apt(folder: str, *words: str) -> str:
    """Its last words where it failed, else nothing."""
    command = ["apt-get", "-q", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    return last_words(done.stderr or done.stdout) if done.returncode else ""


def config(targets: Mapping[str, Sequence[str]], *, every_s: float) -> dict[str, Any]:
    """That of deploy/prometheus, with targets of another profile: by job `host:port`; rules by their whole path."""
    made: dict[str, Any] = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    made["global"] |= {"scrape_interval": f"{int(every_s * 1000)}ms", "scrape_timeout": f"{int(every_s * 1000)}ms"}
    made["rule_files"] = [str(CONFIG.parent / name) for name in made["rule_files"]]
    made["scrape_configs"] = [
        {**job, "static_configs": [{"targets": list(targets[job["job_name"]])}]}
        for job in made["scrape_configs"]
        if job["job_name"] in targets
    ]
    return made


class Prometheus(Server):
    """One that reads these targets as often as is said, with the rules of deploy/prometheus."""

    name: ClassVar[str] = "prometheus"

    def __init__(self, folder: Path, targets: Mapping[str, Sequence[str]], *, every_s: float = 1.0) -> None:
        super().__init__(folder)
        self.targets, self.every_s = targets, every_s
        (self.port,) = free_ports(1)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def prepare(self) -> list[str]:
        file = self.folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config(self.targets, every_s=self.every_s)), encoding="utf-8")
        given = {
            "config.file": file,
            "storage.tsdb.path": self.folder / "data",
            "web.listen-address": f"{HOST}:{self.port}",
            "web.console.templates": self.folder,
            "web.console.libraries": self.folder,
        }
        return [program("prometheus"), *(f"--{name}={value}" for name, value in given.items())]

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
