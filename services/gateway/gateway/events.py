"""What the gateway publishes: only that its replica of the grants joins and acknowledges."""

from suizhuan import platform_events
from suizhuan.events import EventRegistry

EVENTS = EventRegistry("gateway")

platform_events.publish(EVENTS)
