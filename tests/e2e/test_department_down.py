"""A department is down: the others go on as if it were not there, and when it is back it has missed nothing.

Each is killed in turn. Between those times all are up, and how far these times lie apart from each other is the noise
of the machine in this very run: what the others answer while one is down must lie within it."""

from __future__ import annotations

import asyncio
import secrets
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from deploy.local import Kafka, Unavailable
from deploy.local.platform import Platform
from deploy.story import Client
from deploy.story.client import Caller, Json, ProblemAnswer

from . import checks

COMMUNITY, NANGUAN, GRID = "community-nanguan", "321302002907", "321302002907001"
DOWN = ("population", "property", "volunteers")
ROUNDS, AT_ONCE = 150, 2  # of one command to each service, a phase
NOISE = 1.5  # times the slowest of the times when all are up

Body = Callable[[str], Json]
# By service: who says it, where, and what; every one is taken in when its service is up.
COMMANDS: dict[str, tuple[str, str, Body]] = {
    "complaints": (
        "resident-nanguan-01",
        "/complaints/cases",
        lambda number: {"category": "01-02", "area": GRID, "description": number},
    ),
    "finance": (
        "staff-nanguan-03",
        "/finance/entries",
        lambda number: {
            "memo": number,
            "lines": [
                {"org": COMMUNITY, "account": "541", "amount_fen": 1},
                {"org": COMMUNITY, "account": "102", "amount_fen": -1},
            ],
            "approved_by": "staff-nanguan-02",
        },
    ),
    "mandates": (
        "staff-sanitation-01",
        "/mandates/mandates",
        lambda _: {"affair": "env.road-cleaning", "area": NANGUAN, "holder": COMMUNITY},
    ),
    "population": (
        "staff-nanguan-01",
        "/population/buildings",
        lambda number: {"grid": GRID, "name": number, "floors": 6},
    ),
    "property": (
        "staff-nanguan-01",
        "/property/premises",
        lambda number: {
            "area": NANGUAN,
            "kind": "community",
            "location": number,
            "permanent": True,
            "size_dm2": 100,
            "structure": "brick_concrete",
            "use": "activity",
        },
    ),
    "volunteers": (
        "staff-nanguan-01",
        "/volunteers/teams",
        lambda number: {"title": number, "kind": "judicial", "area": NANGUAN},
    ),
}


@dataclass
class Phase:
    """What was answered while `down` was down; None: all were up. Times in seconds."""

    down: str | None
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: list[str] = field(default_factory=list)
    unanswered: int = 0  # commands to the one that is down

    @property
    def all_times(self) -> list[float]:
        return [one for times in self.times.values() for one in times]

    @property
    def median(self) -> float:
        return statistics.median(self.all_times)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.all_times, n=100)[98]

    def without(self, name: str) -> Phase:
        return Phase(None, {service: times for service, times in self.times.items() if service != name})


async def load(callers: dict[str, Caller], down: str | None) -> Phase:
    """One command after the other to every service, by two at once."""
    phase, run = Phase(down), secrets.token_hex(3)

    async def one(service: str, number: str) -> None:
        who, path, body = COMMANDS[service]
        began = time.perf_counter()
        try:
            await callers[who].post(path, body(number))
        except (ProblemAnswer, httpx.TransportError) as no:
            if service == down:
                phase.unanswered += 1
            else:
                phase.refused.append(f"{service}: {no!r}")
            return
        phase.times[service].append(time.perf_counter() - began)

    async def desk(desk_number: int) -> None:
        for number in range(desk_number, ROUNDS, AT_ONCE):
            for service in COMMANDS:
                await one(service, f"{run}-{number}")

    await asyncio.gather(*(desk(number) for number in range(AT_ONCE)))
    return phase


async def each_down_in_turn(
    platform: Platform, callers: dict[str, Caller], back: Callable[[], Awaitable[None]]
) -> list[Phase]:
    await load(callers, None)  # nobody is measured while all is new to it
    phases = [await load(callers, None)]
    for department in DOWN:
        await platform.kill(department)
        phases.append(await load(callers, department))
        await platform.start_service(department)
        await back()
        phases.append(await load(callers, None))
    return phases


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.timeout(900)
async def test_while_a_department_is_down_the_others_go_on_and_when_it_is_back_it_catches_up(
    tmp_path: Path,
    postgres_url: str,
    redis_url: str,
    not_to_be_had: Callable[[Exception], None],
    record_property: Callable[[str, object], None],
) -> None:
    kafka = Kafka(tmp_path / "kafka", brief=True)
    try:
        await asyncio.to_thread(kafka.start)
    except Unavailable as reason:
        not_to_be_had(reason)
    try:
        servers = {"kafka": kafka.url, "postgres": postgres_url, "redis": redis_url}
        async with Platform(tmp_path, **servers) as platform, Client(platform.base, platform.issuer) as client:
            callers = {who: await client.sign_in(who) for who, _, _ in COMMANDS.values()}
            phases = await each_down_in_turn(platform, callers, lambda: checks.quiet(platform, kafka.url))
            await checks.whole(platform, kafka.url)  # also those that were down have taken in all that was said
            worker = await client.sign_in("staff-nanguan-01")
            report = await worker.get("/audit", full="true")
    finally:
        await asyncio.to_thread(kafka.kill)
    for phase in phases:
        told = f"{phase.down or 'nobody'} down: {len(phase.all_times)} commands, "
        record_property("told", f"{told}median {phase.median * 1e3:.1f} ms, p99 {phase.p99 * 1e3:.1f} ms")
    assert report["verdict"] == "clean", report["violations"]
    assert [phase.refused for phase in phases] == [[]] * len(phases), "the others take in everything"
    for phase in phases:
        if phase.down is not None:
            assert phase.unanswered == ROUNDS, "it was not down"
            same = [up.without(phase.down) for up in phases if up.down is None]
            assert phase.median <= NOISE * max(up.median for up in same)
            assert phase.p99 <= NOISE * max(up.p99 for up in same)
