"""Commands and reads passed on to the service they are meant for, with the caller's own token.

The gateway adds no right and takes none away: it holds no power, and each service verifies the token itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlsplit

import httpx
from fastapi import Request
from starlette.responses import Response, StreamingResponse

from gateway.domain.paths import upstream_path
from gateway.upstreams import Upstreams, down
from suizhuan.tracing import current_traceparent

Headers = list[tuple[bytes, bytes]]

# RFC 9110 §7.6.1, and what older programs send beside it.
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding"
    b" upgrade".split()
)
# Who the caller is stands in its token alone; where it came from is not for it to say.
_NOT_ASKED = frozenset(
    b"host content-length cookie expect forwarded x-forwarded-for x-forwarded-host x-forwarded-proto"
    b" x-forwarded-prefix x-real-ip traceparent".split()
)
# Our own edge sets these on every answer.
_NOT_ANSWERED = frozenset(b"traceparent x-request-id server date set-cookie".split())


async def pass_on(request: Request, service: str, upstreams: Upstreams, *, max_answer: int) -> Response:
    """The service's answer, streamed. Errors: `path_refused`, `not_passed_on`, `service_down`."""
    raw = request.scope.get("raw_path") or request.scope["path"].encode()
    raw = raw.split(b"?", 1)[0]  # some servers leave the query in it
    path = upstream_path(service, raw, request.scope.get("root_path", ""))
    query = request.scope.get("query_string", b"")
    client = upstreams.client(service)
    asked = client.build_request(
        request.method,
        client.base_url.copy_with(raw_path=_prefix(client.base_url) + path + (b"?" + query if query else b"")),
        headers=_request_headers(request.scope["headers"]),
        content=await request.body() or None,  # at most `max_body_bytes`, by the edge
    )
    try:
        answer = await client.send(asked, stream=True)
    except (httpx.HTTPError, httpx.StreamError) as error:
        raise down(service, error) from error
    headers = _answer_headers(answer, service, client.base_url, request.scope.get("root_path", ""))
    response = StreamingResponse(_body(answer, max_answer), status_code=answer.status_code)
    response.raw_headers = headers
    return response


async def _body(answer: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes. Too large, or broken off: the connection breaks, so that nobody takes it for whole."""
    size = 0
    try:
        async for part in answer.aiter_raw():
            size += len(part)
            if size > limit:
                raise httpx.StreamError(f"an answer above {limit} bytes")
            yield part
    finally:
        await answer.aclose()


def _request_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    given = list(headers)
    dropped = HOP_BY_HOP | _NOT_ASKED | _named_by_connection(given)
    kept = [(name, value) for name, value in given if name.lower() not in dropped]
    traceparent = current_traceparent()
    if traceparent:
        kept.append((b"traceparent", traceparent.encode()))
    # httpx would otherwise say what *it* accepts.
    present = {name.lower() for name, _ in kept}
    defaults = ((b"accept", b"*/*"), (b"accept-encoding", b"identity"), (b"user-agent", b"suizhuan-gateway"))
    return kept + [(name, value) for name, value in defaults if name not in present]


def _answer_headers(answer: httpx.Response, service: str, base: httpx.URL, root_path: str) -> Headers:
    given = [(name.lower(), value) for name, value in answer.headers.raw]
    dropped = HOP_BY_HOP | _NOT_ANSWERED | _named_by_connection(given)
    kept = [(name, value) for name, value in given if name not in dropped]
    return [(n, _location(v, service, base, root_path) if n == b"location" else v) for n, v in kept]


def _named_by_connection(headers: Headers) -> frozenset[bytes]:
    names = (value.split(b",") for name, value in headers if name.lower() == b"connection")
    return frozenset(part.strip().lower() for parts in names for part in parts)


def _location(value: bytes, service: str, base: httpx.URL, root_path: str) -> bytes:
    """A service sends its callers to itself: seen from outside that is under the gateway."""
    found = urlsplit(value.decode("latin-1"))
    if found.netloc and found.netloc != base.netloc.decode():
        return value
    own = _prefix(base).decode()
    path = found.path.removeprefix(own) if found.path.startswith(f"{own}/") else found.path
    return (f"{root_path}/{service}{path}" + (f"?{found.query}" if found.query else "")).encode("latin-1")


def _prefix(base: httpx.URL) -> bytes:
    return base.raw_path.rstrip(b"/")
