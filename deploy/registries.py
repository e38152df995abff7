"""What every service declares: its events and what it listens to. For documents and contract tests."""

from __future__ import annotations

import complaints.events
import complaints.inbound
import finance.events
import finance.inbound
import gateway.events
import gateway.inbound
import mandates.events
import mandates.inbound
from suizhuan.events import EventRegistry
from suizhuan.inbox import Inbound

REGISTRIES: dict[str, EventRegistry] = {
    registry.service: registry
    for registry in (
        mandates.events.EVENTS,
        finance.events.EVENTS,
        complaints.events.EVENTS,
        gateway.events.EVENTS,
    )
}

INBOUNDS: dict[str, Inbound] = {
    "mandates": mandates.inbound.declared(),
    "finance": finance.inbound.declared(),
    "complaints": complaints.inbound.declared(),
    "gateway": gateway.inbound.declared(),
}
