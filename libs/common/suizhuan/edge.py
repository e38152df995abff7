"""The outermost layer of a service: one ASGI middleware, because each further one costs every request.

It makes the span, measures, limits and checks the body, sets the headers every answer carries, and catches what
nobody caught. What it refuses, it refuses before the app has seen anything.
"""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suizhuan import body_guard
from suizhuan.headers import header
from suizhuan.kernel.refusal import Refusal
from suizhuan.logs import Serving
from suizhuan.metrics import Children, Metrics
from suizhuan.problems import Problems, language
from suizhuan.tracing import Tracing, span_from_traceparent, traceparent_of

log = logging.getLogger("suizhuan.http")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Whoever serves an app keeps idle connections longer than any client does (httpx 5 s, proxies up to 60): else a client
# asks just as we close, and has no answer.
KEEP_ALIVE_S = 75
_UNTRACED = ("/health/", "/metrics", "/static-offline-docs/")

# The docs pages run their own scripts, so only framing, plugins and base are fenced here.
_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"frame-ancestors 'none'; base-uri 'none'; object-src 'none'"),
    (b"cache-control", b"no-store"),
)


class Edge:
    """Wraps one service's app."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, tracing: Tracing, problems: Problems) -> None:
        self.app = app
        self.service = metrics.service
        self.timed = Children(metrics.http_request_seconds)
        self.in_flight = 0
        metrics.http_requests_in_flight.set_function(lambda: self.in_flight)
        self.tracing = tracing
        self.problems = problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with Serving(self.service):
            if _local_path(scope).startswith(_UNTRACED):
                await _Exchange(self, scope, receive, send, trace.INVALID_SPAN).run()
                return
            parent = header(scope, b"traceparent")
            with span_from_traceparent(self.tracing.tracer, scope["method"], parent, kind=SpanKind.SERVER) as span:
                await _Exchange(self, scope, receive, send, span).run()


class _Exchange:
    """One request and its answer."""

    def __init__(self, edge: Edge, scope: Scope, receive: Receive, send: Send, span: Span) -> None:
        self.edge, self.scope, self.receive, self.send, self.span = edge, scope, receive, send, span
        self.accept = header(scope, b"accept-language")
        self.status = 0  # 0: nothing was answered, because the caller went away

    async def run(self) -> None:
        started = time.perf_counter()
        self.edge.in_flight += 1
        try:
            await self._answer()
        finally:
            self.edge.in_flight -= 1
            took = time.perf_counter() - started
            route = _route(self.scope)
            self.edge.timed[self.scope["method"], route, self.status or 499].observe(took)
            self._tell(route, took)

    async def _answer(self) -> None:
        try:
            receive = await self._guarded()
            if receive is not None:
                await self.edge.app(self.scope, receive, self._sending)
        except Refusal as refusal:
            if self.status:
                raise
            await self.edge.problems.answer(refusal, self.accept)(self.scope, self.receive, self._sending)
        except Exception as error:
            if self.status:
                # Half an answer is out: the server breaks the connection, so that nobody takes it for whole.
                raise
            await self.edge.problems.surprise(error, self.accept)(self.scope, self.receive, self._sending)

    async def _guarded(self) -> Receive | None:
        """A receive whose body has been checked; None when the caller left before it was all there."""
        body_guard.check_target(self.scope)
        length = body_guard.declared_length(self.scope)
        if length == 0:
            return self.receive
        limit = self.edge.problems.max_body_bytes
        if length is not None and length > limit:
            raise Refusal("request_too_large", limit=limit)
        body = await body_guard.read_body(self.receive, limit)
        if body is None:
            return None
        if b"json" in (header(self.scope, b"content-type") or "").lower().encode():
            body_guard.check_json(body)
        return body_guard.replay(body, self.receive)

    async def _sending(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += [header for header in _SECURITY if header[0] not in present]
            if b"content-language" not in present:
                headers.append((b"content-language", language(self.accept).encode()))
            headers += self._trace_headers()
            message = {**message, "headers": headers}
        await self.send(message)

    def _trace_headers(self) -> list[tuple[bytes, bytes]]:
        traceparent = traceparent_of(self.span)
        given = header(self.scope, b"x-request-id")
        request_id = given if given and _REQUEST_ID.fullmatch(given) else traceparent and traceparent[3:35]
        pairs = ((b"traceparent", traceparent), (b"x-request-id", request_id))
        return [(name, value.encode()) for name, value in pairs if value]

    def _tell(self, route: str, took: float) -> None:
        method = self.scope["method"]
        if self.span.is_recording():
            self.span.update_name(f"{method} {route}")
            self.span.set_attributes(
                {"http.request.method": method, "http.route": route, "http.response.status_code": self.status}
            )
            if self.status >= 500:
                self.span.set_status(Status(StatusCode.ERROR))
        if log.isEnabledFor(logging.DEBUG):
            log.debug("request", extra={"method": method, "route": route, "status": self.status, "seconds": took})


def _local_path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _route(scope: Scope) -> str:
    """The template of the route that answered: never the path itself, which would make a series per id."""
    effective: Any = scope.get("fastapi", {}).get("effective_route_context")
    path = getattr(effective, "path_format", None) or getattr(scope.get("route"), "path_format", None)
    return path or getattr(scope.get("route"), "path", None) or "unmatched"
