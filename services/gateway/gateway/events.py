"""What the gateway publishes: only that its replica of the grants joins and acknowledges."""

from suizhuan.authority.replica import ReplicaAcknowledged, ReplicaJoined
from suizhuan.events import EventRegistry
from suizhuan.reconcile import LogReconciled
from suizhuan.repair import DeadLetterResolved

EVENTS = EventRegistry("gateway")

REPLICA = EVENTS.topic("gateway.replica", aggregate=False)
EVENTS.register(REPLICA, ReplicaJoined, "replica.joined")
EVENTS.register(REPLICA, ReplicaAcknowledged, "replica.acknowledged")

DEADLETTER = EVENTS.topic("gateway.deadletter", partitions=1, aggregate=False)
EVENTS.register(DEADLETTER, DeadLetterResolved, "deadletter.resolved")

RECONCILIATION = EVENTS.topic("gateway.reconciliation", partitions=1, aggregate=False)
EVENTS.register(RECONCILIATION, LogReconciled, "log.reconciled")
