"""`python -m deploy.city`: what the operators of a city are told, from the topology: k8s/city/generated.

Topics and users for Strimzi, a database for each service for CloudNativePG, and for KEDA what scales the workers.
`tests/contract/test_k8s.py` fails when the folder is not what this writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from deploy.access import Rule, rules
from deploy.topology import EVERY, HUB_TOPICS, HUBS, TOPICS, Topic
from suizhuan.adapters.kafka_log import topic_configs
from suizhuan.ports.log import TopicSpec

Manifest = dict[str, Any]
FOLDER = Path(__file__).parents[1] / "k8s" / "city" / "generated"
HEAD = "# Written by `python -m deploy.city`.\n"
KAFKA = {"strimzi.io/cluster": "kafka"}
BROKERS, BOOTSTRAP = 3, "kafka-kafka-bootstrap:9093"
INSTANCES, VOLUME = 3, "50Gi"
LAG = 1000  # events that wait, for each worker
WORKERS = (2, 3)  # no more than a topic has partitions


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def files() -> dict[str, str]:
    """Every file of the folder."""
    made = {
        "topics.yaml": [_topic(topic) for topic in (*TOPICS, *HUB_TOPICS)],
        "users.yaml": list(_users()),
        "databases.yaml": [one for spec in EVERY for one in _database(spec.name)],
        "scaling.yaml": [one for spec in EVERY for one in _scaling(spec.name)],
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(made),
    }
    every = {**made, "kustomization.yaml": [kustomization]}
    return {
        name: HEAD + yaml.safe_dump_all(manifests, sort_keys=False, default_flow_style=None, width=120)
        for name, manifests in every.items()
    }


def _topic(topic: Topic) -> Manifest:
    spec = TopicSpec(topic.name, topic.partitions, topic.compacted, topic.min_compaction_lag_s)
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": topic.name, "labels": KAFKA},
        "spec": {
            "partitions": topic.partitions,
            "replicas": BROKERS,
            "config": {**topic_configs(spec), "min.insync.replicas": "2"},
        },
    }


def _users() -> Iterator[Manifest]:
    for login, allowed in groupby(rules(), key=lambda rule: rule.login):
        secret = {"name": "hubs", "key": login} if login in HUBS else {"name": login, "key": "kafka_password"}
        yield {
            "apiVersion": "kafka.strimzi.io/v1",
            "kind": "KafkaUser",
            "metadata": {"name": login, "labels": KAFKA},
            "spec": {
                "authentication": {"type": "scram-sha-512", "password": {"valueFrom": {"secretKeyRef": secret}}},
                "authorization": {"type": "simple", "acls": [_acl(rule) for rule in allowed]},
            },
        }


def _acl(rule: Rule) -> Manifest:
    pattern = "prefix" if rule.prefixed else "literal"
    return {
        "resource": {"type": rule.kind, "name": rule.name, "patternType": pattern},
        "operations": [rule.operation.capitalize(), "Describe"],
    }


def _database(service: str) -> Iterator[Manifest]:
    """Its own cluster of three; what is acknowledged is on two of them. Nobody but its service comes to it."""
    name = f"{service}-db"
    yield {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": name},
        "spec": {
            "instances": INSTANCES,
            "imageCatalogRef": {
                "apiGroup": "postgresql.cnpg.io",
                "kind": "ClusterImageCatalog",
                "name": "postgresql",
                "major": 15,
            },
            "inheritedMetadata": {"labels": {"suizhuan/server": "postgres", "suizhuan/of": service}},
            "bootstrap": {"initdb": {"database": service, "owner": service, "secret": {"name": name}}},
            "postgresql": {
                "parameters": {"max_connections": "400"},
                "synchronous": {"method": "any", "number": 1},
            },
            "storage": {"size": VOLUME},
            "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "4Gi"}},
        },
    }
    yield {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": {"suizhuan/of": service}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": service}}}],
                    "ports": [{"port": 5432}],
                },
                {
                    "from": [{"podSelector": {"matchLabels": {"suizhuan/of": service}}}],
                    "ports": [{"port": 5432}, {"port": 8000}],
                },
            ],
        },
    }


def _scaling(service: str) -> Iterator[Manifest]:
    """More workers while events wait for them, read from Kafka with the service's own login."""
    name = f"{service}-worker"
    least, most = WORKERS
    yield {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"name": name},
            "minReplicaCount": least,
            "maxReplicaCount": most,
            "triggers": [
                {
                    "type": "kafka",
                    "metadata": {
                        "bootstrapServers": BOOTSTRAP,
                        "consumerGroup": service,
                        "lagThreshold": str(LAG),
                        "offsetResetPolicy": "earliest",
                        "sasl": "scram_sha512",
                        "tls": "enable",
                    },
                    "authenticationRef": {"name": name},
                }
            ],
        },
    }
    yield {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": {"name": name},
        "spec": {
            "secretTargetRef": [
                {"parameter": "username", "name": f"{service}-db", "key": "username"},
                {"parameter": "password", "name": service, "key": "kafka_password"},
                {"parameter": "ca", "name": "kafka-cluster-ca-cert", "key": "ca.crt"},
            ]
        },
    }


if __name__ == "__main__":
    main()
