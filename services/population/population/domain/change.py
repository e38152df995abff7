"""What a command makes of an aggregate, and the facts that say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar


class Aggregate(Protocol):
    """Something that is changed as a whole, a version higher for each fact about it."""

    @property
    def version(self) -> int: ...
    @property
    def key(self) -> str: ...
    @property
    def place(self) -> str: ...


A = TypeVar("A", bound=Aggregate)


@dataclass(frozen=True, slots=True)
class Change(Generic[A]):
    """The aggregate as it is now, and its facts in order. No facts: nothing happened."""

    after: A
    facts: tuple[object, ...] = ()


def changed(before: A, *facts: object, **changes: Any) -> Change[A]:
    """The aggregate with these changes, a version higher for each fact."""
    version = before.version + len(facts)
    return Change(replace(before, version=version, **changes), facts)  # type: ignore[type-var]
