"""Numbers by which people and firms are known in China, checked by their check characters (domain.md §3)."""

from __future__ import annotations

from stdnum.cn import ric, uscc

from suizhuan.kernel.refusal import Refusal


def identity_number(value: str) -> str:
    """A resident's identity card, GB 11643, without blanks. Errors: `identity_number_invalid`; it does not tell the
    number."""
    compact = ric.compact(value).upper()
    if not ric.is_valid(compact):
        raise Refusal("identity_number_invalid")
    return str(compact)


def credit_code(value: str) -> str:
    """A unified social credit code 统一社会信用代码, without blanks. Errors: `credit_code_invalid`."""
    compact = uscc.compact(value)
    if not uscc.is_valid(compact):
        raise Refusal("credit_code_invalid")
    return str(compact)
