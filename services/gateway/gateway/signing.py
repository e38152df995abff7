"""Signatures of webhooks after Standard Webhooks 1.0.0 (symmetric, `v1`).

A subscription's secret is derived from the gateway's key, the subscription and the generation of its secret: none of
them stands in a database.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

PREFIX = "whsec_"
LEAST = 32  # bytes of a key


def load_key(given: str | None, file: Path) -> bytes:
    """The gateway's key: the one of the settings, else one of this data folder, made when it is not there.

    Errors: ValueError for a file that holds no key."""
    if given:
        return given.encode()
    if not file.exists():
        _make(file)
    found = file.read_bytes()
    if len(found) < LEAST:
        raise ValueError(f"not a key: {file}")
    return found


def _make(file: Path) -> None:
    """Written whole before it is there: nobody signs with the beginning of a key, or with none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    ours = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(ours, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(secrets.token_hex(LEAST).encode())
        with contextlib.suppress(FileExistsError):  # another process of ours was faster
            os.link(ours, file)
    finally:
        ours.unlink(missing_ok=True)


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
