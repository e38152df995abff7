"""One run: the fleet, the load, the faults, the settling, the evidence, the findings."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from . import checker, evidence, settling
from .caller import Callers
from .findings import LEFT, NOTHING, WRONG, Finding
from .fleet import PAIRS, Fleet
from .journal import Journal, Line
from .load import CHECKER, PEOPLE, Load
from .schedule import DRAIN, FREEZE, KILL, KINDS, Fault, plan

ENDS = frozenset({KILL, DRAIN})
FINISH_S = 300.0  # what was begun comes to its end


@dataclass(slots=True)
class Outcome:
    """What a run has shown."""

    seed: int
    evidence: evidence.Evidence
    findings: list[Finding]
    figures: dict[str, int]
    seconds: dict[str, float] = field(default_factory=dict)

    def told(self) -> str:
        took = ", ".join(f"{name} {s:.0f} s" for name, s in self.seconds.items())
        read = ", ".join(f"{n} {name}" for name, n in self.figures.items())
        return f"SEED={self.seed} · {read} · {took} · {len(self.findings)} findings"


async def drill(folder: Path, seed: int, seconds: float, console: Console) -> Outcome:
    """Carry one out. Errors: Unavailable where a server cannot be had; ProgramFailed."""
    journal = Journal(folder / "journal.jsonl")
    times: dict[str, float] = {}
    begun = time.monotonic()

    def lap(name: str) -> None:
        nonlocal begun
        times[name], begun = time.monotonic() - begun, time.monotonic()

    console.print(f"SEED={seed} SECONDS={seconds:g} · {folder}")
    try:
        async with Fleet(folder, journal) as fleet:
            callers = Callers(fleet.platform.base, fleet.platform.issuer, journal)
            try:
                await callers.sign_in(*PEOPLE)
                lap("start")
                load = Load(callers, seed)
                working = asyncio.create_task(load.run())
                await _faults(fleet, plan(seed, seconds, fleet.programs, PAIRS), seconds, journal, load, console)
                lap("faults")
                load.over.set()
                await fleet.ready()
                left = await _finish(fleet, working)
                lap("settling")
                found = await _gather(fleet, callers, journal)
                lap("reading")
            finally:
                await callers.close()
            findings = [Finding(LEFT, what) for what in left] + checker.check(found)
            findings += [Finding(WRONG, what) for what in fleet.oddities]
        lap("stop")
    finally:
        journal.close()
    findings += shown(journal.lines)
    return Outcome(seed, found, findings, _figures(journal, found), times)


async def _faults(
    fleet: Fleet, faults: list[Fault], seconds: float, journal: Journal, load: Load, console: Console
) -> None:
    """Each at its time; where the machine is slow later, the great ones one after the other."""
    begun = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("faults / 故障", total=seconds)

        async def show() -> None:
            while True:
                done = len([x for x in journal.of("command") if x["status"]])
                words = f"{len(journal.of('fault'))} faults · {done} commands · {load.matters} matters"
                progress.update(bar, completed=time.monotonic() - begun, description=words)
                await asyncio.sleep(0.5)

        async def one(fault: Fault) -> None:
            await asyncio.sleep(max(0.0, begun + fault.at - time.monotonic()))
            progress.console.print(f"{time.monotonic() - begun:6.1f} s  {fault.kind}  {fault.target}", highlight=False)
            await fleet.carry_out(fault)

        async def one_by_one(great: list[Fault]) -> None:
            for fault in great:
                await one(fault)

        showing = asyncio.create_task(show())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(one_by_one([fault for fault in faults if fault.kind not in ENDS]))
                for fault in faults:
                    if fault.kind in ENDS:
                        group.create_task(one(fault))
                group.create_task(asyncio.sleep(seconds))
        finally:
            showing.cancel()


async def _finish(fleet: Fleet, working: asyncio.Task[None]) -> list[str]:
    """What was begun is brought to its end; then nothing is on its way. What still is, otherwise."""
    done, _ = await asyncio.wait({working}, timeout=FINISH_S)
    if not done:
        working.cancel()
        await asyncio.wait({working})
        return ["callers had not finished"]
    working.result()
    return await settling.settled(_databases(fleet), fleet.servers.kafka.url)


async def _gather(fleet: Fleet, callers: Callers, journal: Journal) -> evidence.Evidence:
    log, ends = await evidence.read_log(fleet.servers.kafka.url)
    tables = await evidence.read_tables(_databases(fleet))
    audit = await callers.look("/audit", CHECKER, full="true")
    return evidence.Evidence(list(journal.lines), log, ends, tables, audit)


def _databases(fleet: Fleet) -> dict[str, str]:
    return {service: fleet.platform.database_url(service) for service in evidence.SERVICES}


def shown(lines: list[Line]) -> list[Finding]:
    """That the run has shown what it was for: each kind of fault, commands acknowledged while it lasted, and a frozen
    consumer whose group had put it out."""
    found = []
    commands = [x["at"] for x in lines if x["what"] == "command" and 0 < x["status"] < 300]
    for kind in KINDS:
        faults = [x for x in lines if x["what"] == "fault" and x["kind"] == kind]
        if not faults:
            found.append(Finding(NOTHING, f"no {kind}"))
        if faults and not any(x["begun"] <= at <= x["ended"] for x in faults for at in commands):
            found.append(Finding(NOTHING, f"no command was acknowledged during: {kind}"))
        if kind == FREEZE and not any(set(x["members"]) - set(x["members_after"]) for x in faults):
            found.append(Finding(NOTHING, "no frozen consumer was put out of its group"))
    return found


def _figures(journal: Journal, found: evidence.Evidence) -> dict[str, int]:
    commands = journal.of("command")
    faults = Counter(x["kind"] for x in journal.of("fault"))
    return {
        **dict(faults),
        "commands": len(commands),
        "acknowledged": sum(0 < x["status"] < 300 for x in commands),
        "tried again": sum(x["tries"] > 1 for x in commands),
        "answered from memory": sum(bool(x.get("replayed")) for x in commands),
        **checker.figures(found),
    }
