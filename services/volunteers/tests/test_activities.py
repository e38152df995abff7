"""An activity: money first (G4), and what becomes of it."""

from __future__ import annotations

from .conftest import COMMUNITY, MANDATE, World, of


async def test_nobody_signs_up_before_the_money_is_held(world: World) -> None:
    await world.register("r:wang")
    made = await world.activity(held=False)
    assert made["state"] == "planned"
    (bill,) = of(await world.events(), "bill.cost_planned")
    assert bill.data == {"bill": made["bill"], "mandate": MANDATE, "amount_fen": 20_000, "what": "activity clean-up"}
    assert (bill.attributes["org"], bill.attributes["mandate"], bill.key) == (COMMUNITY, MANDATE, made["bill"])
    shift = await world.shift(made)
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:wang") == (409, "activity_state")
    await world.bill("held", made["bill"], mandate=MANDATE, amount_fen=20_000)
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "open"
    assert (await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang"))["state"] == "signed"
