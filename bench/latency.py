"""How long an effect, a handover and a switch take over all services, beside a bare Kafka round trip.

One at a time, in turns with the round trips, on the real profile: a process per service, on the same broker.
"""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bench.city import FIRM, GRID, City, city, everywhere
from bench.measure import Ratio, percentile
from bench.rtt import round_trips
from bench.stage import Servers

ROUNDS = 5
TRIPS, EFFECTS, HANDOVERS, SWITCHES = 400, 200, 100, 60
OPEN_CASES, WITH_CASES = 1000, 2
BUDGET_FEN = 1_000_000  # of the 20,000,000 of its giver, who pays for the handovers, too
ROOTED = "321302002907001"  # where the affair's owner is responsible
SANITATION = "sanitation"

Sample = Callable[[], Awaitable[float]]  # ms


async def measure(servers: Servers) -> list[Ratio]:
    """99th percentiles of a round, in milliseconds."""
    async with city(servers) as there, round_trips(servers.kafka) as trip:
        mandate = await there.mandate(GRID, BUDGET_FEN)
        effects = Effects(there)
        handovers = Handovers(there)
        switches = Switches(there, mandate)
        await effects.prepare(EFFECTS * (ROUNDS + 1))
        await handovers.prepare(HANDOVERS * (ROUNDS + 1))
        ratios = [
            await _beside("effect_p99_vs_kafka_rtt", trip, effects.one, EFFECTS, reach=3.0),
            await _beside("handover_p99_vs_kafka_rtt", trip, handovers.one, HANDOVERS, reach=6.0),
        ]
        alone = await _beside("switch_p99_vs_kafka_rtt", trip, switches.one, SWITCHES, reach=6.0)
        await there.report(OPEN_CASES, GRID)
        laden = [await switches.one() for _ in range(2 * WITH_CASES)]
        print(f"  with {OPEN_CASES} open cases: {statistics.median(laden):,.0f} ms", flush=True)
        beside = {**alone.shown, f"with {OPEN_CASES} open cases": laden}
        return [*ratios, replace(alone, shown=beside)]


async def _beside(name: str, trip: Sample, ours: Sample, count: int, *, reach: float) -> Ratio:
    """A round to warm up, then rounds of both in turns; p99 of each, and the medians shown."""
    sides: dict[str, list[float]] = {"ours": [], "trip": [], "median": [], "a round trip's median": []}
    for number in range(ROUNDS + 1):
        a = [await ours() for _ in range(count)]
        b = [await trip() for _ in range(TRIPS)]
        told = (percentile(a, 0.99), percentile(b, 0.99), statistics.median(a), statistics.median(b))
        print(
            f"  {name:<26} {number}/{ROUNDS}  p99 {told[0]:.1f}, trip {told[1]:.1f};"
            f" median {told[2]:.1f}, trip {told[3]:.1f} ms",
            flush=True,
        )
        if number:
            for values, value in zip(sides.values(), told, strict=True):
                values.append(value)
    shown = {word: sides[word] for word in ("median", "a round trip's median")}
    return Ratio(name, "ms", sides["ours"], sides["trip"], reach, at_most=True, shown=shown)


class Effects:
    """A command committed in complaints → its event in the gateway's projection."""

    def __init__(self, there: City) -> None:
        self.there = there
        self.cases: list[str] = []

    async def prepare(self, count: int) -> None:
        self.cases = await self.there.report(count, ROOTED)

    async def one(self) -> float:
        case, watch = self.cases.pop(), self.there.watch
        watch.forget()
        await self.there.post(SANITATION, "complaints", f"/cases/{case}/start")
        end = await watch.wait(f"seen complaints.case.started.v1 {case}")
        return (end - await watch.wait(f"complaints.case.started {case}")) * 1e3


class Handovers:
    """Requested in complaints → held in finance → moved in complaints; all three commits."""

    def __init__(self, there: City) -> None:
        self.there = there
        self.cases: list[str] = []

    async def prepare(self, count: int) -> None:
        self.cases = await self.there.report(count, ROOTED)

    async def one(self) -> float:
        case, watch = self.cases.pop(), self.there.watch
        watch.forget()
        await self.there.post(SANITATION, "complaints", f"/cases/{case}/handovers", {"to": FIRM})
        end = await watch.wait(f"complaints.case.handed_over {case}")
        return (end - await watch.wait(f"complaints.case.handover_requested {case}")) * 1e3


class Switches:
    """A mandate's power taken and given back early: opened in mandates → done applied by every service's replica."""

    def __init__(self, there: City, mandate: str) -> None:
        self.there = there
        self.mandate = mandate
        self.live = True

    async def one(self) -> float:
        watch, wanted = self.there.watch, not self.live
        watch.forget()
        path, body = ("resumption", {}) if wanted else ("suspension", {"reason": "bench"})
        await self.there.post(SANITATION, "mandates", f"/mandates/{self.mandate}/{path}", body)
        end = await watch.wait(*everywhere(self.mandate, live=wanted), patience=300.0)
        self.live = wanted
        return (end - await watch.wait(f"opened {self.mandate}")) * 1e3
