"""What the models of data files are made of: codes, money, limits and words, each checked where it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import time
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StringConstraints

from suizhuan.kernel.area import trim
from suizhuan.kernel.fen import MAX_FEN
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.worktime import Limit

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=64)]
Count = Annotated[StrictInt, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]
Fen = Annotated[StrictInt, Field(ge=0, le=MAX_FEN)]


class Model(BaseModel):
    """Frozen, and a field that nobody knows is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _limit(value: object) -> Limit:
    if isinstance(value, Limit):
        return value
    if not isinstance(value, str):
        raise ValueError("a limit is written as a number and a unit: 4 WH, 20 WD, 2 H, 7 D")
    return Limit.parse(value)


def _area(value: object) -> str:
    try:
        trimmed = trim(value if isinstance(value, str) else "")
    except Refusal:
        raise ValueError("a division code is 2, 4, 6, 9, 12 or 15 digits, as text") from None
    if trimmed != value:
        raise ValueError(f"a division code is written trimmed: {trimmed}")
    return trimmed


def _clock(value: object) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str):
        raise ValueError("a time of day is written as HH:MM")
    return time.fromisoformat(value)


LimitText = Annotated[Limit, BeforeValidator(_limit)]
AreaCode = Annotated[str, BeforeValidator(_area)]
TimeOfDay = Annotated[time, BeforeValidator(_clock)]


def twice(values: Iterable[str]) -> list[str]:
    """Those that stand there more than once."""
    return sorted(value for value, count in Counter(values).items() if count > 1)


class Words(Model):
    """The same in Chinese and English."""

    zh: Text
    en: Text
