"""Deadlines by the Chinese calendar, their cards, extension, suspension."""

from __future__ import annotations

from datetime import UTC, datetime

from .conftest import CENTRE, COMMUNITY, HOUR, STREET_ORG, World, of


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def cards(world: World) -> list[str]:
    return [str(e.data["card"]) for e in of(await world.events(), "case.card_raised")]


async def test_a_limit_in_working_days_skips_the_holidays(world: World) -> None:
    """2026-04-06 is Qingming: 20 working days from Monday 2026-03-02 end on Monday 03-30, 17:30."""
    case = await world.report(category="01-01", area="321302002")
    assert (await world.case(case))["due_at"] == "2026-03-30T09:30:00Z"
    world.clock.advance(30 * 86_400)  # Wednesday 2026-04-01
    case = await world.report(category="01-05", area="321302002")
    assert (await world.case(case))["due_at"] == "2026-04-09T09:30:00Z"  # 5 WD, over a long weekend


async def test_the_yellow_card_comes_one_working_day_before_and_the_red_one_after(world: World) -> None:
    case = await world.report(category="01-03")  # 2 working days: due on Wednesday, 17:30
    found = await world.case(case)
    assert moment(found["yellow_at"]) == moment("2026-03-03T17:30:00+08:00")
    assert moment(found["red_at"]) == moment("2026-03-05T09:00:00+08:00")
    await world.events()
    await world.later(32 * HOUR)
    assert await cards(world) == []
    await world.later(0.5 * HOUR)
    assert await cards(world) == ["yellow"]
    assert (await world.case(case))["card"] == "yellow"
    await world.later(39 * HOUR)
    assert await cards(world) == []
    await world.later(0.5 * HOUR)
    assert await cards(world) == ["red"]
    await world.later(100 * HOUR)
    assert await cards(world) == []


async def test_a_card_is_raised_also_after_a_restart_and_only_once(world: World) -> None:
    await world.report(category="01-03")
    world.clock.advance(33 * HOUR)
    await world.restart()
    await world.later(0)
    await world.deadlines()
    assert await cards(world) == ["yellow"]


async def test_no_card_is_raised_once_the_work_is_reported_as_done_until_the_check_fails(world: World) -> None:
    await world.log.grant("m-waste", COMMUNITY, "env.accumulated-waste", "321302002907", ["complaints.case.handle"])
    case = await world.report(category="01-03")
    await world.post(f"/cases/{case}/start", COMMUNITY)
    await world.post(f"/cases/{case}/result", COMMUNITY)
    await world.events()
    await world.later(33 * HOUR)
    assert await cards(world) == []
    await world.post(f"/cases/{case}/verification", STREET_ORG, {"result": "failed"})
    await world.deadlines()
    assert await cards(world) == ["yellow"]


async def test_more_time_is_signed_off_by_who_supervises_and_never_by_the_responsible(world: World) -> None:
    case = await world.report(category="01-03", area="321302002")
    answer = await world.ask("POST", f"/cases/{case}/extension", "dept-sanitation", {"limit": "3 WD"})
    assert (answer.status_code, answer.json()["code"]) == (403, "self_verification")
    assert await world.refused(f"/cases/{case}/extension", COMMUNITY, {"limit": "3 WD"}) == (403, "missing_power")
    found = await world.post(f"/cases/{case}/extension", STREET_ORG, {"limit": "3 WD"})
    assert moment(found["due_at"]) == moment("2026-03-09T17:30:00+08:00")
    extended = of(await world.events(), "case.extended")[0]
    assert (extended.data["signed_by"], extended.attributes["mandate"]) == (STREET_ORG, "m-verify")


async def test_extensions_together_stay_within_the_limit_of_the_profile(world: World) -> None:
    case = await world.report(category="01-03")
    path = f"/cases/{case}/extension"
    await world.post(path, STREET_ORG, {"limit": "6 WD"})
    answer = await world.ask("POST", path, STREET_ORG, {"limit": "5 WD"})
    assert (answer.status_code, answer.json()["code"]) == (422, "extension_too_long")
    await world.post(path, STREET_ORG, {"limit": "4 WD"})
    assert await world.refused(path, STREET_ORG, {"limit": "1 WH"}) == (422, "extension_too_long")
    assert await world.refused(path, STREET_ORG, {"limit": "soon"}) == (422, "limit_malformed")
    assert await world.refused(path, STREET_ORG, {"limit": "0 WD"}) == (422, "limit_malformed")


async def test_the_clock_stands_still_while_a_case_is_suspended(world: World) -> None:
    case = await world.report()  # 4 working hours from 09:00
    await world.post(f"/cases/{case}/start", COMMUNITY)
    await world.later(HOUR)
    assert (await world.post(f"/cases/{case}/suspension", COMMUNITY, {"reason": "weather"}))["state"] == "suspended"
    await world.events()
    await world.later(48 * HOUR)
    assert await cards(world) == []
    found = await world.post(f"/cases/{case}/resumption", STREET_ORG, {})
    assert found["state"] == "started"
    assert moment(found["due_at"]) == moment("2026-03-04T14:30:00+08:00")  # Wednesday 10:00 and 3 hours, over noon


async def test_a_suspended_case_is_neither_worked_on_nor_handed_over(world: World) -> None:
    case = await world.report()
    await world.post(f"/cases/{case}/suspension", STREET_ORG, {"reason": "season"})
    assert await world.refused(f"/cases/{case}/start", COMMUNITY) == (409, "case_state")
    assert await world.refused(f"/cases/{case}/handovers", COMMUNITY, {"to": "firm-jiecheng"}) == (409, "case_state")
    assert await world.refused(f"/cases/{case}/suspension", COMMUNITY, {"reason": "season"}) == (409, "case_state")
    assert await world.refused(f"/cases/{case}/resumption", CENTRE) == (403, "missing_power")


async def test_a_suspended_case_moves_with_its_slot_and_stays_suspended(world: World) -> None:
    case = await world.report()
    await world.post(f"/cases/{case}/start", COMMUNITY)
    await world.post(f"/cases/{case}/suspension", COMMUNITY, {"reason": "season"})
    await world.log.opened("s1", [world.lead_slot()])
    await world.placed("s1", case, 1, 8_000, purpose="switch")
    await world.log.done("s1", [{**world.lead_slot(), "old": world.old(), "new": world.new("m2", STREET_ORG)}])
    await world.log.beat()
    assert (await world.case(case))["state"] == "suspended"
    assert (await world.post(f"/cases/{case}/resumption", STREET_ORG))["state"] == "dispatched"


async def test_the_broader_checker_signs_where_the_slots_holder_answers_for_the_case(world: World) -> None:
    await world.log.grant("m-street", STREET_ORG, "env.water", "321302002", ["complaints.case.handle"])
    case = await world.report(category="01-05", area="321302002")
    await world.post(f"/cases/{case}/extension", CENTRE, {"limit": "1 WD"})
