"""The founding of voluntary service: a standing team of each kind for every community that may lead teams.

Derived from the founding document: its mandates say who may lead teams where. What is made up there is made up here."""

from __future__ import annotations

import structlog

from suizhuan.context import Context, derived_id
from suizhuan.seed import Seed, load_seed
from suizhuan.service import Service
from volunteers import desk, store
from volunteers.domain import team

log = structlog.get_logger(__name__)


async def from_file(service: Service, arguments: list[str]) -> None:
    """`python -m volunteers bootstrap FILE`."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m volunteers bootstrap FILE")
    done = await bootstrap(service, load_seed(arguments[0], service.parts.profile))
    log.info("founded" if done else "founded_before")


async def bootstrap(service: Service, seed: Seed) -> bool:
    """Found every team that is not there yet; False when there was none to found."""
    parts = service.parts
    context = Context.of_system(parts.name, derived_id("founding", parts.name))
    news = False
    async with parts.uow.begin(context, limited=False) as tx:
        for mandate in seed.mandates:
            if desk.LEAD_TEAM not in mandate.powers:
                continue
            for kind in parts.profile.volunteering.team_kinds:
                team_id = derived_id("founding", f"team {mandate.holder} {mandate.area} {kind.code}")
                if await store.TEAM.find(tx.conn, team_id) is not None:
                    continue
                change = team.found(team=team_id, org=mandate.holder, kind=kind.code, project=None, area=mandate.area)
                await store.TEAM.add(tx, change, org=mandate.holder)
                await store.put_title(tx, team_id, f"{kind.name.zh}（演示）" if mandate.synthetic else kind.name.zh)
                news = True
    return news
