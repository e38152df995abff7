"""Which addresses may be passed on. What could be read differently by two programs is refused, never repaired."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from suizhuan.kernel.refusal import Refusal

# A service's own operations: asked by whoever runs it, not through the gateway.
CLOSED = frozenset({"metrics", "health"})
_ALLOWED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=:@/")


def upstream_path(service: str, raw_path: bytes, prefix: str = "") -> bytes:
    """The path to ask of `service` for the raw path that was asked of us. `prefix` is our own root path.

    Errors: `path_refused`, `not_passed_on`.
    """
    raw = raw_path.split(b"?", 1)[0]
    if prefix and raw.startswith(prefix.encode() + b"/"):
        raw = raw[len(prefix.encode()) :]
    head = b"/" + service.encode()
    if raw == head:
        return b"/"
    if not raw.startswith(head + b"/"):
        raise Refusal("path_refused")
    rest = raw[len(head) :]
    if not _ALLOWED.issuperset(rest) or len(rest) > 4000:
        raise Refusal("path_refused")
    segments = rest[1:].split(b"/")
    for index, segment in enumerate(segments):
        _check(segment, last=index == len(segments) - 1)
    names = [unquote_to_bytes(segment).decode("utf-8", "replace").lower() for segment in segments]
    # A service that knows its own prefix strips it once more where it was not meant to.
    while len(names) > 1 and names[0] == service:
        names.pop(0)
    if names[0] in CLOSED:
        raise Refusal("not_passed_on", service=service)
    return rest


def _check(segment: bytes, *, last: bool) -> None:
    plain = unquote_to_bytes(segment)
    if not plain and not last:
        raise Refusal("path_refused")
    # Decoded as often as anything behind us might decode it.
    for _ in range(4):
        if plain in (b".", b"..") or any(c in b"/\\%" or c < 0x20 or c == 0x7F for c in plain.replace(b"%", b"")):
            raise Refusal("path_refused")
        again = unquote_to_bytes(plain)
        if again == plain:
            break
        plain = again
    else:
        raise Refusal("path_refused")
    # A segment is judged by its name without the parameters that some programs cut off.
    if plain.split(b";", 1)[0] in (b".", b".."):
        raise Refusal("path_refused")
