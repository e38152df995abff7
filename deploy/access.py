"""Who may do what on the brokers, from the topology: nobody can forge another department's events.

Every service has a login of its own: with it, it writes its own topics and no other, reads what it has declared, and
takes part in its own groups. A hub's login reads the topic on which the gateway puts what that hub has subscribed to,
in groups whose names begin with that topic's, and writes nothing. The rest is refused by the broker.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from deploy.topology import BY_NAME, GATEWAY, HUBS, SERVICES, ServiceSpec

LOGINS = (*BY_NAME, *HUBS)

Operation = Literal["read", "write"]


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    """`login` may do this with the topic or the group of this name, or, where `prefixed`, with all that begin so.

    Who may read or write may also describe."""

    login: str
    kind: Literal["topic", "group"]
    name: str
    operation: Operation
    prefixed: bool = False


def rules() -> list[Rule]:
    """All that is allowed on this platform."""
    return sorted({*chain.from_iterable(map(_service, SERVICES)), *chain.from_iterable(map(_hub, HUBS))})


def _service(service: ServiceSpec) -> Iterator[Rule]:
    own = {topic.name for topic in service.topics}
    for topic in own:
        yield Rule(service.name, "topic", topic, "write")
    for topic in {*own, *service.read}:
        yield Rule(service.name, "topic", topic, "read")  # its own too: after a restore it reads what it has said
    for group in service.groups:
        yield Rule(service.name, "group", group, "read")
    if service.name == GATEWAY:
        yield Rule(GATEWAY, "topic", "hub.", "write", prefixed=True)


def _hub(hub: str) -> Iterator[Rule]:
    topic = f"hub.{hub}"
    yield Rule(hub, "topic", topic, "read")
    yield Rule(hub, "group", f"{topic}.", "read", prefixed=True)
