"""Opaque cursors: where the last item seen stands."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from suizhuan.kernel.refusal import Refusal

T = TypeVar("T")

PATTERN = {"pattern": "^[A-Za-z0-9_-]*$"}
Cursor = Annotated[
    str,
    Query(max_length=400, description="上一页的 next / `next` of the page before", json_schema_extra=dict(PATTERN)),
]
Limit = Annotated[int, Query(ge=1, le=200, description="每页条数 / items per page")]


def encode(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).rstrip(b"=").decode()


def decode(cursor: str) -> str:
    """Errors: `cursor_malformed`."""
    if not cursor:
        return ""
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise Refusal("cursor_malformed") from None
    if not place or not place.isprintable() or encode(place) != cursor:
        raise Refusal("cursor_malformed")
    return place


def cut(found: Sequence[T], limit: int, place: Callable[[T], str]) -> tuple[list[T], str | None]:
    """Of `limit + 1` items asked for: the page, and the cursor of the next if there is one."""
    page = list(found[:limit])
    return page, encode(place(page[-1])) if len(found) > limit else None
