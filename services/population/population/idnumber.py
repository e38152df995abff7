"""Resident ID numbers (GB 11643), checked by python-stdnum; and the keyed hash by which one is found again."""

from __future__ import annotations

import hmac
import re
from datetime import date
from functools import lru_cache

from stdnum import numdb
from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from population.domain.person import FEMALE, MALE, Identified

_DIGITS = re.compile(r"[0-9]{17}[0-9X]")


class BadId(Exception):
    """It is no ID number. `code` says what is wrong with it; the number itself is not repeated."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_id(text: str, today: date) -> Identified:
    """What the number says of its holder. Errors: BadId: `id_length`, `id_format`, `id_checksum`, `id_date`, `id_place`
    (no division ever had that code)."""
    number = text.strip().upper()
    if len(number) != 18:
        raise BadId("id_length")
    if not _DIGITS.fullmatch(number):  # stdnum also takes spaces inside
        raise BadId("id_format")
    if ric.calc_check_digit(number) != number[-1]:
        raise BadId("id_checksum")
    try:
        born: date = ric.get_birth_date(number)
    except ValidationError:
        raise BadId("id_date") from None
    if born > today:
        raise BadId("id_date")
    if not _was_a_division(number[:6]):
        raise BadId("id_place")
    sex = MALE if int(number[16]) % 2 else FEMALE
    return Identified(id_number=number, birth_date=born.isoformat(), sex=sex)


@lru_cache(maxsize=8192)
def _was_a_division(code: str) -> bool:
    """Whether any division ever had this code.

    `ric.validate` wants the division to have had it in the year of birth; but a number is given when somebody is
    registered, which may be many years later, and GB 11643 asks for no more. It also looks each one up anew, which is
    most of what reading a file of people would cost (0.5 ms a row)."""
    return any(known for _, known in numdb.get("cn/loc").info(code)[1:])


def hashed(key: bytes, id_number: str) -> str:
    """Always the same for the same number, and worth nothing to whoever has not got the key."""
    return hmac.new(key, id_number.encode(), "sha256").hexdigest()
