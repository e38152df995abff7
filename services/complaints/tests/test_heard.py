"""What neighbours say that cannot be taken, or comes late."""

from __future__ import annotations

from typing import Any

import pytest

from suizhuan.kernel.refusal import Refusal

from .conftest import AFFAIR, World


@pytest.mark.parametrize(
    ("name", "key", "data"),
    [
        ("finance.hold.placed", "c", {"hold": "h"}),
        ("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": -5}),
        ("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": 1.5}),
        ("mandates.organisation.registered", "o", {"org": "o", "name": "o", "areas": ["12345"]}),
    ],
)
async def test_a_malformed_event_is_told_by_its_reason_and_changes_nothing(
    world: World, name: str, key: str, data: dict[str, Any]
) -> None:
    with pytest.raises(Refusal) as no:
        await world.hear(name, key, data)
    assert no.value.code in {"event_malformed", "amount_not_positive", "area_malformed"}


async def test_an_older_price_that_comes_late_does_not_replace_the_newer_one(world: World) -> None:
    await world.hear("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": 9_000})
    world.sequence = 0
    await world.hear("finance.tariff.set", AFFAIR, {"affair": AFFAIR, "price_fen": 1})
    assert (await world.case(await world.report()))["price_fen"] == 9_000
