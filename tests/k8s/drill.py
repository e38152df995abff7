"""Commands all the while: complaints gets a new version, finance loses pods at random; then the checker of tests/faults
looks for what was lost, or done twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

from deploy.topology import BY_NAME
from suizhuan.adapters.kafka_client import security
from tests.faults import checker, evidence, settling
from tests.faults.caller import Callers
from tests.faults.findings import LEFT, NOTHING, Finding
from tests.faults.journal import Journal
from tests.faults.load import CHECKER, PEOPLE, Load

from .cluster import Cluster

BETWEEN_S = (4.0, 10.0)  # two pods of finance
AT_MOST_S = 120.0  # less than a caller has patience for
FINISH_S = 400.0
SETTLE_S = 240.0
ROLL, DELETE = "roll", "delete"


class Drill:
    """One run, on a district that nobody has used yet. `databases` by service and `kafka`: as this process has them."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        *,
        databases: dict[str, str],
        kafka: str,
        password: str,
        say: Callable[[str], None],
    ) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.databases = databases
        self.kafka = kafka
        self.signed_in = security("admin", password)
        self.say = say

    async def run(
        self, base: str, issuer: str, folder: Path, roll: Callable[[], Awaitable[None]], *, seed: int, seconds: float
    ) -> list[Finding]:
        """What must not be; nothing, when all is well."""
        journal = Journal(folder / "journal.jsonl")
        callers = Callers(base, issuer, journal)
        try:
            await callers.sign_in(*PEOPLE)
            load = Load(callers, seed)
            working = asyncio.create_task(load.run())
            await self._begun(journal, working)
            await self._faults(journal, roll, random.Random(seed), seconds)
            load.over.set()
            await asyncio.to_thread(self.cluster.rolled_out, self.namespace)
            left = await self._finish(working)
            found = await self._gather(callers, journal)
        finally:
            await callers.close()
            journal.close()
        told = [f"{n} {name}" for name, n in checker.figures(found).items()]
        done = [x for x in journal.of("command") if 0 < x["status"] < 300]
        self.say(f"{len(done)} commands done, {sum(x['tries'] > 1 for x in done)} asked again · {' · '.join(told)}")
        findings = [Finding(LEFT, what) for what in left] + checker.check(found)
        return findings + _shown(journal)

    async def _begun(self, journal: Journal, working: asyncio.Task[None]) -> None:
        while not any(0 < x["status"] < 300 for x in journal.of("command")):
            if working.done():
                working.result()
            await asyncio.sleep(0.2)

    async def _faults(
        self, journal: Journal, roll: Callable[[], Awaitable[None]], rng: random.Random, seconds: float
    ) -> None:
        begun = journal.now()
        self.say("complaints is rolled to a new version / complaints 滚动升级")
        await roll()
        journal.write("fault", kind=ROLL, target="complaints", begun=begun, ended=journal.now())
        self.say(f"rolled in {journal.now() - begun:.0f} s; finance's pods are deleted / 随机删除 finance 的 Pod")
        last = journal.now() + seconds
        while journal.now() < last:
            pods = await asyncio.to_thread(self.cluster.get, "pods", self.namespace, PROCESSES_OF_FINANCE)
            alive = sorted(p["metadata"]["name"] for p in pods if "deletionTimestamp" not in p["metadata"])
            if alive:
                at, name, hard = journal.now(), rng.choice(alive), rng.random() < 0.5
                how = ("--grace-period=0", "--force") if hard else ()
                await asyncio.to_thread(
                    self.cluster.kubectl, "delete", "pod", name, "-n", self.namespace, "--wait=false", *how
                )
                self.say(f"  {'killed' if hard else 'deleted'} {name}")
                await asyncio.sleep(rng.uniform(*BETWEEN_S))
                await _answered(journal, "entry", at)
                journal.write("fault", kind=DELETE, target=name, hard=hard, begun=at, ended=journal.now())

    async def _finish(self, working: asyncio.Task[None]) -> list[str]:
        done, _ = await asyncio.wait({working}, timeout=FINISH_S)
        if not done:
            working.cancel()
            await asyncio.wait({working})
            return ["callers had not finished"]
        working.result()
        return await settling.settled(self.databases, self.kafka, SETTLE_S, **self.signed_in)

    async def _gather(self, callers: Callers, journal: Journal) -> evidence.Evidence:
        log, ends = await evidence.read_log(self.kafka, tuple(BY_NAME), **self.signed_in)
        tables = await evidence.read_tables(self.databases)
        audit = await callers.look("/audit", CHECKER, full="true")
        return evidence.Evidence(list(journal.lines), log, ends, tables, audit)


PROCESSES_OF_FINANCE = "app.kubernetes.io/name=finance,app.kubernetes.io/component in (api,worker)"


async def _answered(journal: Journal, kind: str, since: float) -> None:
    """Until a command of that kind was, or `AT_MOST_S` seconds: callers do not wait for ever."""
    while journal.now() - since < AT_MOST_S:
        if any(x["kind"] == kind and 0 < x["status"] < 300 and x["at"] > since for x in journal.of("command")):
            return
        await asyncio.sleep(0.3)  # between two looks at another process's doings


def _shown(journal: Journal) -> list[Finding]:
    """That commands were acknowledged while complaints was rolled, and while finance's pods went."""
    done = [x["at"] for x in journal.of("command") if 0 < x["status"] < 300]
    found = []
    for kind in (ROLL, DELETE):
        faults = [x for x in journal.of("fault") if x["kind"] == kind]
        if not any(x["begun"] <= at <= x["ended"] for x in faults for at in done):
            found.append(Finding(NOTHING, f"no command was acknowledged during: {kind}"))
    return found
