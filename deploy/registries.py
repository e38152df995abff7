"""What every service declares: its events and what it listens to. For documents and contract tests."""

from __future__ import annotations

from importlib import import_module

from deploy.topology import BY_NAME, TOPIC_NAMES
from suizhuan.events import EventRegistry
from suizhuan.inbox import Inbound

REGISTRIES: dict[str, EventRegistry] = {name: import_module(f"{name}.events").EVENTS for name in BY_NAME}
INBOUNDS: dict[str, Inbound] = {name: import_module(f"{name}.inbound").declared(TOPIC_NAMES) for name in BY_NAME}
