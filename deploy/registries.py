"""What every service declares: its events and what it listens to. For documents and contract tests."""

from __future__ import annotations

import complaints.events
import finance.events
import gateway.events
import mandates.events
from suizhuan.events import EventRegistry

REGISTRIES: dict[str, EventRegistry] = {
    registry.service: registry
    for registry in (
        mandates.events.EVENTS,
        finance.events.EVENTS,
        complaints.events.EVENTS,
        gateway.events.EVENTS,
    )
}
