"""What the checks share: the records read, understood once."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.auditor import cases
from gateway.auditor.authority import Authority
from gateway.auditor.cases import Case
from gateway.auditor.history import History, Horizon
from gateway.auditor.money import Money
from gateway.auditor.rules import Rules


@dataclass(slots=True)
class Trail:
    """History, with its authority, cases and money. `applied` is, by service, the last authority record whose
    effect its events show; of these only what can be judged counts, because then all that came before was read."""

    history: History
    rules: Rules
    horizon: Horizon = field(default_factory=Horizon)
    authority: Authority = field(init=False)
    cases: dict[str, Case] = field(init=False)
    money: Money = field(init=False)
    applied: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.authority = Authority(self.history)
        self.cases = cases.rebuild(self.history)
        self.money = Money(self.history)
        self.applied = {}
        for event in self.history.by_id.values():
            if event.authority_offset is not None and self.horizon.judges(*event.place):
                known = self.applied.get(event.source, -1)
                self.applied[event.source] = max(known, event.authority_offset)
