"""`make test-k8s`: the manifests on a real Kubernetes; 1 when anything was found. MINI_K8S= names the script that makes
one (`up`, `load IMAGE...`, `down`)."""

from __future__ import annotations

import argparse
import logging
import secrets
import sys

from rich.console import Console

from deploy.kustomize import CannotRender
from deploy.local import LOCAL

from .cluster import Cluster, Failed
from .run import Run


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.k8s", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--seconds", type=float, default=60.0, help="how long pods are deleted")
    parser.add_argument("--loaded", action="store_true", help="the images are in the node already")
    parser.add_argument("--keep", action="store_true", help="leave the cluster up")
    given = parser.parse_args(argv)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(highlight=False, soft_wrap=True)
    folder = LOCAL / "k8s" / f"{given.seed}-{secrets.token_hex(3)}"
    console.print(f"SEED={given.seed} · {folder}")
    cluster = None
    try:
        cluster = Cluster.up()
        findings = Run(cluster, folder, console, given.seed, given.seconds).all(loaded=given.loaded)
    except (Failed, CannotRender) as reason:
        Console(stderr=True, soft_wrap=True).print(str(reason), style="red", highlight=False, markup=False)
        return 1
    finally:
        if cluster is not None and not given.keep:
            cluster.down()
    console.print(f"{len(findings)} findings", style="red" if findings else "green")
    return int(bool(findings))


if __name__ == "__main__":
    sys.exit(main())
