"""What no schema has to think of: bodies too large, and JSON that databases and answers cannot hold.

JSON allows NUL characters, halves of surrogate pairs, numbers of any length, and Python reads NaN besides. A
PostgreSQL text holds no NUL, UTF-8 no half pair, a bigint 64 bits, an answer no NaN. They are refused at the door.
"""

from __future__ import annotations

import json
import math
import re

from starlette.types import Message, Receive, Scope

from suizhuan.kernel.refusal import Refusal

# Only a body in which one of these occurs is looked into; that is nearly none, so the check costs a search.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|[0-9]{19}|[eE]\+?[0-9]{3}|NaN|Infinity")
INT64 = 2**63
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


def check_target(scope: Scope) -> None:
    """Path and query hold no NUL. Errors: `invalid_request`."""
    if "\x00" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise Refusal("invalid_request", reason="a NUL character in the address")


def declared_length(scope: Scope) -> int | None:
    """The body's length as announced, None when it is not, 0 without a body. Errors: `invalid_request`."""
    # Without either header only methods that never carry a body are taken to have none: HTTP/2 announces nothing.
    length = 0 if scope["method"] in _BODILESS else None
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit() or len(value) > 18:
                raise Refusal("invalid_request", reason="Content-Length")
            return int(value)
        if name == b"transfer-encoding":
            length = None
    return length


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None when the caller has gone. Errors: `request_too_large`, as soon as it is."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise Refusal("request_too_large", limit=limit)
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once and then goes on listening."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def check_json(body: bytes) -> None:
    """The body, if it is JSON, can be stored and sent back. Errors: `invalid_request` with what is wrong.

    A body that is not JSON passes: its route says no in its own way.
    """
    if b"\x00" in body:
        # UTF-16 and UTF-32 would be read too, and hide what is searched for here; JSON is UTF-8 (RFC 8259 §8.1).
        raise Refusal("invalid_request", reason="a NUL byte, or JSON that is not UTF-8")
    if _SUSPECT.search(body) is None:
        return
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    stack = [document]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(value.keys())
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        elif (wrong := _wrong(value)) is not None:
            raise Refusal("invalid_request", reason=wrong)


def _wrong(value: object) -> str | None:
    if isinstance(value, str):
        if "\x00" in value:
            return "a NUL character"
        try:
            value.encode()
        except UnicodeEncodeError:
            return "text that is not Unicode"
    elif isinstance(value, bool):
        return None
    elif isinstance(value, int):
        if not -INT64 <= value < INT64:
            return "a number beyond 64 bits"
    elif isinstance(value, float) and not math.isfinite(value):
        return "a number that is not finite"
    return None
