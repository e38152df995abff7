"""Where plants are kept: each spoils a true history in one place, and gives the event that is then wrong."""

from __future__ import annotations

from collections.abc import Callable

from ..story import Story, Written

C, F, M = "complaints.case.", "finance.", "mandates."
Plant = Callable[[Story], Written]
PLANTS: dict[str, Plant] = {}


def plant(code: str) -> Callable[[Plant], Plant]:
    """Keep it under the code of the violation that it plants; a second one of that code under its own name, too."""

    def register(function: Plant) -> Plant:
        name = code if code not in PLANTS else f"{code}:{function.__name__}"
        PLANTS[name] = function
        return function

    return register
