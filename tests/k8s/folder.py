"""What a run applies: the folders as they are committed, with secrets made for it, volumes of this host, and images of
its own tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from deploy.docker import passwords
from tests.checkout import check_out

CLAIMS = ("kafka", "postgres")


def copy_folders(root: Path) -> None:
    """The folders of k8s/, and what they take from elsewhere."""
    check_out(root, "k8s", "deploy/docker")


class Folder:
    """A copy that may be changed. `volumes`: where the servers' data lie, on the node."""

    def __init__(self, root: Path, volumes: Path) -> None:
        self.root = root
        self.volumes = volumes
        copy_folders(root)
        self.secrets = root / "k8s" / "district" / "secrets"
        passwords.main(self.secrets)
        for name in CLAIMS:
            (volumes / name).mkdir(parents=True)

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text(encoding="utf-8").strip()

    def overlay(self, name: str, resources: Sequence[str], tags: Mapping[str, str], **more: object) -> Path:
        """A folder of the run: these folders of k8s/, with these tags of our images."""
        folder = self.root / "run" / name
        folder.mkdir(parents=True, exist_ok=True)
        images = [{"name": f"suizhuan/{image}", "newTag": tag} for image, tag in tags.items()]
        kustomization = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [f"../../k8s/{one}" for one in resources],
            "images": images,
            **more,
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization, allow_unicode=True), encoding="utf-8")
        return folder

    def persistent_volumes(self, namespace: str) -> str:
        """One for each claim: the test's cluster has nobody who makes them."""
        return yaml.safe_dump_all(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": f"suizhuan-{name}"},
                "spec": {
                    "capacity": {"storage": "50Gi"},
                    "accessModes": ["ReadWriteOnce"],
                    "claimRef": {"namespace": namespace, "name": f"data-{name}-0"},
                    "local": {"path": str(self.volumes / name)},
                    "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [EVERY_NODE]}]}},
                },
            }
            for name in CLAIMS
        )


EVERY_NODE = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}
