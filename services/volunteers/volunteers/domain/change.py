"""What a command makes of an aggregate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar


class Aggregate(Protocol):
    """What every aggregate has: an id, a version that counts its facts, and a place."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def area(self) -> str: ...


A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True)
class Change(Generic[A]):
    """The new state, and the facts that say so, in order. No facts: nothing happened."""

    state: A
    facts: tuple[object, ...] = ()

    def then(self, other: Change[A]) -> Change[A]:
        """Both, as one."""
        return Change(other.state, (*self.facts, *other.facts))


def after(state: A, /, *facts: object, **changes: Any) -> Change[A]:
    """The aggregate with these changes, a version higher for each fact."""
    made: Any = state
    return Change(replace(made, version=state.version + len(facts), **changes), facts)
