"""What the gateway publishes: that its replica of the grants takes part, and what was repaired or reconciled here."""

from suizhuan import platform_events
from suizhuan.events import EventRegistry

EVENTS = EventRegistry("gateway")

platform_events.publish(EVENTS)
