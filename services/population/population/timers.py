"""What population does when a time has come. Each handler finds out itself whether it still applies."""

from __future__ import annotations

from collections.abc import Mapping

from population.importing import Imports
from population.rules import Rules
from population.timers_kinds import FORGET, STEP
from suizhuan.deadlines import DeadlineHandler


def make(rules: Rules, imports: Imports) -> Mapping[str, DeadlineHandler]:
    """The handlers by kind."""
    return {STEP: imports.step, FORGET: imports.forget}
