"""Signatures of webhooks after Standard Webhooks 1.0.0 (symmetric, `v1`).

A subscription's secret is derived from the gateway's key, the subscription and the generation of its secret: none of
them stands in a database.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

from suizhuan import keyfile

PREFIX = "whsec_"
LEAST = 32  # bytes of a key


def load_key(given: str | None, file: Path) -> bytes:
    """The gateway's key: the one of the settings, else one of this data folder, made when it is not there.

    Errors: ValueError for a file that holds no key."""
    if given:
        return given.encode()
    found = keyfile.kept(file, lambda: secrets.token_hex(LEAST).encode())
    if len(found) < LEAST:
        raise ValueError(f"not a key: {file}")
    return found


def secret_of(key: bytes, subscription: str, generation: int) -> str:
    """What its receiver verifies with, as Standard Webhooks writes it: `whsec_…`."""
    raw = hmac.new(key, f"webhook:{subscription}:{generation}".encode(), hashlib.sha256).digest()
    return PREFIX + base64.b64encode(raw).decode()


def headers(secret: str, id_: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of one message. `at` is in seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = hmac.new(key, f"{id_}.{at}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }
