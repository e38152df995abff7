"""A case from its report to its money, over HTTP."""

from __future__ import annotations

from .conftest import AFFAIR, CENTRE, COMMUNITY, FIRM, GRID, LEAD_MANDATE, PRICE, SANITATION, STREET_ORG, World, of


async def test_a_report_is_routed_to_the_longest_prefix_with_price_and_times(world: World) -> None:
    case = await world.report()
    found = await world.case(case)
    assert (found["state"], found["responsible"], found["mandate"]) == ("dispatched", COMMUNITY, LEAD_MANDATE)
    assert (found["case_term"], found["price_fen"], found["affair"]) == (1, PRICE, AFFAIR)
    assert found["due_at"] == "2026-03-02T06:30:00Z"  # 09:00 + 4 working hours, over noon
    reported, routed = await world.events()
    assert (reported.name, routed.name) == ("complaints.case.reported", "complaints.case.routed")
    assert "mandate" not in reported.attributes
    assert (routed.attributes["mandate"], routed.attributes["area"]) == (LEAD_MANDATE, GRID)
    assert [reported.attributes["sequence"], routed.attributes["sequence"]] == ["1", "2"]


async def test_where_nobody_leads_the_owner_of_the_affair_is_responsible(world: World) -> None:
    found = await world.case(await world.report(area="321302002"))
    assert (found["responsible"], found["mandate"]) == (SANITATION, f"root:{AFFAIR}")


async def test_a_case_is_worked_on_verified_paid_closed_and_settled(world: World) -> None:
    case = await world.report()
    await world.finish(case)
    assert (await world.names())[2:] == ["case.started", "case.handled", "case.verified"]
    await world.hear("finance.case.paid", case, {"case": case, "amount_fen": PRICE, "price_fen": PRICE})
    assert (await world.case(case))["state"] == "verified"
    await world.post(f"/cases/{case}/closure", STREET_ORG)
    assert await world.names() == ["case.closed", "case.settled"]
    found = await world.case(case)
    assert (found["state"], found["outcome"], found["paid_fen"]) == ("closed", "verified", PRICE)
    assert found["settled_at"] is not None


async def test_a_case_that_is_closed_before_its_money_settles_when_it_comes(world: World) -> None:
    case = await world.report()
    await world.finish(case)
    await world.post(f"/cases/{case}/closure", STREET_ORG)
    await world.events()
    await world.hear("finance.case.unpaid", case, {"case": case, "price_fen": PRICE, "shortfall_fen": 3000})
    (settled,) = await world.events()
    assert (settled.name, settled.data["paid_fen"]) == ("complaints.case.settled", PRICE - 3000)
    await world.hear("finance.case.unpaid", case, {"case": case, "price_fen": PRICE, "shortfall_fen": 3000})
    assert await world.names() == []


async def test_a_failed_check_sends_the_case_back_to_work(world: World) -> None:
    case = await world.report()
    await world.post(f"/cases/{case}/start", COMMUNITY)
    await world.post(f"/cases/{case}/result", COMMUNITY)
    await world.post(f"/cases/{case}/verification", STREET_ORG, {"result": "failed"})
    found = await world.case(case)
    assert (found["state"], found["handled_at"], found["responsible"]) == ("started", None, COMMUNITY)


async def test_every_act_names_its_organisation_mandate_and_term(world: World) -> None:
    case = await world.report()
    await world.finish(case)
    events = {e.name.removeprefix("complaints.case."): e.attributes for e in await world.events()}
    assert (events["started"]["org"], events["started"]["mandate"]) == (COMMUNITY, LEAD_MANDATE)
    assert (events["verified"]["org"], events["verified"]["mandate"]) == (STREET_ORG, "m-verify")
    assert all(events[n]["term"] for n in ("routed", "started", "handled", "verified"))


async def test_an_invalid_case_is_closed_with_a_place_to_turn_to_and_nothing_is_paid(world: World) -> None:
    case = await world.report()
    body = {"outcome": "invalid", "reason": "out_of_scope", "redirect": "police"}
    found = await world.post(f"/cases/{case}/closure", STREET_ORG, body)
    assert (found["outcome"], found["redirect"]) == ("invalid", "police")
    assert (await world.names())[-1] == "case.closed"
    await world.hear("finance.case.paid", case, {"case": case, "amount_fen": 0, "price_fen": PRICE})
    assert await world.names() == []


async def test_a_duplicate_names_the_case_that_it_repeats(world: World) -> None:
    first, second = await world.report(), await world.report()
    closure = f"/cases/{second}/closure"
    body = {"outcome": "invalid", "reason": "duplicate"}
    assert await world.refused(closure, STREET_ORG, body) == (422, "duplicate_of_missing")
    assert await world.refused(closure, STREET_ORG, {**body, "duplicate_of": second}) == (422, "duplicate_of_missing")
    assert await world.refused(closure, STREET_ORG, {**body, "duplicate_of": "nobody"}) == (404, "not_found")
    assert (await world.post(closure, STREET_ORG, {**body, "duplicate_of": first}))["redirect"] == first


async def test_whoever_answers_for_a_case_may_not_check_it(world: World) -> None:
    """The street leads in rubbish too: then the broader holder checks, as holder of the broader area."""
    await world.log.grant("m-street", STREET_ORG, AFFAIR, "321302002", ["complaints.case.handle"])
    case = await world.report(area="321302002")
    await world.post(f"/cases/{case}/start", STREET_ORG)
    await world.post(f"/cases/{case}/result", STREET_ORG)
    answer = await world.ask("POST", f"/cases/{case}/verification", STREET_ORG, {"result": "passed"})
    assert (answer.status_code, answer.json()["code"]) == (403, "self_verification")
    assert answer.json()["params"]["holder"] == CENTRE
    await world.post(f"/cases/{case}/verification", CENTRE, {"result": "passed"})


async def test_a_case_is_reported_while_nobody_holds_its_affair_and_routed_later(empty: World) -> None:
    case = await empty.report()
    assert (await empty.case(case))["state"] == "reported"
    assert await empty.refused(f"/cases/{case}/start", COMMUNITY) == (403, "missing_power")
    await empty.deadlines()
    await empty.log.grant(f"root:{AFFAIR}", SANITATION, AFFAIR, "321302", ["complaints.case.handle"])
    await empty.later(5)
    found = await empty.case(case)
    assert (found["state"], found["responsible"]) == ("dispatched", SANITATION)
    assert (await empty.names())[:2] == ["case.reported", "case.routed"]


async def test_intake_passes_when_the_replica_is_stale_and_acts_do_not(world: World) -> None:
    world.clock.advance(3600)
    case = await world.report()
    assert (await world.case(case))["responsible"] == COMMUNITY
    assert await world.refused(f"/cases/{case}/start", COMMUNITY) == (503, "replica_stale")


async def test_the_history_is_the_chain_of_authority(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    steps = (await world.get(f"/cases/{case}/history"))["items"]
    assert [s["event"].removeprefix("complaints.case.") for s in steps] == [
        "reported",
        "routed",
        "handover_requested",
        "handed_over",
    ]
    assert [s["org"] for s in steps][2:] == [COMMUNITY, FIRM]
    assert of(await world.events(), "case.handed_over")[0].id == steps[3]["event_id"]
    first = await world.get(f"/cases/{case}/history", limit=1)
    second = await world.get(f"/cases/{case}/history", limit=3, cursor=first["next"])
    assert [s["version"] for s in second["items"]] == [2, 3, 4]
    assert second["next"] is None
