"""Traces: one from the HTTP request through outbox and log to the last effect (W3C Trace Context).

Each service has a `Tracing` of its own, none is global, because several services may live in one process. Without
an exporter a span is two random numbers: ids exist and travel, nothing is recorded.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
)
from opentelemetry.util._decorator import _agnosticcontextmanager

_TRACEPARENT = re.compile(r"^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?\Z")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)

Attributes = Mapping[str, str | int | float | bool]


class Tracing:
    """The tracer of one service. `exporter` is for tests and exports at once; `endpoint` batches over OTLP/HTTP."""

    def __init__(
        self, service: str, *, endpoint: str | None = None, exporter: SpanExporter | None = None, version: str = ""
    ) -> None:
        self.service = service
        self.enabled = endpoint is not None or exporter is not None
        self._provider: TracerProvider | None = None
        self.tracer: Tracer = _IdTracer()
        if self.enabled:
            resource = Resource.create({"service.name": service, "service.version": version})
            provider = TracerProvider(sampler=ParentBased(ALWAYS_ON), resource=resource, shutdown_on_exit=False)
            if exporter is not None:
                provider.add_span_processor(SimpleSpanProcessor(exporter))
            if endpoint is not None:
                provider.add_span_processor(BatchSpanProcessor(_otlp(endpoint)))
            self._provider = provider
            self.tracer = provider.get_tracer("suizhuan")

    def close(self) -> None:
        """Export what is left, waiting for it, and stop. Blocks: call it at the end of the process."""
        if self._provider is not None:
            self._provider.shutdown()


def _otlp(endpoint: str) -> SpanExporter:
    # Imported only by who exports: it brings requests and protobuf along.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    url = endpoint if endpoint.rstrip("/").endswith("/v1/traces") else f"{endpoint.rstrip('/')}/v1/traces"
    return OTLPSpanExporter(endpoint=url)


def parse_traceparent(text: str | None) -> SpanContext | None:
    """The context a `traceparent` names, or None when it names none: a malformed one is ignored, as W3C asks."""
    match = _TRACEPARENT.match(text) if text else None
    if match is None:
        return None
    context = SpanContext(
        int(match[1], 16), int(match[2], 16), is_remote=True, trace_flags=TraceFlags(int(match[3], 16))
    )
    return context if context.is_valid else None


def traceparent_of(span: Span) -> str | None:
    """The `traceparent` that makes others children of `span`."""
    context = span.get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"


def current_traceparent() -> str | None:
    """The `traceparent` of the span we are in, or None outside of any."""
    return traceparent_of(trace.get_current_span())


def current_trace_id() -> str | None:
    """The 32 hex digits of the trace we are in, or None outside of any."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def span_from_traceparent(
    tracer: Tracer,
    name: str,
    traceparent: str | None,
    *,
    links: Sequence[str | None] = (),
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
) -> Entered:
    """A span, current inside a `with` block, whose parent is `traceparent` (None: a new trace, whatever is current).

    `links` are further traceparents, for a batch that continues many traces; malformed ones are left out.
    """
    parent = parse_traceparent(traceparent)
    context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else otel_context.Context()
    others = [Link(c) for c in map(parse_traceparent, links) if c is not None]
    span = tracer.start_span(name, context, kind=kind, attributes=attributes, links=others)
    return Entered(span)


class Entered(AbstractContextManager[Span]):
    """The span is current inside the block and ends with it. What is raised marks it by its type alone: messages can
    hold personal data, and traces leave the house."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Span:
        self._token = otel_context.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        otel_context.detach(self._token)
        if isinstance(error, Exception):
            self._span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        self._span.end()


class _IdTracer(Tracer):
    """Makes spans that are only ids. A parent's trace and sampling go on; a new trace counts as sampled, so that
    services further on which do export are free to."""

    def __init__(self) -> None:
        self._bits = random.Random(os.urandom(16)).getrandbits  # noqa: S311  (ids are to be unique, not secret)

    def start_span(self, name: str, context: otel_context.Context | None = None, *_: Any, **__: Any) -> Span:
        parent = trace.get_current_span(context).get_span_context()
        if parent.is_valid:
            trace_id, flags = parent.trace_id, parent.trace_flags
        else:
            trace_id, flags = self._bits(128) | 1, _SAMPLED
        return NonRecordingSpan(SpanContext(trace_id, self._bits(64) | 1, is_remote=False, trace_flags=flags))

    @_agnosticcontextmanager
    def start_as_current_span(
        self, name: str, context: otel_context.Context | None = None, *_: Any, **__: Any
    ) -> Iterator[Span]:
        with trace.use_span(self.start_span(name, context)) as span:
            yield span
