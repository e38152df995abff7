"""An activity: money first (G4), and what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from suizhuan.kernel.clock import utc_text

from .conftest import CIVIL, COMMUNITY, HOUR, MANDATE, NANGUAN, OTHER, POWERS, SERVICE, World, of

pytestmark = pytest.mark.either_database


async def test_nobody_signs_up_before_the_money_is_held(world: World) -> None:
    await world.register("r:wang")
    await world.events()
    made = await world.activity(held=False)
    assert made["state"] == "planned"
    planned, bill = await world.events()
    assert (planned.name, bill.name) == ("volunteers.activity.planned", "volunteers.bill.cost_planned")
    assert bill.data == {"bill": made["bill"], "mandate": MANDATE, "amount_fen": 20_000, "what": "activity clean-up"}
    assert (bill.attributes["org"], bill.attributes["mandate"], bill.key) == (COMMUNITY, MANDATE, made["bill"])
    shift = await world.shift(made)
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:wang") == (409, "activity_state")
    await world.bill("held", made["bill"], mandate=MANDATE, amount_fen=20_000)
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "open"
    assert (await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang"))["state"] == "signed"


async def test_what_costs_nothing_opens_at_once_and_asks_finance_for_nothing(world: World) -> None:
    made = await world.activity(planned_fen=0)
    assert (made["state"], made["bill"]) == ("open", None)
    assert await world.names() == ["activity.planned", "activity.opened"]


async def test_without_money_it_stays_shut_and_says_how_much_is_missing(world: World) -> None:
    made = await world.activity(held=False)
    await world.bill("refused", made["bill"], reason="short", shortfall_fen=7_000)
    made = await world.get(f"/activities/{made['id']}")
    assert (made["state"], made["refused"], made["shortfall_fen"]) == ("unfunded", "short", 7_000)
    shift = await world.shift(made)
    await world.register("r:wang")
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:wang") == (409, "activity_state")


async def test_the_money_is_asked_for_anew_by_another_bill_and_a_late_answer_to_the_old_one_is_none(
    world: World,
) -> None:
    made = await world.activity(held=False)
    await world.bill("refused", made["bill"], reason="short", shortfall_fen=7_000)
    await world.events()
    again = await world.post(f"/activities/{made['id']}/funding", COMMUNITY, {"planned_fen": 13_000})
    assert (again["state"], again["planned_fen"], again["shortfall_fen"]) == ("planned", 13_000, 0)
    assert again["bill"] != made["bill"]
    assert await world.names() == ["activity.replanned", "bill.cost_planned"]
    await world.bill("held", made["bill"], mandate=MANDATE, amount_fen=20_000)
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "planned"
    await world.bill("held", again["bill"], mandate=MANDATE, amount_fen=13_000)
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "open"


async def test_an_unfunded_activity_may_go_on_for_nothing(world: World) -> None:
    made = await world.activity(held=False)
    await world.bill("refused", made["bill"], reason="no_earmark", shortfall_fen=20_000)
    again = await world.post(f"/activities/{made['id']}/funding", COMMUNITY, {"planned_fen": 0})
    assert (again["state"], again["bill"]) == ("open", None)


@pytest.mark.parametrize("what", ["held", "refused", "paid"])
async def test_answers_to_other_services_and_to_nobody_change_nothing(world: World, what: str) -> None:
    made = await world.activity(held=False)
    await world.events()
    more = {"amount_fen": 1, "reason": "short", "shortfall_fen": 1}
    await world.bill(what, made["bill"], service="property", **more)
    await world.bill(what, "nobody.1", **more)
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "planned"
    assert await world.names() == []


async def test_answers_that_come_twice_or_in_the_wrong_order_change_nothing(world: World) -> None:
    made = await world.activity()
    await world.events()
    await world.bill("held", made["bill"], mandate=MANDATE, amount_fen=20_000)
    await world.bill("refused", made["bill"], reason="short", shortfall_fen=1)
    await world.bill("paid", made["bill"], amount_fen=1)
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "open"
    assert await world.names() == []


async def over(world: World, **more: Any) -> dict[str, Any]:
    """An activity that has been, with two hours of confirmed service."""
    made = await world.activity(**more)
    volunteer = await world.register("r:wang")
    shift = await world.shift(made)
    await world.serve(shift, "r:wang", volunteer)
    await world.at(datetime.fromisoformat(made["ends_at"]))
    await world.events()
    return made


async def test_its_real_cost_is_paid_to_its_organiser_and_the_activity_shows_it(world: World) -> None:
    made = await over(world)
    closed = await world.post(f"/activities/{made['id']}/closure", COMMUNITY, {"cost_fen": 15_000})
    assert (closed["state"], closed["cost_fen"], closed["minutes"], closed["paid_fen"]) == ("closed", 15_000, 120, None)
    fact, bill = await world.events()
    assert fact.data == {"activity": made["id"], "cost_fen": 15_000, "minutes": 120}
    assert bill.data == {"bill": made["bill"], "payee": COMMUNITY, "amount_fen": 15_000}
    assert (bill.name, bill.attributes["mandate"]) == ("volunteers.bill.cost_incurred", MANDATE)
    for _ in range(2):
        await world.bill("paid", made["bill"], amount_fen=15_000, entry="e1")
    settled = await world.get(f"/activities/{made['id']}")
    assert (settled["state"], settled["paid_fen"]) == ("settled", 15_000)
    assert await world.names() == ["activity.settled"]


async def test_where_nothing_was_spent_all_of_it_is_free_again(world: World) -> None:
    made = await over(world)
    assert (await world.post(f"/activities/{made['id']}/closure", COMMUNITY, {"cost_fen": 0}))["state"] == "settled"
    _, bill = await world.events()
    assert (bill.name, bill.data["reason"]) == ("volunteers.bill.withdrawn", "unspent")


async def test_a_free_activity_is_closed_without_a_word_to_finance(world: World) -> None:
    made = await over(world, planned_fen=0)
    assert (await world.post(f"/activities/{made['id']}/closure", COMMUNITY, {"cost_fen": 0}))["state"] == "settled"
    assert await world.names() == ["activity.closed"]


async def test_it_cannot_cost_more_than_was_planned_nor_end_before_it_is_over(world: World) -> None:
    early = await world.activity(starts_at=world.moment(200), ends_at=world.moment(201))
    assert await world.refused(f"/activities/{early['id']}/closure", COMMUNITY, {"cost_fen": 1}) == (409, "not_over")
    made = await over(world)
    above = {"cost_fen": 20_001}
    assert await world.refused(f"/activities/{made['id']}/closure", COMMUNITY, above) == (422, "above_plan")


async def test_it_is_not_closed_while_service_is_not_settled(world: World) -> None:
    made = await world.activity()
    shift = await world.shift(made)
    volunteer = await world.register("r:wang")
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang")
    await world.at(datetime.fromisoformat(made["ends_at"]))
    close = (f"/activities/{made['id']}/closure", COMMUNITY, {"cost_fen": 1})
    assert await world.refused(*close) == (409, "service_unsettled")
    absent = {"volunteer": volunteer, "outcome": "absent"}
    assert (await world.post(f"/shifts/{shift['id']}/confirmations", COMMUNITY, absent))["state"] == "absent"
    assert (await world.post(*close))["minutes"] == 0


async def test_calling_it_off_frees_the_money_and_the_places(world: World) -> None:
    made = await world.activity()
    shift = await world.shift(made)
    await world.register("r:wang")
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang")
    await world.events()
    gone = await world.post(f"/activities/{made['id']}/cancellation", COMMUNITY)
    assert (gone["state"], gone["cancelled"]) == ("cancelled", "organiser")
    events = await world.events()
    assert [e.name.removeprefix("volunteers.") for e in events] == [
        "activity.cancelled",
        "shift.cancelled",
        "bill.withdrawn",
    ]
    (place,) = (await world.get("/volunteers/me/service", "r:wang"))["items"]
    assert place["state"] == "withdrawn"
    assert await world.refused(f"/activities/{made['id']}/cancellation", COMMUNITY) == (409, "activity_state")


async def test_money_that_comes_after_it_was_called_off_does_not_open_it(world: World) -> None:
    made = await world.activity(held=False)
    await world.post(f"/activities/{made['id']}/cancellation", COMMUNITY)
    await world.bill("held", made["bill"], mandate=MANDATE, amount_fen=20_000)
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "cancelled"


async def test_what_was_never_held_is_not_withdrawn(world: World) -> None:
    made = await world.activity(held=False)
    await world.bill("refused", made["bill"], reason="short", shortfall_fen=1)
    await world.events()
    await world.post(f"/activities/{made['id']}/cancellation", COMMUNITY)
    assert await world.names() == ["activity.cancelled"]


async def test_once_somebody_serves_it_is_not_called_off(world: World) -> None:
    made = await world.activity()
    shift = await world.shift(made)
    await world.register("r:wang")
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang")
    await world.at(datetime.fromisoformat(made["starts_at"]))
    await world.post(f"/shifts/{shift['id']}/check-in", "r:wang", {"code": await world.code(shift["id"])})
    assert await world.refused(f"/activities/{made['id']}/cancellation", COMMUNITY) == (409, "activity_begun")


# --- mandates ---------------------------------------------------------------------------------------------------------


async def test_when_its_mandate_ends_what_has_not_begun_is_called_off_and_its_money_free(world: World) -> None:
    waiting, open_, unfunded = [await world.activity(held=held) for held in (False, True, False)]
    await world.bill("refused", unfunded["bill"], reason="short", shortfall_fen=1)
    other = await world.activity(by=OTHER, area="321302002909")
    shift = await world.shift(open_)
    await world.events()
    await world.log.revoke(MANDATE, COMMUNITY, SERVICE, NANGUAN)
    for _ in range(2):
        await world.mandate_ended()
    events = await world.events()
    assert {e.key for e in of(events, "activity.cancelled")} == {waiting["id"], open_["id"], unfunded["id"]}
    assert {e.data["reason"] for e in of(events, "activity.cancelled")} == {"mandate_ended"}
    assert {e.key for e in of(events, "bill.withdrawn")} == {waiting["bill"], open_["bill"]}
    assert [e.key for e in of(events, "shift.cancelled")] == [shift["id"]]
    assert (await world.get(f"/activities/{other['id']}"))["state"] == "open"


async def test_what_has_begun_goes_on_and_whoever_holds_the_power_now_brings_it_to_its_end(world: World) -> None:
    made = await world.activity()
    shift = await world.shift(made)
    volunteer = await world.register("r:wang")
    await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang")
    code = {"code": await world.code(shift["id"])}
    await world.at(datetime.fromisoformat(made["starts_at"]))
    await world.post(f"/shifts/{shift['id']}/check-in", "r:wang", code)
    await world.log.revoke(MANDATE, COMMUNITY, SERVICE, NANGUAN)
    await world.mandate_ended()
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "open"
    await world.later(4 * HOUR)
    await world.post(f"/shifts/{shift['id']}/check-out", "r:wang", code)
    confirm = (f"/shifts/{shift['id']}/confirmations", {"volunteer": volunteer})
    assert await world.refused(confirm[0], COMMUNITY, confirm[1]) == (403, "missing_power")
    assert (await world.post(confirm[0], CIVIL, confirm[1]))["confirmed_minutes"] == 240
    await world.events()
    await world.post(f"/activities/{made['id']}/closure", CIVIL, {"cost_fen": 100})
    (bill,) = of(await world.events(), "bill.cost_incurred")
    assert bill.data["payee"] == COMMUNITY


async def test_nothing_is_planned_under_a_mandate_of_which_the_end_was_heard_first(world: World) -> None:
    """The topics of mandates come in no order among each other: the grant may still be here."""
    await world.mandate_ended()
    assert await world.refused("/activities", COMMUNITY, world.activity_body()) == (409, "mandate_not_in_force")


async def test_what_was_planned_at_the_same_moment_is_called_off_a_moment_later(world: World) -> None:
    made = await world.activity()
    async with world.service.parts.database.write() as conn:  # as if it had not been committed when the end was heard
        from volunteers import tables as t

        hidden = t.activities.update().where(t.activities.c.id == made["id"])
        await conn.execute(hidden.values(mandate="unseen"))
    await world.mandate_ended()
    async with world.service.parts.database.write() as conn:
        await conn.execute(hidden.values(mandate=MANDATE))
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "open"
    await world.later(10)
    assert (await world.get(f"/activities/{made['id']}"))["state"] == "cancelled"


async def test_under_a_suspended_mandate_nobody_signs_up(world: World) -> None:
    made = await world.activity()
    shift = await world.shift(made)
    await world.register("r:wang")
    await world.log.revoke(MANDATE, COMMUNITY, SERVICE, NANGUAN)
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:wang") == (409, "mandate_not_in_force")


async def test_an_activity_never_outlasts_its_mandate(world: World) -> None:
    ends = datetime.fromisoformat(world.moment(26))
    await world.log.grant("m-short", COMMUNITY, "env.help", NANGUAN, POWERS, ends_at=ends)
    body = world.activity_body(affair="env.help")
    assert await world.refused("/activities", COMMUNITY, body) == (409, "outlasts_mandate")
    until = utc_text(ends - timedelta(hours=1))
    assert (await world.activity(affair="env.help", ends_at=until))["mandate"] == "m-short"


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"area": "999"}, "area_malformed"),
        ({"area": "321302002911"}, "unknown_area"),
        ({"area": "110101"}, "unknown_area"),
        ({"kind": "golf"}, "unknown_word"),
        ({"skills": ["flying"]}, "unknown_word"),
        ({"training": ["flying"]}, "unknown_word"),
        ({"min_age": 30, "max_age": 20}, "ages_wrong"),
        ({"dangerous": True}, "danger_for_minors"),
        ({"planned_fen": -1}, "invalid_request"),
        ({"planned_fen": 1.5}, "invalid_request"),
        ({"planned_fen": 10**16}, "invalid_request"),
        ({"title": "x\x00"}, "invalid_request"),
        ({"nobody": 1}, "invalid_request"),
        ({"starts_at": "2026-03-01T00:00:00Z"}, "times_wrong"),
        ({"starts_at": "2026-03-05T00:00:00"}, "invalid_request"),
        ({"starts_at": "0001-01-01T00:00:00Z"}, "invalid_request"),
        ({"ends_at": "2026-03-02T02:00:00Z"}, "times_wrong"),
        ({"insurance": "no such thing!"}, "invalid_request"),
    ],
)
async def test_an_activity_that_cannot_be_is_refused_by_its_code(
    world: World, change: dict[str, Any], code: str
) -> None:
    assert await world.refused("/activities", COMMUNITY, world.activity_body(**change)) == (422, code)
    assert await world.names() == []


async def test_a_team_that_is_not_there_or_dissolved_cannot_run_one(world: World) -> None:
    body = world.activity_body(team="nobody")
    assert await world.refused("/activities", COMMUNITY, body) == (404, "not_found")
    team = await world.post("/teams", COMMUNITY, {"title": "t", "kind": "judicial", "area": NANGUAN})
    await world.post(f"/teams/{team['id']}/dissolution", COMMUNITY)
    body = world.activity_body(team=team["id"])
    assert await world.refused("/activities", COMMUNITY, body) == (409, "team_dissolved")


async def test_where_it_is_dangerous_nobody_serves_before_everybody_is_insured(world: World) -> None:
    made = await world.activity(dangerous=True, min_age=18, kind="relief")
    shift = await world.shift(made)
    await world.register("r:wang")
    assert await world.refused(f"/shifts/{shift['id']}/sign-up", "r:wang") == (409, "insurance_missing")
    insured = await world.post(f"/activities/{made['id']}/insurance", COMMUNITY, {"insurance": "PICC-2026-001"})
    assert insured["insurance"] == "PICC-2026-001"
    assert (await world.post(f"/shifts/{shift['id']}/sign-up", "r:wang"))["state"] == "signed"


async def test_a_shift_lies_inside_its_activity(world: World) -> None:
    made = await world.activity()
    for wrong in ({"starts_at": world.moment(1)}, {"ends_at": world.moment(100)}, {"starts_at": world.moment(29)}):
        body = {"starts_at": made["starts_at"], "ends_at": made["ends_at"], "capacity": 1, **wrong}
        assert await world.refused(f"/activities/{made['id']}/shifts", COMMUNITY, body) == (422, "outside_activity")
    body = {"starts_at": made["starts_at"], "ends_at": made["ends_at"], "capacity": 0}
    assert await world.refused(f"/activities/{made['id']}/shifts", COMMUNITY, body) == (422, "invalid_request")
