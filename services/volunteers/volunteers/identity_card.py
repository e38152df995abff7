"""A resident's identity number (GB 11643), checked by `stdnum`; nothing of it is ever repeated in a refusal."""

from __future__ import annotations

from datetime import date

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from suizhuan.kernel.refusal import Refusal


def checked(number: str) -> tuple[str, date]:
    """(the number as it is written, the birth date that it carries). Errors: `id_number_wrong`."""
    try:
        written: str = ric.validate(number)
        born: date = ric.get_birth_date(written)
    except ValidationError:
        raise Refusal("id_number_wrong") from None
    return written, born
