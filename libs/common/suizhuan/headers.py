"""Headers of a request as ASGI gives them: a short list, quicker to walk through than to make a mapping of."""

from __future__ import annotations

from starlette.types import Scope


def header(scope: Scope, wanted: bytes) -> str | None:
    """The first header of that name, which must be lower case."""
    for name, value in scope["headers"]:
        if name == wanted:
            return bytes(value).decode("latin-1")
    return None
