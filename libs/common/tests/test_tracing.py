"""One trace from the first request to the last effect, recorded or not."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from suizhuan.tracing import Tracing, current_trace_id, current_traceparent, parse_traceparent, span_from_traceparent

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = PARENT[3:35]


def test_outside_of_any_span_there_is_no_trace() -> None:
    assert current_traceparent() is None
    assert current_trace_id() is None


@pytest.mark.parametrize("exporter", [None, InMemorySpanExporter()], ids=["not recorded", "recorded"])
def test_a_span_continues_the_trace_it_was_given_under_an_id_of_its_own(exporter: InMemorySpanExporter | None) -> None:
    tracing = Tracing("finance", exporter=exporter)
    with span_from_traceparent(tracing.tracer, "relay", PARENT):
        inner = current_traceparent()
        assert current_trace_id() == TRACE
    assert inner is not None
    assert inner[3:35] == TRACE
    assert inner[36:52] != PARENT[36:52]
    assert inner.endswith("-01")
    assert current_traceparent() is None
    tracing.close()


@pytest.mark.parametrize("exporter", [None, InMemorySpanExporter()], ids=["not recorded", "recorded"])
def test_a_parent_that_is_not_sampled_stays_so(exporter: InMemorySpanExporter | None) -> None:
    tracing = Tracing("finance", exporter=exporter)
    with span_from_traceparent(tracing.tracer, "relay", PARENT[:-2] + "00"):
        assert str(current_traceparent()).endswith("-00")
    tracing.close()


def test_without_a_parent_a_new_trace_begins_even_inside_another() -> None:
    tracer = Tracing("finance").tracer
    with span_from_traceparent(tracer, "a", PARENT), span_from_traceparent(tracer, "b", None):
        inner = current_trace_id()
        with tracer.start_as_current_span("c"):
            assert current_trace_id() == inner
    assert inner not in (None, TRACE)


@pytest.mark.parametrize(
    "text",
    [None, "", "x", PARENT[:-1], PARENT.upper(), "ff" + PARENT[2:], PARENT.replace("0", "g"), PARENT + "x",
     "00-" + "0" * 32 + PARENT[35:], PARENT[:36] + "0" * 16 + "-01", PARENT + "\n", "令牌"],
)  # fmt: skip
def test_a_malformed_traceparent_is_ignored(text: str | None) -> None:
    assert parse_traceparent(text) is None
    with span_from_traceparent(Tracing("finance").tracer, "x", text):
        assert current_trace_id() not in (None, TRACE)


def test_a_future_version_of_the_header_is_understood() -> None:
    assert parse_traceparent("01" + PARENT[2:] + "-more") is not None


def test_a_batch_links_the_traces_it_continues() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing("finance", exporter=exporter)
    with span_from_traceparent(
        tracing.tracer, "batch", None, links=[PARENT, None, "nonsense"], kind=SpanKind.CONSUMER, attributes={"n": 2}
    ):
        pass
    (span,) = exporter.get_finished_spans()
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE]
    assert (span.kind, span.attributes) == (SpanKind.CONSUMER, {"n": 2})
    assert span.resource.attributes["service.name"] == "finance"
    tracing.close()


def test_a_span_that_fails_tells_the_kind_of_error_and_not_its_words() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing("finance", exporter=exporter)
    with pytest.raises(ValueError, match="13800000000"), span_from_traceparent(tracing.tracer, "x", None):
        raise ValueError("no such phone: 13800000000")
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert "13800000000" not in span.to_json()
    assert span.status.description == "ValueError"
    tracing.close()


def test_two_services_in_one_process_keep_their_spans_apart() -> None:
    one, two = InMemorySpanExporter(), InMemorySpanExporter()
    first, second = Tracing("finance", exporter=one), Tracing("complaints", exporter=two)
    with span_from_traceparent(first.tracer, "outer", None), second.tracer.start_as_current_span("inner"):
        pass
    assert [s.name for s in one.get_finished_spans()] == ["outer"]
    assert [s.name for s in two.get_finished_spans()] == ["inner"]
    assert one.get_finished_spans()[0].context.trace_id == two.get_finished_spans()[0].context.trace_id
    first.close()
    second.close()
