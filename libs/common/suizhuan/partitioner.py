"""murmur2, as the Java client computes it, so that every client puts a key into the same partition."""

from __future__ import annotations

import struct
from functools import lru_cache

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


@lru_cache(maxsize=64)
def _words(count: int) -> struct.Struct:
    return struct.Struct(f"<{count}I")


def murmur2(data: bytes) -> int:
    """The 32-bit murmur2 of `data` with Kafka's seed, unsigned.

    Source: MurmurHash2 by Austin Appleby, with the seed 0x9747b28c that Apache Kafka uses.
    """
    length = len(data)
    h = (0x9747B28C ^ length) & _MASK
    whole = length & ~3
    for word in _words(whole >> 2).unpack_from(data):
        k = (word * _M) & _MASK
        k ^= k >> 24
        k = (k * _M) & _MASK
        h = ((h * _M) & _MASK) ^ k
    rest = data[whole:]
    if rest:
        h ^= int.from_bytes(rest, "little")
        h = (h * _M) & _MASK
    h ^= h >> 13
    h = (h * _M) & _MASK
    return h ^ (h >> 15)


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of `key` among `partitions`, equal to the Java client's default for keyed records."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
