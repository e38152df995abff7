"""What population does when a time has come. Each handler finds out itself whether it still applies."""

from __future__ import annotations

from collections.abc import Mapping

from population.rules import Rules
from suizhuan.deadlines import DeadlineHandler


def make(rules: Rules) -> Mapping[str, DeadlineHandler]:
    """The handlers by kind."""
    return {}
