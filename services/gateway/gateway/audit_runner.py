"""The auditor as the gateway shows it: reads what is new since the last time, judges in a thread, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from gateway.auditor import History, Report, Rules, judge
from gateway.auditor.history import Place
from gateway.auditor.reading import read
from gateway.auditor.violations import GUARANTEES
from suizhuan.kernel.clock import Clock
from suizhuan.kernel.refusal import Refusal
from suizhuan.metrics import Metrics
from suizhuan.ports.log import Log, LogUnavailable

log = structlog.get_logger(__name__)

FIRST_S = 60.0  # others begin their work first
MOST = 1 / 20  # of the time it is at work, however much there is to read


@dataclass(frozen=True, slots=True)
class _Known:
    ends: dict[Place, int]
    report: Report


class AuditRunner:
    """Promise: a report is never older than the log's ends when it was asked for."""

    def __init__(
        self,
        broker: Log,
        rules: Rules,
        keep_events: int,
        clock: Clock,
        metrics: Metrics,
        platform: Sequence[str] = (),
    ) -> None:
        self.broker = broker
        self.platform = platform
        self.rules = rules
        self.keep_events = keep_events
        self.clock = clock
        self.metrics = metrics
        self._history = History()
        self._known: _Known | None = None
        self._lock = asyncio.Lock()

    async def report(self, *, full: bool = False) -> Report:
        """The report as of now; `full` reads everything again. Errors: `log_unreachable`."""
        async with self._lock:
            began = self.clock.monotonic()
            if full:
                self._history, self._known = History(), None
            try:
                horizon = await read(self.broker, self._history, platform=self.platform)
            except LogUnavailable as error:
                self._history, self._known = History(), None
                raise Refusal("log_unreachable", reason=str(error)[:100], retry_after=5) from error
            ends = dict(self._history.next_offsets)
            # Read but not judged last time: it can be judged now.
            if self._known is None or self._known.ends != ends or self._known.report.undecided:
                self._known = _Known(ends, await asyncio.to_thread(judge, self._history, self.rules, horizon))
            if self._history.records > self.keep_events:
                self._history = History()
            self._measure(self._known.report, self.clock.monotonic() - began)
            return self._known.report

    def _measure(self, report: Report, took: float) -> None:
        self.metrics.audit_events.set(report.events)
        self.metrics.audit_timestamp_seconds.set(self.clock.now().timestamp())
        self.metrics.audit_seconds.observe(took)
        for guarantee in GUARANTEES:
            self.metrics.audit_violations.labels(guarantee=guarantee).set(report.by_guarantee.get(guarantee, 0))

    async def close(self) -> None:
        self._history, self._known = History(), None


class Audits:
    """A component of the worker: the auditor runs by itself, so that who watches need not ask it.

    `every` is in seconds, 0: never. Where there is much to read it runs more rarely."""

    def __init__(self, runner: AuditRunner, clock: Clock, every: float) -> None:
        self.name = "audits"
        self.runner, self.clock, self.every = runner, clock, every

    async def run(self) -> None:
        """Until cancelled."""
        if not self.every:
            await asyncio.Event().wait()
        await self.clock.sleep(min(FIRST_S, self.every))
        while True:
            began = self.clock.monotonic()
            try:
                report = await self.runner.report()
            except Refusal as refusal:
                log.warning("audit_not_made", reason=refusal.code)
            except Exception:
                log.exception("audit_failed")
            else:
                if report.violations:
                    log.error("audit_found", violations=len(report.violations), by_guarantee=report.by_guarantee)
            await self.clock.sleep(max(self.every, (self.clock.monotonic() - began) / MOST))
