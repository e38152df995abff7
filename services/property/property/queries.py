"""What reads have in common: their parameters, and how a page is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query, Request

from property.domain.change import Aggregate
from property.rules import Rules
from property.store import Kept
from suizhuan import paging
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.service import Parts

T = TypeVar("T", bound=Aggregate)
AreaQuery = Annotated[str, Query(max_length=40, description="区域（含下级）/ this area and all in it")]
Word = Annotated[str, Query(min_length=1, max_length=200)]


def parts(request: Request) -> Parts:
    found: Parts = request.app.state.parts
    return found


def rules(request: Request) -> Rules:
    found: Rules = request.app.state.rules
    return found


def plain(*words: str | None) -> None:
    """Errors: `invalid_request` for what cannot be a word of ours."""
    if any(word is not None and not word.isprintable() for word in words):
        raise Refusal("invalid_request", reason="not plain text")


def numbered(cursor: str) -> int:
    """The number after which a page begins. Errors: `cursor_malformed`."""
    after = paging.decode(cursor)
    if after and not (after.isascii() and after.isdigit() and len(after) < 16):
        raise Refusal("cursor_malformed")
    return int(after or 0)


async def page(
    request: Request,
    kept: Kept[T],
    out: Callable[[T], Any],
    *,
    cursor: str,
    limit: int,
    area: str | None = None,
    **equal: str | None,
) -> tuple[list[Any], str | None]:
    """(answers, the cursor of what follows), the newest first, of those in `area` with these values."""
    before = paging.decode(cursor)
    plain(*equal.values())
    within = trim(area) if area is not None else None
    async with parts(request).database.read() as conn:
        found: Sequence[T] = await kept.page(conn, before=before, limit=limit + 1, area=within, **equal)
    shown, following = paging.cut(found, limit, lambda one: one.id)
    return [out(one) for one in shown], following
