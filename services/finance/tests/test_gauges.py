"""What finance measures: money that moved, and money that is set aside."""

from __future__ import annotations

from typing import Any

from finance import gauges
from suizhuan.service import Service

from .test_money import GIVER, HOLDER, PRICE, finance, fund, request, verify

__all__ = ["finance"]


async def measured(service: Service, name: str, **labels: str) -> float | None:
    metrics = service.parts.metrics
    async with service.parts.database.read() as conn:
        await gauges.look(conn, metrics, service.parts.clock.now(), bank=service.parts.profile.account_roles.bank)
    return metrics.registry.get_sample_value(f"suizhuan_{name}", labels)


async def test_a_hold_is_open_until_its_work_is_verified(finance: Service) -> None:
    await fund(finance, 200_000)
    before, free = await measured(finance, "earmarks_fen"), await measured(finance, "available_fen")
    await request(finance, "ho1")
    assert (await measured(finance, "holds_open"), await measured(finance, "holds_fen")) == (1, PRICE)
    assert await measured(finance, "earmarks_fen") == (before or 0) - PRICE
    assert await measured(finance, "available_fen") == free, "a hold on an earmark takes nothing of a budget"
    await verify(finance)
    assert (await measured(finance, "holds_open"), await measured(finance, "holds_fen")) == (0, 0)


async def test_money_is_counted_by_what_it_moved_for(finance: Service) -> None:
    async def moved(kind: str) -> Any:
        return await measured(finance, "moved_fen_total", kind=kind) or 0

    earmarked, captured = await moved("earmark"), await moved("capture")
    (posted, _) = await fund(finance, 200_000)
    assert {line["org"] for line in posted.data["lines"]} == {GIVER, HOLDER}
    sides = sum(line["amount_fen"] for line in posted.data["lines"] if line["amount_fen"] > 0)
    assert await moved("earmark") - earmarked == sides
    await request(finance, "ho1")
    assert await moved("capture") == captured
    await verify(finance)
    assert await moved("capture") > captured
