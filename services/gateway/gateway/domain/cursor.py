"""Where a reader of the stream is: the next offset of every partition, as one short text.

Promise: the text is URL-safe and means the same on every instance and after a restart. It is no secret and gives no
right: what its bearer may see is decided for each event anew. A text that was cut or altered is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterable, Mapping

from suizhuan.kernel.refusal import Refusal

Position = tuple[str, int]
Positions = dict[Position, int]

VERSION = 1
CHECK_BYTES = 5
MAX_TEXT = 4096
# The number of a topic stands for it in every cursor ever given out: new ones are added, none is changed.
NUMBERS: dict[str, int] = {
    "mandates.authority": 1,
    "mandates.organisation": 2,
    "mandates.affair": 3,
    "mandates.mandate": 4,
    "finance.tariff": 5,
    "finance.entry": 6,
    "finance.earmark": 7,
    "finance.hold": 8,
    "complaints.case": 9,
    "complaints.switch": 10,
}
TOPICS = tuple(NUMBERS)
# A department's topic has a number made of its name, above those: it needs no entry here.
FIRST_MADE = 1 << 10


def number_of(topic: str) -> int:
    """The number that stands for a topic."""
    return NUMBERS.get(topic) or FIRST_MADE + zlib.crc32(topic.encode())


def encode(positions: Mapping[Position, int]) -> str:
    """The text of these positions. A partition at its beginning is left out."""
    body = bytearray()
    for (topic, partition), offset in sorted(positions.items()):
        if offset > 0:
            for number in (number_of(topic), partition, offset):
                _write(body, number)
    payload = bytes([VERSION]) + bytes(body)
    return base64.urlsafe_b64encode(payload + _check(payload)).rstrip(b"=").decode()


def decode(text: str, topics: Iterable[str] = TOPICS) -> Positions:
    """The positions of a text in `topics`; a partition that is not named starts at its beginning.

    Errors: `cursor_malformed`."""
    names = {number_of(topic): topic for topic in topics}
    payload = _verified(text)
    numbers = _read(payload[1:])
    if len(numbers) % 3:
        raise _bad()
    found: Positions = {}
    for index in range(0, len(numbers), 3):
        number, partition, offset = numbers[index : index + 3]
        if number not in names or (names[number], partition) in found:
            raise _bad()
        found[names[number], partition] = offset
    return found


def _verified(text: str) -> bytes:
    if not text or len(text) > MAX_TEXT or not text.isascii() or not set("+/=").isdisjoint(text):
        raise _bad()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _bad() from None
    payload, check = raw[:-CHECK_BYTES], raw[-CHECK_BYTES:]
    canonical = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    if len(raw) <= CHECK_BYTES or payload[0] != VERSION or check != _check(payload) or canonical != text:
        raise _bad()
    return payload


def _check(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=CHECK_BYTES, person=b"suizhuan-cursor").digest()


def _write(body: bytearray, number: int) -> None:
    while number > 0x7F:
        body.append(0x80 | (number & 0x7F))
        number >>= 7
    body.append(number)


def _read(body: bytes) -> list[int]:
    numbers, value, shift = [], 0, 0
    for byte in body:
        value |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            if shift > 56:
                raise _bad()
            continue
        numbers.append(value)
        value, shift = 0, 0
    if shift:
        raise _bad()
    return numbers


def _bad() -> Refusal:
    return Refusal("cursor_malformed")
