"""The whole platform on one page: every service, topic and consumer group.

Nothing is derived here, so that it can be read; `tests/contract/test_topology.py` compares it with what the services
declare. Ports are those of the local profile; the embedded profile has one port for all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

AUTHORITY = "mandates.authority"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of a service. Everything is kept for ever, but for the beats of a compacted topic."""

    name: str
    partitions: int = 3
    compacted: bool = False
    min_compaction_lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service: what it publishes, and what its groups read. Group `<name>.authority` reads the grants."""

    name: str
    zh: str
    port: int
    topics: tuple[Topic, ...]
    listens: tuple[str, ...] = field(default=())

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        groups: dict[str, tuple[str, ...]] = {f"{self.name}.authority": (AUTHORITY,)}
        if self.listens:
            groups[self.name] = self.listens
        return groups


SERVICES: tuple[ServiceSpec, ...] = (
    ServiceSpec(
        "mandates",
        "权责",
        8101,
        (
            Topic(AUTHORITY, partitions=1, compacted=True, min_compaction_lag_s=2 * 3600),
            Topic("mandates.organisation"),
            Topic("mandates.affair"),
            Topic("mandates.mandate"),
            Topic("mandates.replica"),
            Topic("mandates.deadletter", partitions=1),
            Topic("mandates.reconciliation", partitions=1),
        ),
        listens=(
            "complaints.replica",
            "complaints.switch",
            "finance.earmark",
            "finance.replica",
            "gateway.replica",
            "mandates.replica",
        ),
    ),
    ServiceSpec(
        "finance",
        "经费",
        8102,
        (
            Topic("finance.tariff"),
            Topic("finance.entry"),
            Topic("finance.earmark"),
            Topic("finance.hold"),
            Topic("finance.replica"),
            Topic("finance.deadletter", partitions=1),
            Topic("finance.reconciliation", partitions=1),
        ),
        listens=("complaints.case", "mandates.mandate", "mandates.organisation"),
    ),
    ServiceSpec(
        "complaints",
        "诉求",
        8103,
        (
            Topic("complaints.case"),
            Topic("complaints.switch"),
            Topic("complaints.replica"),
            Topic("complaints.deadletter", partitions=1),
            Topic("complaints.reconciliation", partitions=1),
        ),
        listens=("finance.hold", "finance.tariff", "mandates.affair", "mandates.organisation"),
    ),
    ServiceSpec(
        "gateway",
        "网关",
        8100,
        (
            Topic("gateway.replica"),
            Topic("gateway.deadletter", partitions=1),
            Topic("gateway.reconciliation", partitions=1),
        ),
        listens=(
            "complaints.case",
            "finance.earmark",
            "finance.entry",
            "finance.hold",
            "mandates.affair",
            "mandates.mandate",
            "mandates.organisation",
        ),
    ),
)

BY_NAME = {service.name: service for service in SERVICES}
TOPICS = tuple(topic for service in SERVICES for topic in service.topics)
