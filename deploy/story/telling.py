"""How the story is told, and how it says that something did not come out as told."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from deploy.story.client import ProblemAnswer, Seen


class Words(NamedTuple):
    """The same in Chinese and English."""

    zh: str
    en: str


class Teller(Protocol):
    """Somebody who listens to the story as it happens."""

    def chapter(self, number: int, title: Words) -> None:
        """A new part begins."""

    async def say(self, words: Words, outcome: Seen | ProblemAnswer | None = None) -> None:
        """Something has been done and checked; `outcome` is the event that it caused, or the refusal."""


class Silent:
    """Tells nothing; for tests."""

    def chapter(self, number: int, title: Words) -> None:
        del number, title

    async def say(self, words: Words, outcome: Seen | ProblemAnswer | None = None) -> None:
        del words, outcome


class NotAsTold(AssertionError):
    """A step did not come out as the story says."""


def same(what: str, found: object, expected: object) -> None:
    """Errors: NotAsTold when they differ."""
    if found != expected:
        raise NotAsTold(f"{what}: {found!r}, expected {expected!r}")


def true(what: str, holds: bool) -> None:
    """Errors: NotAsTold when it does not hold."""
    if not holds:
        raise NotAsTold(what)


def yuan(amount_fen: int) -> str:
    """Fen as yuan, for people."""
    sign, whole = ("-" if amount_fen < 0 else ""), abs(amount_fen)
    return f"{sign}{whole // 100:,}.{whole % 100:02d}"
