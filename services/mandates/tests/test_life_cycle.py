"""A mandate's life through the service: money, suspension, handing on, planned and early ends, emergencies."""

from __future__ import annotations

from datetime import timedelta

from mandates.bootstrap import bootstrap
from suizhuan.context import Context
from suizhuan.kernel.clock import utc_text
from suizhuan.seed import Seed

from .conftest import NANGUAN, OTHERS, RUBBISH, STREET, World


def soon(world: World, seconds: float = 60) -> str:
    return utc_text(world.clock.now() + timedelta(seconds=seconds))


async def history(world: World, mandate: str) -> list[tuple[str, str]]:
    found = (await world.get(f"/mandates/{mandate}")).json()["history"]
    return [(h["event"], h["state"]) for h in found]


async def test_without_money_at_the_payer_it_is_refused_and_says_who_can_act_next(world: World) -> None:
    world.money = False
    mandate = await world.activate()
    found = (await world.get(f"/mandates/{mandate}")).json()
    assert (found["state"], found["shortfall_fen"]) == ("refused", 500)
    assert (found["next_org"], found["next_action"]) == ("dept-finance", "finance.budget.allocate")
    assert world.last("mandate.refused")["reason"] == "shortfall"
    assert world.facts("switch.opened") == []


async def test_a_suspended_mandate_gives_its_powers_back_and_is_resumed_under_a_new_term(world: World) -> None:
    mandate = await world.activate()
    answer = await world.post(f"/mandates/{mandate}/suspension", {"reason": "整改"})
    assert (answer.status_code, answer.json()["state"]) == (202, "active")
    await world.carry()
    assert await world.state(mandate) == "suspended"
    assert await world.responsible() == "dept-sanitation"
    assert (await world.post(f"/mandates/{mandate}/resumption", {})).status_code == 202
    await world.carry()
    assert await world.state(mandate) == "active"
    assert await world.responsible() == "community-nanguan"
    assert [e.data["term"] for e in world.facts("mandate.activated")] == [1, 2]


async def test_an_early_end_takes_the_powers_then_the_money_and_then_it_is_settled(world: World) -> None:
    mandate = await world.activate()
    await world.post(f"/mandates/{mandate}/end", {"reason": "居民不满意"})
    await world.carry()
    assert await world.responsible() == "dept-sanitation"
    ended = world.last("mandate.ended")
    assert (ended["reason"], ended["switch"]) == ("居民不满意", world.last("switch.done")["switch"])
    (slot,) = world.last("switch.done")["slots"]
    assert (slot["old"]["mandate"], slot["old"]["term"], slot["new"]) == (mandate, 1, None)
    assert await world.state(mandate) == "ending"
    await world.settle_money(mandate, 42)
    assert await world.state(mandate) == "settled"
    assert world.last("mandate.settled")["returned_fen"] == 42
    assert [e for e, _ in await history(world, mandate)] == [
        "proposed", "admitted", "funded", "activated", "ending", "ended", "settled",
    ]  # fmt: skip


async def test_the_street_may_end_what_residents_disapprove_of(world: World) -> None:
    mandate = await world.activate()
    refused = await world.post(f"/mandates/{mandate}/end", {"reason": "x"}, "community-nanguan")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_power")
    ended = await world.post(f"/mandates/{mandate}/end", {"reason": "居民普遍不满意"}, "street-xiangli")
    assert ended.status_code == 202
    await world.carry()
    assert await world.responsible() == "dept-sanitation"


async def test_a_suspended_mandate_ends_without_a_switch(world: World) -> None:
    mandate = await world.activate()
    await world.post(f"/mandates/{mandate}/suspension", {"reason": "x"})
    await world.carry()
    world.seen.clear()
    await world.post(f"/mandates/{mandate}/end", {"reason": "x"})
    await world.carry()
    assert [e.name.split(".", 1)[1] for e in world.seen] == ["mandate.ending", "mandate.ended"]


async def test_a_mandate_is_handed_on_to_another_organisation_in_one_record(world: World) -> None:
    first = await world.activate()
    second = await world.activate(replaces=first, holder="firm-lvjie", staff=["staff-lvjie-01"])
    assert await world.responsible() == "firm-lvjie"
    assert len(world.facts("switch.opened")) == 2
    (slot,) = world.last("switch.done")["slots"]
    assert (slot["old"]["mandate"], slot["new"]["mandate"], slot["new"]["term"]) == (first, second, 2)
    ended = world.last("mandate.ended")
    assert (ended["mandate"], ended["reason"]) == (first, "replaced")


async def test_an_assist_mandate_stands_beside_the_lead_and_is_replaced_alone(world: World) -> None:
    await world.activate()
    first = await world.activate(role="assist", holder="firm-lvjie", staff=["staff-lvjie-01"])
    assert await world.responsible() == "community-nanguan"
    second = await world.activate(role="assist", holder="firm-jiecheng", staff=["staff-jiecheng-01"], replaces=first)
    old, new = world.last("switch.done")["slots"]
    assert (old["old"]["mandate"], old["new"], new["old"], new["new"]["mandate"]) == (first, None, None, second)
    grants = (await world.get("/grants", affair=RUBBISH, area=NANGUAN)).json()["items"]
    assert {g["mandate"] for g in grants if g["role"] == "assist"} == {second}


async def test_a_planned_end_needs_no_record(world: World) -> None:
    mandate = await world.activate(ends_at=soon(world))
    world.seen.clear()
    world.clock.advance(60)
    await world.carry()
    ended = world.last("mandate.ended")
    assert (ended["reason"], ended["switch"], ended["ended_at"]) == ("planned_end", None, ended["ends_at"])
    assert [e.name for e in world.seen] == ["mandates.mandate.ended"]
    assert await world.responsible() == "dept-sanitation"
    await world.settle_money(mandate)
    assert await world.state(mandate) == "settled"


async def test_a_planned_end_that_passes_while_mandates_is_down_ends_at_its_time(world: World) -> None:
    mandate = await world.activate(ends_at=soon(world))
    ends_at = (await world.row(mandate))["ends_at"]
    world.clock.advance(3600)
    await world.carry()
    row = await world.row(mandate)
    assert (row["state"], row["ended_at"]) == ("ending", ends_at)


async def test_a_successor_begins_after_the_gap_behind_the_planned_end(world: World) -> None:
    first = await world.activate(ends_at=soon(world))
    ends_at = (await world.row(first))["ends_at"]
    later = await world.activate(
        holder="firm-lvjie", staff=["staff-lvjie-01"], starts_at=utc_text(ends_at), ends_at=soon(world, 600)
    )
    assert await world.state(later) == "funded"
    world.clock.advance(60)
    await world.beat()
    assert await world.state(later) == "active"
    starts_at = (await world.row(later))["held_from"]
    assert starts_at == ends_at + world.parts.uow.timing.handover_gap
    assert world.last("switch.done")["slots"][0]["old"]["mandate"] == first


async def test_a_slot_is_free_at_once_although_the_row_of_its_planned_end_is_late(world: World) -> None:
    """The deadline of the end and the start of the next are due in the same moment: whichever comes first."""
    first = await world.activate(ends_at=soon(world))
    ends_at = (await world.row(first))["ends_at"]
    later = await world.activate(
        holder="firm-lvjie", staff=["staff-lvjie-01"], starts_at=utc_text(ends_at), ends_at=soon(world, 600)
    )
    world.clock.advance(60)
    async with world.parts.uow.begin(Context.of_system("mandates"), limited=False) as tx:
        await tx.cancel_deadline("mandate.planned_end", first)
    await world.carry()
    assert await world.state(later) == "active"
    assert (await world.row(first))["ended_at"] == ends_at


async def test_one_that_was_never_activated_expires_at_its_end_and_its_money_goes_back(world: World) -> None:
    world.silent.add(OTHERS[0])
    mandate = await world.activate(ends_at=soon(world, 5))
    world.clock.advance(5)
    await world.carry()
    row = await world.row(mandate)
    assert (row["state"], row["reason"], row["held_from"]) == ("ending", "expired", None)
    await world.settle_money(mandate)
    assert await world.state(mandate) == "settled"


async def test_a_withdrawn_proposal_is_refused_and_money_that_comes_late_goes_back(world: World) -> None:
    mandate = str((await world.propose())["id"])
    assert (await world.post(f"/mandates/{mandate}/admission", {"decision": "admit"}, "street-xiangli")).is_success
    withdrawn = await world.post(f"/mandates/{mandate}/withdrawal", {})
    assert withdrawn.json()["state"] == "refused"
    await world.carry()  # only now finance hears of the admission, and funds it
    assert world.last("mandate.ended")["mandate"] == mandate
    assert world.facts("switch.opened") == []
    await world.settle_money(mandate)
    assert await world.state(mandate) == "settled"


async def test_a_funded_mandate_can_be_withdrawn_while_its_switch_is_not_done(world: World) -> None:
    world.silent.add(OTHERS[0])
    mandate = await world.activate()
    await world.post(f"/mandates/{mandate}/withdrawal", {})
    switch = (await world.get("/switches", state="open")).json()["items"][0]["id"]
    await world.acknowledge(switch, OTHERS[0])
    await world.carry()
    assert (await world.get(f"/switches/{switch}")).json()["state"] == "dropped"
    assert await world.state(mandate) == "ending"
    assert await world.responsible() == "dept-sanitation"


async def test_a_later_start_waits_for_its_day(world: World) -> None:
    mandate = await world.activate(starts_at=soon(world, 30))
    assert await world.state(mandate) == "funded"
    assert world.facts("switch.opened") == []
    world.clock.advance(30)
    await world.beat()
    assert await world.state(mandate) == "active"


async def test_an_emergency_starts_at_once_and_its_money_follows(world: World) -> None:
    world.money = False
    mandate = str((await world.propose(emergency="safety"))["id"])
    await world.carry()
    assert await world.state(mandate) == "active"
    assert world.last("mandate.admitted")["emergency"] == "safety"
    await world.fund(mandate)
    await world.carry()
    assert world.last("mandate.funded")["mandate"] == mandate
    world.clock.advance(3600)
    await world.beat()
    assert await world.state(mandate) == "active"


async def test_an_emergency_that_is_not_funded_within_the_limit_is_suspended(world: World) -> None:
    world.money = False
    mandate = str((await world.propose(emergency="life"))["id"])
    await world.carry()
    world.clock.advance(world.parts.profile.emergency.funding_limit_h * 3600)
    await world.beat()
    assert await world.state(mandate) == "suspended"
    assert world.last("mandate.suspended")["reason"] == "unfunded"
    early = await world.post(f"/mandates/{mandate}/resumption", {})
    assert (early.status_code, early.json()["code"]) == (409, "not_funded")
    await world.fund(mandate)
    assert (await world.post(f"/mandates/{mandate}/resumption", {})).status_code == 202
    await world.carry()
    assert await world.state(mandate) == "active"


async def test_a_narrower_mandate_splits_a_slot_and_its_end_merges_it_again(world: World) -> None:
    await world.activate(area=STREET, holder="street-xiangli", staff=["staff-street-01"])
    narrow = await world.activate()
    assert world.last("switch.done")["slots"][0]["new"]["successor"] == "street-xiangli"
    assert await world.responsible() == "community-nanguan"
    await world.post(f"/mandates/{narrow}/end", {"reason": "x"})
    await world.carry()
    assert await world.responsible() == "street-xiangli"


async def test_while_a_switch_is_open_neither_holder_acts_there(world: World) -> None:
    world.silent.add(OTHERS[0])
    await world.activate()
    found = (await world.get("/routing", affair=RUBBISH, area=NANGUAN)).json()
    (switch,) = (await world.get("/switches", state="open")).json()["items"]
    assert found["chain"][-1]["yields_to"] == switch["id"]


async def test_founding_with_money_goes_the_ordinary_way(empty: World, small_seed: Seed) -> None:
    assert await bootstrap(empty.service, small_seed)
    waste, assist = "mandate-accumulated-waste-jiecheng", "mandate-exposed-rubbish-jiecheng"
    assert (await empty.state(waste), await empty.state(assist)) == ("admitted", "active")
    await empty.carry()
    await empty.beat()
    assert await empty.state(waste) == "active"
    assert await empty.responsible(STREET, "env.accumulated-waste") == "firm-jiecheng"
