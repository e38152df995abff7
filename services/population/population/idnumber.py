"""Resident ID numbers (GB 11643), checked by python-stdnum; and the keyed hash by which one is found again."""

from __future__ import annotations

import hmac
import re
from datetime import date

from stdnum import numdb
from stdnum.cn import ric
from stdnum.exceptions import InvalidChecksum, InvalidComponent, ValidationError

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
    try:
        born: date = ric.get_birth_date(number)
    except ValidationError:
        raise BadId("id_date") from None
    if born > today:
        raise BadId("id_date")
    try:
        ric.validate(number)
    except InvalidChecksum:
        raise BadId("id_checksum") from None
    except InvalidComponent:
        # stdnum wants the division to have had this code in the year of birth. A number is given when somebody is
        # registered, which may be many years later, and GB 11643 asks for no more than a code that there was.
        if not any(known for _, known in numdb.get("cn/loc").info(number[:6])[1:]):
            raise BadId("id_place") from None
    sex = MALE if int(number[16]) % 2 else FEMALE
    return Identified(id_number=number, birth_date=born.isoformat(), sex=sex)


def hashed(key: bytes, id_number: str) -> str:
    """Always the same for the same number, and worth nothing to whoever has not got the key."""
    return hmac.new(key, id_number.encode(), "sha256").hexdigest()
