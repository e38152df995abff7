"""Queries of firms and their contracts."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from property import tables as t
from property.domain import contract, firm
from property.domain.contract import ENDED, Contract
from property.domain.firm import Firm
from property.store import Kept

FIRMS: Kept[Firm] = Kept(t.firms, Firm, "firm", firm.after)
CONTRACTS: Kept[Contract] = Kept(t.contracts, Contract, "contract", contract.after)


async def of_estate(conn: AsyncConnection, estate: str) -> list[Contract]:
    """The contracts of an estate that are not over, the oldest first."""
    query = select(t.contracts).where(t.contracts.c.estate == estate, t.contracts.c.state != ENDED)
    return [CONTRACTS.made(row) for row in await conn.execute(query.order_by(t.contracts.c.id))]
