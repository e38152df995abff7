"""Renders the folders of `k8s/`: with kubectl where it is, else with kustomize itself, got by Go."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

VERSION = "v5.7.1"
BIN = Path(__file__).parents[1] / ".local" / "bin"

Manifest = dict[str, Any]


class CannotRender(Exception):
    """Nothing here can render, or the folder is wrong; says what."""


def render(folder: Path) -> list[Manifest]:
    """The manifests of a folder, in kustomize's order. Errors: CannotRender."""
    return [one for one in yaml.safe_load_all(rendered(folder)) if one]


def rendered(folder: Path) -> str:
    """The same as YAML. Errors: CannotRender."""
    done = subprocess.run([*_program(), str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRender(f"{folder}: {done.stderr.strip()}")
    return done.stdout


@cache
def _program() -> tuple[str, ...]:
    if kubectl := shutil.which("kubectl"):
        return (kubectl, "kustomize")
    if kustomize := shutil.which("kustomize", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"):
        return (kustomize, "build")
    go = shutil.which("go")
    if go is None:
        raise CannotRender("needs kubectl, kustomize or Go / 需要 kubectl、kustomize 或 Go")
    install = [go, "install", f"sigs.k8s.io/kustomize/kustomize/v5@{VERSION}"]
    done = subprocess.run(install, env={**os.environ, "GOBIN": str(BIN)}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRender(f"{' '.join(install)}: {done.stderr.strip()[-500:]}")
    return (str(BIN / "kustomize"), "build")
