"""Who takes part in the story, where it plays, and what has happened in it so far."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from deploy.story.client import Caller, Client, Json, Listener, ProblemAnswer, Seen
from deploy.story.telling import NotAsTold, Teller, same

NANGUAN = "321302002907"
AFFAIR = "env.exposed-rubbish"
HANDLE = "complaints.case.handle"
CATEGORY = "01-02"
SANITATION, COMMUNITY = "dept-sanitation", "community-nanguan"
FIRM, ESTATE_FIRM = "firm-jiecheng", "firm-xingfujiayuan"
GRIDS = range(100, 1000)  # the real grids of the community have smaller numbers
ASK_AGAIN_S = 0.1
OVER = ("settled", "refused")


@dataclass(slots=True)
class Scene:
    """The people of the story with their tokens, its grid, and what later parts need of earlier ones."""

    tell: Teller
    events: Listener
    patience: float
    hub: Caller
    sanitation: Caller  # 环卫处, owner of the affair
    admission: Caller  # the street's clerk who decides on admission
    checker: Caller  # the street's clerk who checks the work
    worker: Caller  # of 南关社区
    crew: Caller  # of the sanitation firm
    resident: Caller
    area: str = ""
    price_fen: int = 0
    mandate: str = ""
    early_case: str = ""  # reported before the mandate was active
    paid_case: str = ""  # handed over, verified, paid to the firm
    open_case: str = ""  # came back, and is open when the mandate ends

    async def event(self, name: str, **data: object) -> Seen:
        """The first event of that name with these data. Errors: NotAsTold when it does not come."""
        try:
            return await self.events.wait(
                name, lambda e: all(e.data.get(k) == v for k, v in data.items()), timeout=self.patience
            )
        except TimeoutError:
            raise NotAsTold(f"no {name} with {data} within {self.patience:.0f} s") from None

    async def soon(self, what: str, ask: Callable[[], Awaitable[object]], expected: object = True) -> None:
        """What a service answers from its own copy of the streams becomes `expected`. Errors: NotAsTold when not."""
        found: object = None
        try:
            async with asyncio.timeout(self.patience):
                while (found := await ask()) != expected:  # noqa: ASYNC110 - it happens in another process
                    await asyncio.sleep(ASK_AGAIN_S)
        except TimeoutError:
            raise NotAsTold(f"{what}: {found!r}, expected {expected!r}, after {self.patience:.0f} s") from None

    async def report(self, what: str) -> Json:
        """A resident reports rubbish in the grid: the case."""
        body = {"category": CATEGORY, "area": self.area, "channel": "wechat", "description": what}
        return await self.resident.post("/complaints/cases", body)

    async def case(self, case: str) -> Json:
        return await self.checker.get(f"/complaints/cases/{case}")

    async def earmark(self) -> Json:
        return await self.checker.get(f"/finance/earmarks/{self.mandate}")

    async def available(self, org: str) -> int:
        """What the organisation can spend now, in fen."""
        return int((await self.checker.get(f"/finance/organisations/{org}/money"))["available_fen"])

    async def work_done(self, by: Caller, case: str) -> None:
        """The responsible organisation does the work, and the street's clerk finds it good."""
        if (await self.case(case))["state"] == "dispatched":
            await by.post(f"/complaints/cases/{case}/start")
        await by.post(f"/complaints/cases/{case}/result")
        await self.checker.post(f"/complaints/cases/{case}/verification", {"result": "passed", "satisfied": True})

    async def close(self, case: str) -> None:
        """The street's clerk closes a case whose work was found good."""
        await self.checker.post(f"/complaints/cases/{case}/closure", {"outcome": "verified"})

    async def choose_grid(self) -> None:
        """A grid of 南关社区 in which nobody tells this story now (ADR 5)."""
        used: set[str] = set()
        cursor = ""
        while True:
            page = await self.checker.get(
                "/mandates/mandates", affair=AFFAIR, area=NANGUAN, limit="200", **({"cursor": cursor} if cursor else {})
            )
            used |= {m["area"] for m in page["items"] if m["state"] not in OVER}
            cursor = page["next"]
            if not cursor:
                break
        free = [area for n in GRIDS if (area := f"{NANGUAN}{n:03d}") not in used]
        if not free:
            raise NotAsTold("no free grid / 没有空闲网格")
        self.area = random.choice(free)  # noqa: S311 - so that two at once hardly meet


async def refusal(by: Caller, path: str, body: dict[str, Any] | None, code: str) -> ProblemAnswer:
    """`by` is refused with `code`. Errors: NotAsTold when not, or otherwise."""
    try:
        answer = await by.post(path, body)
    except ProblemAnswer as no:
        same(f"{by.name}: POST {path} is refused with", no.code, code)
        return no
    raise NotAsTold(f"{by.name}: POST {path} should have been refused with {code}, but: {answer}")


@asynccontextmanager
async def scene(client: Client, tell: Teller, *, patience: float = 30.0) -> AsyncIterator[Scene]:
    """Everybody is signed in and the event stream is followed, as long as the block lasts.

    `patience`: seconds that an effect may take in another service.
    """
    hub = await client.sign_in_program("hub-smart-city", "demo-hub-secret")
    names = ("staff-sanitation-01", "staff-street-02", "staff-street-03", "staff-nanguan-01", "staff-jiecheng-02")
    sanitation, admission, checker, worker, crew = await asyncio.gather(*(client.sign_in(n) for n in names))
    resident = await client.sign_in("resident-nanguan-01")
    async with client.listening(hub) as events:
        made = Scene(tell, events, patience, hub, sanitation, admission, checker, worker, crew, resident)
        yield made
