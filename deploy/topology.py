"""The whole platform on one page: every service, topic and consumer group. To add a service: its folder, and its
entry here.

`tests/contract/test_contracts.py` compares it with what the services declare. Ports are those of the local profile; the
embedded profile has one port for all. `SUIZHUAN_WITHOUT=property,volunteers` is the platform of a district that has not
got these departments.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

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
    """A service: what it publishes, and what its groups read. Group `<name>.authority` reads the grants.

    `*.claim` in `listens` is that topic of every service that has one. A service that `is_founded` starts with what the
    founding document says.
    """

    name: str
    zh: str
    port: int
    topics: tuple[Topic, ...]
    listens: tuple[str, ...] = field(default=())
    is_founded: bool = False

    @property
    def heard(self) -> tuple[str, ...]:
        """The topics that `listens` means on this platform."""
        return tuple(name for name in TOPIC_NAMES if any(fnmatchcase(name, wanted) for wanted in self.listens))

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        groups: dict[str, tuple[str, ...]] = {f"{self.name}.authority": (AUTHORITY,)}
        if self.heard:
            groups[self.name] = self.heard
        return groups


def own(name: str, *topics: str) -> tuple[Topic, ...]:
    """The topics of a service: those of its aggregates, and those that every service has."""
    every = (Topic(f"{name}.deadletter", partitions=1), Topic(f"{name}.reconciliation", partitions=1))
    return (*(Topic(f"{name}.{topic}") for topic in topics), Topic(f"{name}.replica"), *every)


EVERY: tuple[ServiceSpec, ...] = (
    ServiceSpec(
        "mandates",
        "权责",
        8101,
        (
            Topic(AUTHORITY, partitions=1, compacted=True, min_compaction_lag_s=2 * 3600),
            *own("mandates", "organisation", "affair", "mandate"),
        ),
        listens=("*.replica", "complaints.switch", "finance.earmark"),
        is_founded=True,
    ),
    ServiceSpec(
        "finance",
        "经费",
        8102,
        own("finance", "tariff", "entry", "earmark", "hold"),
        listens=("complaints.case", "mandates.mandate", "mandates.organisation"),
        is_founded=True,
    ),
    ServiceSpec(
        "complaints",
        "诉求",
        8103,
        own("complaints", "case", "switch"),
        listens=("finance.hold", "finance.tariff", "mandates.affair", "mandates.organisation"),
    ),
    ServiceSpec(
        "population",
        "人口",
        8104,
        own(
            "population",
            "area",
            "building",
            "household",
            "person",
            "correction",
            "import",
            "people",
            "file",
            "permit",
        ),
        listens=("mandates.mandate",),
        is_founded=True,
    ),
    ServiceSpec(
        "gateway",
        "网关",
        8100,
        own("gateway"),
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

GATEWAY = "gateway"
WITHOUT = frozenset(filter(None, os.environ.get("SUIZHUAN_WITHOUT", "").split(",")))
SERVICES = tuple(service for service in EVERY if service.name not in WITHOUT)
BY_NAME = {service.name: service for service in SERVICES}
DEPARTMENTS = tuple(name for name in BY_NAME if name != GATEWAY)
TOPICS = tuple(topic for service in SERVICES for topic in service.topics)
TOPIC_NAMES = tuple(sorted(topic.name for topic in TOPICS))
