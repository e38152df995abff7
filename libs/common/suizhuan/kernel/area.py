"""Areas are division codes, stored trimmed; A contains B exactly when A's code is a prefix of B's.

Source: GB/T 2260 and the statistical division codes, 2 + 2 + 2 + 3 + 3 digits, and 3 more for a grid.
"""

from __future__ import annotations

from collections.abc import Collection

from suizhuan.kernel.refusal import Refusal

LENGTHS = (2, 4, 6, 9, 12, 15)


def trim(code: str) -> str:
    """The canonical form: 321302002000 -> 321302002. Errors: `area_malformed`."""
    if not code.isascii() or not code.isdigit() or len(code) not in LENGTHS:
        raise Refusal("area_malformed", area=code[:40])
    while len(code) > LENGTHS[0]:
        shorter = LENGTHS[LENGTHS.index(len(code)) - 1]
        if code[shorter:].strip("0"):
            break
        code = code[:shorter]
    if not code.strip("0"):
        raise Refusal("area_malformed", area=code[:40])
    return code


def contains(outer: str, inner: str) -> bool:
    """Whether `inner` lies in `outer` (both trimmed); an area contains itself."""
    return inner.startswith(outer)


def overlap(a: str, b: str) -> bool:
    """Whether two areas share any point: one is a prefix of the other."""
    return a.startswith(b) or b.startswith(a)


def prefixes(code: str) -> list[str]:
    """Every area that contains `code`, itself included, longest first: the order in which routing asks."""
    return [code[:n] for n in reversed(LENGTHS) if n <= len(code)]


def outermost(codes: Collection[str]) -> list[str]:
    """Those of these areas that lie in no other one of them, in order."""
    return [code for code in sorted(codes) if not any(prefix in codes for prefix in prefixes(code)[1:])]
