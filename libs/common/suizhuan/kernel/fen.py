"""Money as integer fen (分), never as a float."""

from __future__ import annotations

from suizhuan.kernel.refusal import Refusal

MAX_FEN = 10**15  # ten trillion yuan: anything above it is a slip of the keyboard


def fen(value: object) -> int:
    """The value as a positive whole number of fen.

    Errors: `amount_not_fen` for anything but an int (a bool, a float, a string), `amount_not_positive`
    for 0 or less, `amount_too_large` above `MAX_FEN`.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal("amount_not_fen", amount=str(value)[:40])
    if value <= 0:
        raise Refusal("amount_not_positive", amount=value)
    if value > MAX_FEN:
        raise Refusal("amount_too_large", amount=value, limit=MAX_FEN)
    return value


def price_fen(value: object) -> int:
    """Like `fen`, but a price may be zero (authority §4: price zero takes the same way)."""
    if value == 0 and isinstance(value, int) and not isinstance(value, bool):
        return 0
    return fen(value)


def pro_rata(total: int, part: int, whole: int) -> int:
    """`total * part / whole`, rounded down to the fen, in exact integers. `whole` must be above 0."""
    if whole <= 0:
        raise ValueError("whole must be above 0")
    return total * min(max(part, 0), whole) // whole


def yuan(amount: int) -> str:
    """Fen as people read them: 1234567 -> '12,345.67'."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), 100)
    return f"{sign}{whole:,}.{rest:02d}"
