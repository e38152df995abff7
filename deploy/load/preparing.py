"""Before the load: a duty with money enough, and everybody's tokens. After it: the rest of the money goes back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deploy.story import Client, Scene, Silent, scene
from deploy.story.client import Caller, Json
from deploy.story.scene import AFFAIR, CATEGORY, COMMUNITY, FIRM, HANDLE, SANITATION

PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the users need to know."""

    area: str
    category: str
    receiver: str
    tokens: dict[str, str]
    mandate: str


class Unclean(Exception):
    """Why the platform is not as it must be after the load."""


async def prepare(client: Client, cases: int) -> Prepared:
    """A grid of 南关社区 with an earmark for so many cases; what its department lacks is allocated to it.

    Errors: ProblemAnswer; NotAsTold when it does not become active."""
    async with scene(client, Silent(), patience=PATIENCE_S) as made:
        await made.choose_grid()
        amount = cases * await _price(made.sanitation)
        await _afford(client, made, amount)
        end = (datetime.now(UTC) + timedelta(days=30)).isoformat()
        proposal = {
            "affair": AFFAIR,
            "area": made.area,
            "holder": COMMUNITY,
            "powers": [HANDLE],
            "staff": ["staff-nanguan-01"],
            "amount_fen": amount,
            "ends_at": end,
        }
        mandate = str((await made.sanitation.post("/mandates/mandates", proposal))["id"])
        await made.admission.post(f"/mandates/mandates/{mandate}/admission", {"decision": "admit"})
        await made.event("mandates.mandate.activated", mandate=mandate)
        people = {"resident": made.resident, "worker": made.worker, "crew": made.crew, "checker": made.checker}
        tokens = {name: caller.token for name, caller in people.items()}
        return Prepared(made.area, CATEGORY, FIRM, tokens, mandate)


async def finish(client: Client, mandate: str) -> Json:
    """The mandate ends and is settled; the auditor's report of everything. Errors: Unclean; ProblemAnswer."""
    sanitation = await client.sign_in("staff-sanitation-01")
    checker = await client.sign_in("staff-street-03")
    await sanitation.post(f"/mandates/mandates/{mandate}/end", {"reason": "压力测试结束 / the load is over"})
    state = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while state != "settled":
                await asyncio.sleep(0.2)
                state = (await checker.get(f"/mandates/mandates/{mandate}"))["state"]
    except TimeoutError:
        raise Unclean(f"mandate {mandate}: {state}, not settled within {PATIENCE_S:g} s") from None
    report = await checker.get("/audit", full="true")
    if report["verdict"] != "clean":
        raise Unclean(f"the auditor found / 审计发现: {report['violations'][:5]}")
    return report


async def _price(caller: Caller) -> int:
    """Of one case of the affair, in fen."""
    tariffs = (await caller.get("/finance/tariffs"))["items"]
    return next(int(one["price_fen"]) for one in tariffs if one["affair"] == AFFAIR)


async def _afford(client: Client, made: Scene, amount: int) -> None:
    """The department has that much; what it lacks, the finance bureau allocates from its own."""
    lacking = amount - await made.available(SANITATION)
    if lacking > 0:
        bureau = await client.sign_in("staff-finance-01")
        body = {"to": SANITATION, "amount_fen": lacking, "memo": "压力测试 / load"}
        await bureau.post("/finance/allocations", body)
