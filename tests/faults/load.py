"""What the callers do all the while: cases and mandates from their beginning to their end, in several communities."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from .caller import READER, Callers, GivenUp, Json
from .checker import MOVED_ON

RUBBISH, WASTE = "01-02", "01-03"
AFFAIR, HANDLE, PRICE_FEN = "env.exposed-rubbish", "complaints.case.handle", 8000
FIRM, SANITATION = "firm-jiecheng", "dept-sanitation"
RESIDENT, CHECKER, ADMISSION = "resident-nanguan-01", READER, "staff-street-02"
COMMUNITIES = {
    "321302002903": "shuanghe",
    "321302002904": "yongyang",
    "321302002905": "hongxing",
    "321302002906": "shifan",
    "321302002907": "nanguan",
    "321302002908": "guoyuan",
}
STAFF = {FIRM: "staff-jiecheng-02", SANITATION: "staff-sanitation-01"} | {
    f"community-{name}": f"staff-{name}-01" for name in COMMUNITIES.values()
}
PEOPLE = [*STAFF.values(), RESIDENT, CHECKER, ADMISSION, *(f"staff-{name}-03" for name in COMMUNITIES.values())]
BETWEEN_S = 0.2  # a caller's rest between two matters: it bounds how much a run does
MOST_WASTE = 150  # cases that the firm's earmark of the year can pay
TRIES = 60


class Load:
    """Callers at work. A matter that was begun is brought to its end, also when the time is over."""

    def __init__(self, callers: Callers, seed: int) -> None:
        self.callers = callers
        self.seed = seed
        self.over = asyncio.Event()
        self.matters = 0
        self._waste = 0
        self._reported: list[str] = []
        self._grid = 100

    async def run(self) -> None:
        """Until `over` is set and everybody has finished."""
        desks = [self._desk(number, area, self._case) for number, area in enumerate(COMMUNITIES)]
        desks += [self._desk(100 + number, area, self._mandate) for number, area in enumerate(list(COMMUNITIES)[:2])]
        desks.append(self._desk(200, "321302002907", self._entry))
        desks.append(self._desk(300, "321302002908", self._only_report))
        await asyncio.gather(*desks)
        for case in self._reported:
            with suppress(GivenUp):
                await self._call_off(case)

    async def _desk(self, number: int, area: str, work: Callable[[random.Random, str], Awaitable[None]]) -> None:
        rng = random.Random(f"{self.seed}-{number}")
        while not self.over.is_set():
            with suppress(GivenUp):  # it stands in the journal, and fails the run
                await work(rng, area)
                self.matters += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), BETWEEN_S)

    async def _case(self, rng: random.Random, area: str) -> None:
        if rng.random() < 0.2 and self._waste < MOST_WASTE:
            self._waste += 1
            await self._finish(rng, await self._report(area, WASTE))
            return
        case = await self._report(area, RUBBISH)
        if rng.random() < 0.1:
            await self._call_off(case)
            return
        if rng.random() < 0.6:
            moved = await self._hand_over(case)
            if moved and rng.random() < 0.3:
                await self._act(case, "return", "return")
        await self._finish(rng, case)

    async def _only_report(self, _rng: random.Random, area: str) -> None:
        """Intake needs no power and no neighbour: it goes on whatever is away."""
        self._reported.append(await self._report(area, RUBBISH))

    async def _call_off(self, case: str) -> None:
        closure = {"outcome": "invalid", "reason": "out_of_scope", "redirect": "police"}
        await self._must(CHECKER, "close", f"/complaints/cases/{case}/closure", closure, about=case)

    async def _report(self, area: str, category: str) -> str:
        body = {"category": category, "area": area, "channel": "wechat"}
        return str((await self._must(RESIDENT, "report", "/complaints/cases", body))["id"])

    async def _hand_over(self, case: str) -> bool:
        """To the firm, by whoever is responsible now; whether it has moved (in a long outage its deadline passes)."""
        asked = await self._act(case, "handover", "handovers", {"to": FIRM})
        path = f"/complaints/handovers/{asked['id']}"
        decided = await self.callers.until(path, lambda handover: handover["state"] != "waiting", "decided")
        return bool(decided["state"] == "moved")

    async def _finish(self, rng: random.Random, case: str) -> None:
        """Done by who is responsible, checked (sometimes twice) and closed by the street."""
        path = f"/complaints/cases/{case}"
        if (await self.callers.look(path))["state"] == "dispatched":
            await self._act(case, "start", "start")
        for result in ("failed", "passed") if rng.random() < 0.15 else ("passed",):
            await self._act(case, "result", "result")
            kind = "verify" if result == "passed" else "reject"
            await self._must(CHECKER, kind, f"{path}/verification", {"result": result}, about=case)
        await self._must(CHECKER, "close", f"{path}/closure", {"outcome": "verified"}, about=case)

    async def _act(self, case: str, kind: str, action: str, body: Json | None = None) -> Json:
        """Something that only the responsible organisation may do. Errors: GivenUp."""
        path = f"/complaints/cases/{case}"
        for _ in range(TRIES):
            found = await self.callers.until(path, lambda now: now["responsible"] is not None, "routed")
            who = STAFF[found["responsible"]]
            reply = await self.callers.command(who, kind, f"{path}/{action}", body, about=case)
            if not reply.code:
                return reply.body
            if reply.code not in MOVED_ON:
                break
            await asyncio.sleep(0.5)  # the case is on its way to somebody else
        self.callers.journal.write("surprise", path=path, status=0, text=f"{kind} cannot be done")
        raise GivenUp(f"{kind} {case}")

    async def _must(self, who: str, kind: str, path: str, body: Json | None = None, *, about: str = "") -> Json:
        """A command that nothing stands against. Errors: GivenUp."""
        reply = await self.callers.command(who, kind, path, body, about=about)
        if reply.code:
            raise GivenUp(f"{kind} {path}: {reply.code}")
        return reply.body

    async def _mandate(self, rng: random.Random, area: str) -> None:
        """A grid is placed on its community with money, and goes back before its time with a case still open."""
        self._grid += 1
        grid, name = f"{area}{self._grid:03d}", COMMUNITIES[area]
        proposal = {
            "affair": AFFAIR,
            "area": grid,
            "holder": f"community-{name}",
            "powers": [HANDLE],
            "staff": [f"staff-{name}-01"],
            "amount_fen": PRICE_FEN * 4,
            "ends_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
        }
        sanitation = STAFF[SANITATION]
        mandate = str((await self._must(sanitation, "propose", "/mandates/mandates", proposal))["id"])
        path = f"/mandates/mandates/{mandate}"
        if rng.random() < 0.2:
            await self._must(sanitation, "withdraw", f"{path}/withdrawal", about=mandate)
            return
        early = await self._report(grid, RUBBISH)
        await self._must(ADMISSION, "admit", f"{path}/admission", {"decision": "admit"}, about=mandate)
        await self.callers.until(path, lambda found: found["state"] == "active", "active")
        await self._finish(rng, early)
        handed, left = await self._report(grid, RUBBISH), await self._report(grid, RUBBISH)
        await self._hand_over(handed)
        await self._finish(rng, handed)
        await self._must(sanitation, "end", f"{path}/end", {"reason": "演练 / drill"}, about=mandate)
        await self._finish(rng, left)
        await self.callers.until(path, lambda found: found["state"] == "settled", "settled")

    async def _entry(self, rng: random.Random, area: str) -> None:
        org, name = f"community-{COMMUNITIES[area]}", COMMUNITIES[area]
        amount = rng.randrange(1, 100)
        lines = [{"account": "541", "amount_fen": amount}, {"account": "102", "amount_fen": -amount}]
        body = {"memo": "办公用品", "approved_by": f"staff-{name}-02", "lines": [{"org": org, **x} for x in lines]}
        await self._must(f"staff-{name}-03", "entry", "/finance/entries", body)
