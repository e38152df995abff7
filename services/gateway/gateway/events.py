"""What the gateway publishes: only that its replica of the grants joins and acknowledges."""

from suizhuan.authority.replica import ReplicaAcknowledged, ReplicaJoined
from suizhuan.events import EventRegistry
from suizhuan.repair import DeadLetterResolved

EVENTS = EventRegistry("gateway")

REPLICA = EVENTS.topic("gateway.replica")
EVENTS.register(REPLICA, ReplicaJoined, "replica.joined")
EVENTS.register(REPLICA, ReplicaAcknowledged, "replica.acknowledged")

EVENTS.register(EVENTS.topic("gateway.deadletter", partitions=1), DeadLetterResolved, "deadletter.resolved")
