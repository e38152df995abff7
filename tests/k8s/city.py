"""The city's folder, asked of the API server: it takes it to the letter, with the operators' definitions in place."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from deploy.docker import passwords
from deploy.kustomize import render

from . import crds
from .cluster import Cluster
from .folder import Folder

NAMESPACE = "city"


def check_city(cluster: Cluster, folder: Folder) -> str:
    """Nothing but the namespace is made by it. Says what was looked at. Errors: Failed."""
    left_out = _define(cluster, folder.root / "crds")
    passwords.main(folder.root / "k8s" / "city" / "secrets", "{service}-db-rw")
    manifests = render(folder.overlay("city", ["city"], {}, namespace=NAMESPACE))
    (namespace,) = [one for one in manifests if one["kind"] == "Namespace"]
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(namespace))
    asked = [one for one in manifests if not (left_out and "strimzi" in one["apiVersion"])]
    strict = ("--dry-run=server", "--validate=strict", "--warnings-as-errors")
    cluster.kubectl("apply", *strict, "-f", "-", stdin=yaml.safe_dump_all(asked))
    return f"the API server takes {len(asked)} of the city's {len(manifests)} manifests{left_out} / 市级清单通过校验"


def _define(cluster: Cluster, folder: Path) -> str:
    """What could not be had, in words."""
    folders = list(crds.of_modules().values())
    left_out = ""
    try:
        folders.append(crds.of_strimzi(folder))
    except crds.NotToBeHad as reason:
        left_out = f" (not Strimzi's: {reason})"
    for one in folders:
        cluster.kubectl("apply", "--server-side", "-f", str(one))
    cluster.until(lambda: _established(cluster), "the definitions are established", 120)
    return left_out


def _established(cluster: Cluster) -> bool:
    found = json.loads(cluster.kubectl("get", "crd", "-o", "json"))["items"]
    conditions = [one.get("status", {}).get("conditions") or [] for one in found]
    return all(any(c["type"] == "Established" and c["status"] == "True" for c in each) for each in conditions)
