"""`python -m bench.where`: the processor time that an effect, a handover and a switch cost each process.

It says where the next millisecond is: with all services on two cores a chain of steps is as long as its work.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from pathlib import Path

from bench.city import GRID, City, city
from bench.latency import BUDGET_FEN, Effects, Handovers, Sample, Switches
from bench.stage import servers
from deploy.local.platform import Platform

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
EFFECTS, HANDOVERS, SWITCHES, WARM_UP, IDLE_S = 150, 80, 60, 30, 10
SERVERS = {"postgres": "postgres", "java": "kafka", "redis-server": "redis"}


async def main() -> None:
    """Prints a line for each: the median in milliseconds, and those of each process for one."""
    with servers() as running:
        async with city(running) as there:
            mandate = await there.mandate(GRID, BUDGET_FEN)
            effects, handovers, switches = Effects(there), Handovers(there), Switches(there, mandate)
            await effects.prepare(EFFECTS + WARM_UP)
            await handovers.prepare(HANDOVERS + WARM_UP)
            for one in (effects.one, handovers.one, switches.one):
                for _ in range(WARM_UP):
                    await one()
            before = spent(there.platform)
            await asyncio.sleep(IDLE_S)  # what they do when nothing is asked of them
            _show("idle, a second", before, spent(there.platform), IDLE_S)
            await _measured(there, "effect", effects.one, EFFECTS)
            await _measured(there, "handover", handovers.one, HANDOVERS)
            await _measured(there, "switch", switches.one, SWITCHES)


async def _measured(there: City, name: str, one: Sample, count: int) -> None:
    before = spent(there.platform)
    took = [await one() for _ in range(count)]
    _show(f"{name}, median {statistics.median(took):.1f} ms", before, spent(there.platform), count)


def _show(what: str, before: dict[str, float], after: dict[str, float], count: int) -> None:
    each = {name: (after[name] - before[name]) / count for name in sorted(after)}
    told = ", ".join(f"{name} {value:.1f}" for name, value in each.items() if value >= 0.05)
    print(f"{what}: {told}; together {sum(each.values()):.1f}", flush=True)


def spent(platform: Platform) -> dict[str, float]:
    """Milliseconds of processor time so far: each service, the servers, and the measuring process itself."""
    services = {program.pid: name for name, program in platform.programs.items()}
    found: dict[str, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            head, _, tail = (folder / "stat").read_text().rpartition(")")
        except OSError:
            continue  # it has ended
        pid, program, fields = int(folder.name), head.partition("(")[2], tail.split()
        name = services.get(pid) or SERVERS.get(program) or ("measuring" if pid == os.getpid() else None)
        if name is not None:
            found[name] = found.get(name, 0.0) + (int(fields[11]) + int(fields[12])) * TICK_MS
    return found


if __name__ == "__main__":
    asyncio.run(main())
