"""One trace from the HTTP request through outbox, log and another service to its last effect; links over batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from complaints.app import build as build_complaints
from finance.app import build as build_finance
from services.complaints.tests.conftest import COMMUNITY, FIRM, ISSUER, World
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.kernel.clock import SystemClock
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import issuer_in
from suizhuan.tracing import Tracing


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What every service of this process records."""
    exporter = InMemorySpanExporter()

    def traced(service: str, **_: Any) -> Tracing:
        return Tracing(service, exporter=exporter)

    monkeypatch.setattr("suizhuan.service.Tracing", traced)
    return exporter


@pytest.fixture
async def world(spans: InMemorySpanExporter, tmp_path: Path) -> AsyncIterator[World]:
    """Complaints and finance at work on one log, in the city as it begins."""
    clock = SystemClock()
    log = EmbeddedLog(tmp_path / "log.db", clock=clock)
    key, issuer = issuer_in(tmp_path, ISSUER)

    def settings(name: str) -> ServiceSettings:
        return load_settings(
            ServiceSettings,
            name,
            database_url=f"sqlite+aiosqlite:///{tmp_path}/{name}.db",
            data_dir=tmp_path,
            issuers=(issuer,),
        )

    made = World(lambda: build_complaints(settings("complaints"), broker=log, clock=clock), clock, key)  # type: ignore[arg-type]
    finance = build_finance(settings("finance"), broker=log, clock=clock)
    await made.begin()
    await made.found()
    await made.service.start()
    async with finance.running():
        yield made
        await made.service.stop()
    await made.close()
    await log.close()


async def test_a_handover_is_one_trace_from_the_request_to_its_last_effect(
    world: World, spans: InMemorySpanExporter
) -> None:
    case = await world.report()
    await world.request(case, FIRM, COMMUNITY)
    async with asyncio.timeout(20):
        while not (hops := handover(spans)) or hops[-1].name != LAST:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert [(service(span), span.name) for span in hops] == [
        ("complaints", "POST /cases/{case_id}/handovers"),
        ("finance", "finance complaints.case.handover_requested"),
        ("complaints", "complaints finance.hold.refused"),
        ("finance", LAST),
    ]
    for earlier, later in pairwise(hops):
        assert later.parent is not None
        assert later.parent.span_id == earlier.context.span_id
    assert (await world.case(case))["responsible"] == COMMUNITY  # without money nothing moved


LAST = "finance complaints.case.handover_refused"


def handover(spans: InMemorySpanExporter) -> list[ReadableSpan]:
    """The spans of the trace that the handover's request began, in time."""
    finished = sorted(spans.get_finished_spans(), key=lambda span: span.start_time or 0)
    request = next((s for s in finished if s.name.endswith("/handovers")), None)
    return [s for s in finished if request is not None and s.context.trace_id == request.context.trace_id]


async def test_a_batch_that_is_published_links_every_trace_in_it(world: World, spans: InMemorySpanExporter) -> None:
    await world.report()
    async with asyncio.timeout(20):
        while not (published := of_name(spans, "publish")):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    requests = {s.context.trace_id for s in spans.get_finished_spans() if s.name.startswith("POST")}
    linked = {link.context.trace_id for span in published for link in span.links}
    assert requests <= linked


def of_name(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    requests = {s.context.trace_id for s in spans.get_finished_spans() if s.name.startswith("POST")}
    found = [s for s in spans.get_finished_spans() if s.name == name]
    return [s for s in found if requests & {link.context.trace_id for link in s.links}] if requests else []


def service(span: ReadableSpan) -> str:
    return str(span.resource.attributes["service.name"])
