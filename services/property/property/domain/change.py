"""What a command comes to: the aggregate as it is afterwards, and the facts that brought it there.

Every aggregate has one function that says what a fact does to it. Commands use it, and so does whoever takes over after
a restore what the log knows further: state is nothing but what the facts say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar


class Aggregate(Protocol):
    """A frozen dataclass; `version` counts its facts."""

    @property
    def id(self) -> str: ...
    @property
    def area(self) -> str: ...
    @property
    def version(self) -> int: ...


T = TypeVar("T", bound=Aggregate)
Step = Callable[
    [Any, Any, datetime], T
]  # (before or None, fact, when) -> after; ValueError for a fact it does not know


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """`state` after `facts`, the oldest first."""

    state: T
    facts: tuple[object, ...]

    @property
    def read(self) -> int:
        """The version that was decided upon."""
        return self.state.version - len(self.facts)


def by(step: Step[T], before: T | None, now: datetime, *facts: object) -> Change[T]:
    """The change that these facts make."""
    state = before
    for fact in facts:
        state = step(state, fact, now)
    if state is None:
        raise ValueError("no fact and no state")
    return Change(state, facts)


def unknown(fact: object) -> ValueError:
    """A fact of another aggregate, or one of a thing that is not there."""
    return ValueError(f"{type(fact).__name__} does not happen here")
