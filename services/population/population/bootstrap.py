"""The founding: the areas of the founding document, each once."""

from __future__ import annotations

import sys

import structlog

from population import store
from population.domain import area as areas
from suizhuan.context import Context, derived_id
from suizhuan.seed import Seed, load_seed
from suizhuan.service import Service

log = structlog.get_logger(__name__)


async def from_file(service: Service, arguments: list[str]) -> None:
    """`python -m population bootstrap FILE`."""
    if len(arguments) != 1:
        sys.exit("usage: python -m population bootstrap FILE")
    done = await bootstrap(service, load_seed(arguments[0], service.parts.profile))
    log.info("founded" if done else "founded_before")


async def bootstrap(service: Service, seed: Seed) -> bool:
    """Register every area of the founding document that is not registered yet, the broader ones first; False when
    there was none. People are not founded: a register begins with an import, or at somebody's door."""
    news = False
    root = service.parts.profile.root_area
    for entry in sorted(seed.areas, key=lambda area: (len(area.code), area.code)):
        context = Context.of_system("population", derived_id("founding", f"area:{entry.code}"))
        async with service.parts.uow.begin(context, limited=False) as tx:
            if await store.areas.find(tx.conn, entry.code) is not None:
                continue
            parent = areas.parent_of(entry.code)
            known = parent is not None and await store.areas.find(tx.conn, parent) is not None
            change = areas.register(
                entry.code,
                entry.name.zh,
                entry.name.en,
                root=root,
                parent_known=known,
                synthetic=entry.synthetic,
            )
            await store.areas.add(tx, change, None)
            news = True
    return news
