"""What every service says of itself: that its replica of the grants takes part, and what was repaired or reconciled."""

from __future__ import annotations

from suizhuan.authority.replica import ReplicaAcknowledged, ReplicaJoined
from suizhuan.events import EventRegistry
from suizhuan.reconcile import LogReconciled
from suizhuan.repair import DeadLetterResolved


def publish(events: EventRegistry) -> None:
    """Declare the topics `<service>.replica`, `.deadletter` and `.reconciliation`."""
    replica = events.topic(f"{events.service}.replica", aggregate=False)
    events.register(replica, ReplicaJoined, "replica.joined")
    events.register(replica, ReplicaAcknowledged, "replica.acknowledged")
    deadletter = events.topic(f"{events.service}.deadletter", partitions=1, aggregate=False)
    events.register(deadletter, DeadLetterResolved, "deadletter.resolved")
    reconciliation = events.topic(f"{events.service}.reconciliation", partitions=1, aggregate=False)
    events.register(reconciliation, LogReconciled, "log.reconciled")
