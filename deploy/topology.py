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

    `*.bill` in `listens` is that topic of every other service that has one, `!*.bill` leaves it out; what it `looks`
    at beside that, it reads without a group. A service that `is_founded` starts with what the founding document says.
    """

    name: str
    zh: str
    port: int
    topics: tuple[Topic, ...]
    listens: tuple[str, ...] = field(default=())
    looks: tuple[str, ...] = field(default=())
    is_founded: bool = False

    @property
    def heard(self) -> tuple[str, ...]:
        """The topics that `listens` means on this platform."""
        return self._meant(self.listens)

    @property
    def read(self) -> tuple[str, ...]:
        """Every topic that it reads, in a group or without one."""
        return tuple(sorted({AUTHORITY, *self.heard, *self._meant(self.looks)}))

    def _meant(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        mine = {topic.name for topic in self.topics}
        others = {name for name in TOPIC_NAMES if name not in mine and any(fnmatchcase(name, w) for w in wanted)}
        out = [one[1:] for one in wanted if one.startswith("!")]
        without = {name for name in others if any(fnmatchcase(name, w) for w in out)}
        return tuple(sorted((others - without) | (mine & set(wanted))))

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
        listens=("*.replica", "mandates.replica", "complaints.switch", "finance.earmark", "population.rekeying"),
        is_founded=True,
    ),
    ServiceSpec(
        "finance",
        "经费",
        8102,
        own("finance", "tariff", "entry", "earmark", "hold", "bill"),
        listens=("*.bill", "complaints.case", "mandates.mandate", "mandates.organisation"),
        is_founded=True,
    ),
    ServiceSpec(
        "complaints",
        "诉求",
        8103,
        own("complaints", "case", "referral", "switch"),
        listens=("*.referral", "finance.hold", "finance.tariff", "mandates.affair", "mandates.organisation"),
    ),
    ServiceSpec(
        "property",
        "物业",
        8105,
        own(
            "property",
            *("estate", "premise", "lease", "repair", "firm", "contract", "owner", "meeting", "bill", "referral"),
        ),
        listens=("complaints.case", "complaints.referral", "finance.bill", "mandates.organisation"),
        is_founded=True,
    ),
    ServiceSpec(
        "volunteers",
        "志愿",
        8106,
        own("volunteers", "volunteer", "team", "activity", "shift", "course", "pairing", "bill"),
        listens=("finance.bill", "mandates.mandate", "mandates.organisation", "population.file"),
        is_founded=True,
    ),
    ServiceSpec(
        "population",
        "人口",
        8104,
        own(
            "population",
            "area",
            "rekeying",
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
            "*",  # whatever departments say in public
            *("!*.bill", "!*.deadletter", "!*.reconciliation", "!*.referral", "!*.replica"),
            *("!complaints.switch", "!finance.tariff", "!mandates.authority"),
        ),
        looks=("*", "!*.deadletter", "!*.reconciliation"),  # the auditor
    ),
)

GATEWAY = "gateway"
WITHOUT = frozenset(filter(None, os.environ.get("SUIZHUAN_WITHOUT", "").split(",")))
SERVICES = tuple(service for service in EVERY if service.name not in WITHOUT)
BY_NAME = {service.name: service for service in SERVICES}
DEPARTMENTS = tuple(name for name in BY_NAME if name != GATEWAY)
TOPICS = tuple(topic for service in SERVICES for topic in service.topics)
# Hubs that may have a login at Kafka, each with a topic of its own on which the gateway puts what it has subscribed to.
HUBS = ("hub-smart-city", "hub-statistics")
HUB_TOPICS = tuple(Topic(f"hub.{hub}") for hub in HUBS)
TOPIC_NAMES = tuple(sorted(topic.name for topic in TOPICS))
