"""What network policies let through: as Kubernetes has it, an edge needs the sender's leave and the receiver's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

Manifest = dict[str, Any]
Edge = tuple[str, str, int]
NAMESPACE_NAME = "kubernetes.io/metadata.name"
TEMPLATED = ("Deployment", "StatefulSet", "Job")


@dataclass(frozen=True, slots=True)
class Peer:
    """A pod, or with `ip` somebody outside. `ports`: what it listens on, by name."""

    name: str
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    ip: str = ""


def peers(manifests: Iterable[Manifest]) -> Iterator[Peer]:
    """One for each workload."""
    for one in manifests:
        if one["kind"] in TEMPLATED:
            template = one["spec"]["template"]
            containers = template["spec"]["containers"]
            ports = {port["name"]: port["containerPort"] for c in containers for port in c.get("ports", ())}
            yield Peer(one["metadata"]["name"], one["metadata"]["namespace"], template["metadata"]["labels"], ports)


def edges(manifests: Sequence[Manifest], everybody: Sequence[Peer]) -> set[Edge]:
    """Sender, receiver and port of all that gets through."""
    policies = [one for one in manifests if one["kind"] == "NetworkPolicy"]
    return {
        (a.name, b.name, port)
        for a in everybody
        for b in everybody
        for port in b.ports.values()
        if a is not b and _lets(policies, "Egress", a, b, port, b) and _lets(policies, "Ingress", b, a, port, b)
    }


def _lets(policies: list[Manifest], way: str, mine: Peer, other: Peer, port: int, receiver: Peer) -> bool:
    """Whether the policies of `mine` let `other` through; where none selects it, everybody is."""
    about = [
        p["spec"]
        for p in policies
        if not mine.ip
        and p["metadata"]["namespace"] == mine.namespace
        and way in p["spec"]["policyTypes"]
        and _selects(p["spec"]["podSelector"], mine.labels)
    ]
    who = {"Egress": "to", "Ingress": "from"}[way]
    rules = [rule for spec in about for rule in spec.get(way.lower(), ())]
    return not about or any(
        _is_port(rule, port, receiver) and (who not in rule or any(_is(peer, other, mine) for peer in rule[who]))
        for rule in rules
    )


def _is_port(rule: Manifest, port: int, receiver: Peer) -> bool:
    return "ports" not in rule or any(receiver.ports.get(p["port"], p["port"]) == port for p in rule["ports"])


def _is(wanted: Manifest, other: Peer, mine: Peer) -> bool:
    if "ipBlock" in wanted:
        block = wanted["ipBlock"]
        address = ip_address(other.ip or "10.0.0.1")  # pods have addresses inside
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(x) for x in block.get("except", ())
        )
    if other.ip:
        return False
    if "namespaceSelector" in wanted:
        place = _selects(wanted["namespaceSelector"], {NAMESPACE_NAME: other.namespace})
    else:
        place = other.namespace == mine.namespace
    return place and _selects(wanted.get("podSelector", {}), other.labels)


def _selects(selector: Manifest, labels: dict[str, str]) -> bool:
    if not all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for wanted in selector.get("matchExpressions", ()):
        if wanted["operator"] != "In":
            raise NotImplementedError(wanted)
        if labels.get(wanted["key"]) not in wanted["values"]:
            return False
    return True
