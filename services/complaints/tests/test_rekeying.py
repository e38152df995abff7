"""Cases of areas that get other codes: who keeps them, which of them move, and with what money."""

from __future__ import annotations

import pytest

from complaints import tables as t
from suizhuan.testing import published
from suizhuan.testing_world import rows, said_of

from .conftest import (
    AFFAIR,
    COMMUNITY,
    FIRM,
    GRID,
    HANDLE,
    LEAD_MANDATE,
    NANGUAN,
    PRICE,
    SANITATION,
    STREET,
    XIANGLI,
    World,
    of,
)

pytestmark = pytest.mark.either_database
NEW = STREET + "911"
RENUMBERED = [{"old": NANGUAN, "new": NEW, "heir": True}]
OTHER = "community-xiangli"


async def prepared(world: World) -> list[str]:
    """The cases for which finance was asked since the last call."""
    return [e.key for e in of(await world.events(), "case.hold_requested")]


async def test_a_case_whose_holder_stays_keeps_it_under_the_new_term(world: World) -> None:
    case = await world.report()
    await world.post(f"/cases/{case}/start", COMMUNITY)
    await world.events()
    switch = await world.log.rekey(RENUMBERED)
    now = await world.case(case)
    assert (now["area"], now["responsible"], now["mandate"], now["term"]) == (NEW + "001", COMMUNITY, LEAD_MANDATE, 2)
    assert (now["state"], now["case_term"]) == ("started", 1)
    (event,) = await world.events()
    assert event.name == "complaints.case.rekeyed"
    assert event.data == {
        "case": case,
        "case_term": 1,
        "switch": switch,
        "responsible": COMMUNITY,
        "mandate": LEAD_MANDATE,
        "term": 2,
        "area": NEW + "001",
    }
    await world.post(f"/cases/{case}/result", COMMUNITY)


async def test_a_case_of_the_owner_only_gets_the_code(world: World) -> None:
    case = await world.report(category="01-03")
    await world.events()
    await world.log.rekey(RENUMBERED)
    now = await world.case(case)
    assert (now["area"], now["responsible"], now["term"]) == (NEW + "001", SANITATION, 1)
    assert await world.names() == []
    await world.post(f"/cases/{case}/start", SANITATION)


async def test_closed_cases_have_the_new_code_too_and_nothing_else_says_the_old(world: World) -> None:
    done = await world.report()
    await world.finish(done)
    await world.log.rekey(RENUMBERED)
    assert (await world.case(done))["area"] == NEW + "001"
    assert await said_of(world.service, NANGUAN) == set()
    await world.organisation(COMMUNITY, "community", [NEW, XIANGLI])
    assert await said_of(world.service, NANGUAN) == set()


async def test_of_a_merge_the_others_cases_go_to_the_heir_with_their_money(world: World) -> None:
    await world.log.grant("m-other", OTHER, AFFAIR, XIANGLI, [HANDLE])
    mine, others = await world.report(), await world.report(area=XIANGLI + "001")
    await world.events()
    moves = [{"old": NANGUAN, "new": NEW}, {"old": XIANGLI, "new": NEW, "heir": False}]
    moves.append({"old": XIANGLI + "001", "new": NEW + "021"})
    opened = await world.log.rekey_opened(moves)
    assert await prepared(world) == [others]
    await world.placed(opened.switch, others, 1, PRICE, purpose="switch")
    assert "switch.cases_ready" in await world.names()
    await world.log.rekey_done(opened)
    now = await world.case(others)
    assert (now["responsible"], now["mandate"], now["case_term"], now["area"]) == (
        COMMUNITY,
        LEAD_MANDATE,
        2,
        NEW + "021",
    )
    assert (await world.case(mine))["case_term"] == 1
    (moved,) = of(await world.events(), "case.repointed")
    assert (moved.data["hold"], moved.data["from_org"], moved.data["area"]) == ("h1", OTHER, NEW + "021")


async def test_of_two_grids_of_one_number_the_others_case_goes_to_the_heir_with_its_money(world: World) -> None:
    """Nobody registered these grids, so the re-keying does not name them."""
    world.log.terms[AFFAIR, XIANGLI + "050"] = 7  # that its term is the higher one says nothing
    await world.log.grant("other", OTHER, AFFAIR, XIANGLI + "050", [HANDLE])
    await world.log.grant("heir", COMMUNITY, AFFAIR, NANGUAN + "050", [HANDLE])
    case = await world.report(area=XIANGLI + "050")
    await world.events()
    moves = [{"old": NANGUAN, "new": NANGUAN}, {"old": XIANGLI, "new": NANGUAN, "heir": False}]
    opened = await world.log.rekey_opened(moves)
    assert await prepared(world) == [case]
    await world.placed(opened.switch, case, 1, PRICE, purpose="switch")
    await world.log.rekey_done(opened)
    now = await world.case(case)
    assert (now["responsible"], now["mandate"], now["area"]) == (COMMUNITY, "heir", NANGUAN + "050")


async def test_a_part_that_is_carved_out_takes_its_cases_to_whom_routing_says(world: World) -> None:
    """The community goes on under another code without one of its grids: there the owner leads."""
    stays, goes = await world.report(area=NANGUAN + "002"), await world.report()
    await world.events()
    moves = [*RENUMBERED, {"old": GRID, "new": STREET + "912001"}]
    opened = await world.log.rekey_opened(moves)
    assert await prepared(world) == [goes]
    await world.placed(opened.switch, goes, 1, PRICE, purpose="switch")
    await world.log.rekey_done(opened)
    assert (await world.case(stays))["responsible"] == COMMUNITY
    now = await world.case(goes)
    assert (now["responsible"], now["area"], now["case_term"]) == (SANITATION, STREET + "912001", 2)


async def test_a_case_in_the_hands_of_an_assistant_stays_there(world: World) -> None:
    case = await world.report()
    await world.hand_over(case)
    await world.events()
    opened = await world.log.rekey_opened(RENUMBERED)
    assert await prepared(world) == []
    await world.log.rekey_done(opened)
    now = await world.case(case)
    assert (now["responsible"], now["area"], now["case_term"]) == (FIRM, NEW + "001", 2)
    await world.post(f"/cases/{case}/start", FIRM)


async def test_dropped_it_leaves_everything_as_it_was(world: World) -> None:
    case = await world.report()
    before = await rows(world.service, t.cases)
    opened = await world.log.rekey_opened(RENUMBERED)
    assert (await world.refused(f"/cases/{case}/start", COMMUNITY)) == (503, "power_in_transition")
    await world.log.dropped(opened.switch)
    await world.log.beat()
    assert await rows(world.service, t.cases) == before
    await world.post(f"/cases/{case}/start", COMMUNITY)


async def test_who_reports_under_the_old_code_is_understood(world: World) -> None:
    await world.log.rekey(RENUMBERED)
    await world.organisation(COMMUNITY, "community", [NEW, XIANGLI])
    case = await world.report()
    assert (await world.case(case))["area"] == NEW + "001"
    assert (await world.case(case))["responsible"] == COMMUNITY


async def test_the_acknowledgement_says_whether_cases_have_to_be_prepared(world: World) -> None:
    await world.report()
    await world.log.rekey_opened(RENUMBERED)
    found = await published(world.service.parts, forget=False)
    acknowledged = [e for e in found if e.name == "complaints.replica.acknowledged"]
    assert acknowledged[-1].data["pending_cases"] is False
