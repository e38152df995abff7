"""Locust's users: each takes one case from its report to its closure, again and again. Started by `deploy.load`.

A step that is refused or fails is a failure of the run. That the duty has moved, which finance decides in its own time,
is measured as a request of the kind EFFECT: from the answer to the command until the receiver is responsible.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, constant_throughput, events, task
from locust.stats import StatsEntry

GIVEN: Mapping[str, Any] = json.loads(os.environ["SUIZHUAN_LOAD"])
ASK_AGAIN_S, PATIENCE_S = 0.1, 30.0
EFFECT, MOVED = "EFFECT", "转办生效 duty and money moved"
LOOK = "查看 look"


class StepFailed(Exception):
    """It stands among the failures already; the case is left as it is."""


class Case(FastHttpUser):
    """One life cycle after another, so many a second that all users together keep the rate."""

    host = GIVEN["base"]
    wait_time = constant_throughput(GIVEN["rate"] / GIVEN["users"])

    @task
    def life(self) -> None:
        """Reported, accepted, handed over with its money, done, verified, closed."""
        try:
            body = {"category": GIVEN["category"], "area": GIVEN["area"], "channel": "wechat", "description": "压力"}
            case = self.ask("resident", "1 报告 report", "/complaints/cases", body)["id"]
            at = f"/complaints/cases/{case}"
            self.ask("worker", "2 受理 accept", f"{at}/start")
            self.ask("worker", "3 转办 hand over", f"{at}/handovers", {"to": GIVEN["receiver"]})
            self.wait_until_moved(at)
            self.ask("crew", "4 受理 accept", f"{at}/start")
            self.ask("crew", "5 办结 done", f"{at}/result")
            self.ask("checker", "6 核查 verify", f"{at}/verification", {"result": "passed", "satisfied": True})
            self.ask("checker", "7 结案 close", f"{at}/closure", {"outcome": "verified"})
        except StepFailed:
            return

    def wait_until_moved(self, at: str) -> None:
        began = time.perf_counter()
        error: Exception | None = None
        while self.ask("checker", LOOK, at)["responsible"] != GIVEN["receiver"]:
            if time.perf_counter() - began > PATIENCE_S:
                error = TimeoutError(f"not moved within {PATIENCE_S:g} s")
                break
            gevent.sleep(ASK_AGAIN_S)
        self.environment.events.request.fire(
            request_type=EFFECT,
            name=MOVED,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=0,
            exception=error,
            context={},
        )
        if error is not None:
            raise StepFailed

    def ask(self, who: str, name: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A command, or a look where the path is that of a case. Errors: StepFailed."""
        headers = {"Authorization": f"Bearer {GIVEN['tokens'][who]}"}
        method, sent = ("GET", None) if name == LOOK else ("POST", body or {})
        with self.client.request(method, path, name=name, json=sent, headers=headers, catch_response=True) as answer:
            if answer.status_code >= 400 or answer.status_code == 0:
                answer.failure(f"{answer.status_code} {(answer.text or '')[:200]}")
                raise StepFailed
            return dict(answer.json())


@events.quitting.add_listener
def tell(environment: Any, **_: Any) -> None:
    """The figures of the run, for who started it."""
    stats = environment.stats
    total = StatsEntry(stats, "all", "")
    for (_, method), entry in stats.entries.items():
        if method != EFFECT:
            total.extend(entry)
    closed = stats.get("7 结案 close", "POST")
    moved = stats.get(MOVED, EFFECT)
    figures = {
        "requests": total.num_requests,
        "failures": total.num_failures,
        "errors": [str(error.to_dict()) for error in stats.errors.values()][:10],
        "requests_per_s": total.total_rps,
        "p50_ms": total.get_response_time_percentile(0.5),
        "p99_ms": total.get_response_time_percentile(0.99),
        "lives": closed.num_requests - closed.num_failures,
        "lives_per_s": closed.total_rps,
        "moved_p50_ms": moved.get_response_time_percentile(0.5),
        "moved_p99_ms": moved.get_response_time_percentile(0.99),
    }
    Path(GIVEN["figures"]).write_text(json.dumps(figures), encoding="utf-8")
