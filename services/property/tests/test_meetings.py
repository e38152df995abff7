"""Owners' meetings by Civil Code 278: who calls, who votes, what it comes to, and the committee's filing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from property.domain import facts_owners as facts
from property.domain.meeting import Conditions, call
from suizhuan.kernel.refusal import Refusal

from .conftest import COMMUNITY, FIRM, NANGUAN, OTHER_COMMUNITY, STREET_ORG, World, of

pytestmark = pytest.mark.either_database

DAY = 86_400.0


async def three_owners(world: World) -> tuple[str, list[str]]:
    """An estate of 100, 200 and 300 m², whose owners vote as a-1, a-2 and a-3."""
    estate = await world.estate()
    owners = [await world.owner(estate, size * 10_000, f"a-{n}") for n, size in enumerate((1, 2, 3), 1)]
    await world.events()
    return estate, owners


async def result(world: World, meeting: str, motion: int = 1) -> dict[str, Any]:
    shown = (await world.get(f"/meetings/{meeting}"))["motions"][motion - 1]
    assert shown["number"] == motion
    return dict(shown["result"])


async def test_a_meeting_is_called_voted_in_and_closed_with_the_four_fractions(world: World) -> None:
    estate, owners = await three_owners(world)
    meeting = await world.meeting(estate, owners[:1], 5, 6)
    assert (meeting["heads"], meeting["size_dm2"], meeting["callers"]) == (3, 60_000, 1)
    assert [m["needs"] for m in meeting["motions"]] == ["more_than_half", "three_quarters"]
    (called,) = await world.events()
    assert called.data["motions"] == [{"number": 1, "item": 5}, {"number": 2, "item": 6}]
    assert (called.data["told"], called.attributes["mandate"]) == (COMMUNITY, "m-estates-street")
    key = meeting["id"]
    await world.later(15 * DAY)
    await world.vote(key, "a-2", "for", "for")
    await world.vote(key, "a-3", "for", "against")
    await world.later(7 * DAY)
    (closed,) = of(await world.events(), "meeting.closed")
    shared = {"size_dm2": 60_000, "took_part_size_dm2": 50_000, "heads": 3, "took_part_heads": 2, "quorum": True}
    assert closed.data == {
        "meeting": key,
        "filing_due_at": None,
        "results": [
            {"number": 1, "item": 5, "passed": True, "for_size_dm2": 50_000, "for_heads": 2, **shared},
            {"number": 2, "item": 6, "passed": False, "for_size_dm2": 20_000, "for_heads": 1, **shared},
        ],
    }
    assert (await result(world, key, 1))["passed"] is True
    assert (await world.get(f"/meetings/{key}"))["state"] == "closed"


async def test_two_thirds_must_take_part_and_exactly_two_thirds_are_enough(world: World) -> None:
    """100 and 300 of 600 m²: two of three heads, and exactly two thirds of the area. 100 and 200: half of it."""
    estate, owners = await three_owners(world)
    enough, short = [(await world.meeting(estate, owners, 1))["id"] for _ in range(2)]
    await world.later(15 * DAY)
    for meeting, voters in ((enough, ("a-1", "a-3")), (short, ("a-1", "a-2"))):
        for voter in voters:
            await world.vote(meeting, voter, "for")
    await world.later(7 * DAY)
    assert (await result(world, enough))["passed"] is True
    found = await result(world, short)
    assert (found["passed"], found["quorum"], found["took_part_heads"]) == (False, False, 2)


async def test_a_vote_is_cast_once_an_owner_and_may_be_changed_until_the_end(world: World) -> None:
    estate, owners = await three_owners(world)
    meeting = (await world.meeting(estate, owners, 2, 5))["id"]
    await world.later(15 * DAY)
    await world.vote(meeting, "a-3", "for", "for")
    changed = await world.post(f"/meetings/{meeting}/ballot", None, {"choices": {"1": "against"}}, resident="a-3")
    assert changed["choices"] == {"1": "against", "2": "for"}
    await world.vote(meeting, "a-2", "against", "abstain")
    ballots = of(await world.events(), "meeting.ballot_cast")
    assert [e.data for e in ballots] == [
        {"meeting": meeting, "owner": owners[2], "changed": False},
        {"meeting": meeting, "owner": owners[2], "changed": True},
        {"meeting": meeting, "owner": owners[1], "changed": False},
    ]
    await world.later(7 * DAY)
    first, second = await result(world, meeting, 1), await result(world, meeting, 2)
    assert (first["took_part_heads"], first["for_heads"]) == (2, 0)
    assert (second["took_part_heads"], second["for_heads"], second["for_size_dm2"]) == (2, 1, 30_000)
    assert second["passed"] is False  # one of two heads is no more than half


async def test_votes_are_cast_between_opening_and_closing_only(world: World) -> None:
    estate, owners = await three_owners(world)
    meeting = (await world.meeting(estate, owners, 1))["id"]
    path, body = f"/meetings/{meeting}/ballot", {"choices": {"1": "for"}}
    early = await world.refused(path, None, body, resident="a-1")
    assert early == (409, "not_voting_now")
    await world.later(15 * DAY)
    await world.post(path, None, body, resident="a-1")
    world.clock.advance(7 * DAY)  # its row has not come up yet
    assert await world.refused(path, None, body, resident="a-1") == (409, "not_voting_now")
    await world.later(0)
    assert await world.refused(path, None, body, resident="a-1") == (409, "not_voting_now")


async def test_only_owners_of_the_roll_vote_and_on_motions_that_there_are(world: World) -> None:
    estate, owners = await three_owners(world)
    meeting = (await world.meeting(estate, owners, 1))["id"]
    await world.owner(estate, 10_000, "a-late")  # after the roll was closed
    await world.post(f"/owners/{owners[0]}/revision", STREET_ORG, {"units": 0, "size_dm2": 0})  # has sold since
    await world.later(15 * DAY)
    path = f"/meetings/{meeting}/ballot"
    for account in ("a-late", "a-stranger"):
        refused = await world.refused(path, None, {"choices": {"1": "for"}}, resident=account)
        assert refused == (403, "not_on_the_roll")
    for choices, expected in (
        ({"2": "for"}, (422, "unknown_motion")),
        ({"1": "perhaps"}, (422, "invalid_request")),
        ({}, (422, "invalid_request")),
    ):
        assert await world.refused(path, None, {"choices": choices}, resident="a-1") == expected
    await world.vote(meeting, "a-1", "for")
    await world.later(7 * DAY)
    found = await result(world, meeting)
    assert (found["heads"], found["took_part_heads"], found["for_size_dm2"]) == (3, 1, 10_000)


async def test_one_head_however_many_units_and_the_developer_is_one_too(world: World) -> None:
    estate = await world.estate()
    rich = await world.owner(estate, 50_000, "a-rich", units=5)
    await world.owner(estate, 80_000, kind="developer", units=8)
    again = {"estate": estate, "kind": "developer", "units": 1, "size_dm2": 1, "person": {"name": "开发商"}}
    assert await world.refused("/owners", STREET_ORG, again) == (409, "developer_known")
    meeting = await world.meeting(estate, [rich, rich], 1)
    assert (meeting["heads"], meeting["callers"], meeting["size_dm2"]) == (2, 1, 130_000)


async def test_a_fifth_of_the_owners_calls_a_meeting(world: World) -> None:
    estate = await world.estate()
    owners = [await world.owner(estate, 10_000) for _ in range(6)]
    body = world.meeting_body(estate, owners[:1], 1)
    answer = await world.ask("POST", "/meetings", STREET_ORG, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "too_few_callers")
    assert answer.json()["params"] == {"callers": 1, "heads": 6, "needed": 2}
    await world.post(f"/owners/{owners[5]}/revision", STREET_ORG, {"units": 0, "size_dm2": 0})
    await world.post("/meetings", STREET_ORG, body)  # exactly one of five


async def test_a_call_that_cannot_be_is_refused_with_its_code(world: World) -> None:
    estate, owners = await three_owners(world)
    body = world.meeting_body(estate, owners, 1)
    now = world.clock.now()
    soon = now + timedelta(days=15) - timedelta(seconds=1)
    opens = now + timedelta(days=15)
    for more, expected in (
        ({"opens_at": soon.isoformat()}, (422, "meeting_notice")),
        ({"closes_at": opens.isoformat()}, (422, "meeting_times")),
        ({"closes_at": (opens + timedelta(days=61)).isoformat()}, (422, "meeting_times")),
        ({"told": OTHER_COMMUNITY}, (422, "committee_not_told")),
        ({"told": FIRM}, (422, "committee_not_told")),
        ({"told": "nobody"}, (422, "unknown_organisation")),
        ({"callers": [*owners, "a-stranger"]}, (422, "not_an_owner")),
        ({"motions": []}, (422, "invalid_request")),
        ({"motions": [{"item": 10, "words": "x"}]}, (422, "invalid_request")),
        ({"opens_at": "2026-04-01T00:00:00"}, (422, "invalid_request")),  # without an offset
        ({"estate": "nowhere"}, (404, "not_found")),
    ):
        assert await world.refused("/meetings", STREET_ORG, {**body, **more}) == expected, more
    empty = await world.estate()
    assert await world.refused("/meetings", STREET_ORG, {**body, "estate": empty}) == (422, "not_an_owner")


@pytest.mark.parametrize("items", [[], [0], [10], [4, 10]])
def test_motions_are_of_the_nine_items_of_the_law_also_without_the_schema(items: list[int]) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    fact = facts.MeetingCalled(
        meeting="m",
        estate="e",
        area=NANGUAN,
        callers=1,
        heads=1,
        size_dm2=1,
        told=COMMUNITY,
        opens_at=now + timedelta(days=15),
        closes_at=now + timedelta(days=16),
        motions=[facts.Motion(number=n, item=item) for n, item in enumerate(items, 1)],
    )
    with pytest.raises(Refusal) as refused:
        call(fact, Conditions(20, 15, 60, 30), now)
    assert refused.value.code == "motions_malformed"


async def test_an_elected_committee_is_filed_within_30_days_or_that_is_told(world: World) -> None:
    estate, owners = await three_owners(world)
    meetings = [(await world.meeting(estate, owners, 3))["id"] for _ in range(3)]
    filed, late, failed = meetings
    await world.later(15 * DAY)
    for meeting in (filed, late):
        for account in ("a-1", "a-3"):
            await world.vote(meeting, account, "for")
    await world.later(7 * DAY)
    found = await world.get(f"/meetings/{filed}")
    assert found["filing_due_at"] == "2026-04-23T01:00:00Z"
    reference = {"reference": "宿住建备 12 号"}
    none = await world.refused(f"/meetings/{failed}/filing", STREET_ORG, reference)
    assert none == (409, "no_committee")
    await world.post(f"/meetings/{filed}/filing", STREET_ORG, reference)
    again = await world.refused(f"/meetings/{filed}/filing", STREET_ORG, reference)
    assert again == (409, "committee_filed")
    await world.events()
    await world.later(30 * DAY)
    (overdue,) = await world.events()
    assert (overdue.name, overdue.data) == ("property.meeting.filing_overdue", {"meeting": late})
    after = await world.post(f"/meetings/{late}/filing", STREET_ORG, reference)
    assert (after["filing_overdue"], after["committee"]) == (True, "宿住建备 12 号")


async def test_what_an_owner_has_changes_as_units_and_area_together(world: World) -> None:
    estate = await world.estate()
    owner = await world.owner(estate, 10_000, "a-1")
    path = f"/owners/{owner}/revision"
    assert await world.refused(path, STREET_ORG, {"units": 0, "size_dm2": 5}) == (422, "units_without_area")
    assert await world.refused(path, STREET_ORG, {"units": 1, "size_dm2": 0}) == (422, "units_without_area")
    after = await world.post(path, STREET_ORG, {"units": 2, "size_dm2": 20_000}, headers={"If-Match": '"1"'})
    assert (after["units"], after["size_dm2"], after["version"]) == (2, 20_000, 2)
    taken = {"estate": estate, "units": 1, "size_dm2": 1, "person": {"name": "重复", "account": "a-1"}}
    assert await world.refused("/owners", STREET_ORG, taken) == (409, "account_taken")


async def test_who_an_owner_is_is_read_under_a_power_and_for_a_purpose(world: World) -> None:
    owner = await world.owner(await world.estate(), 10_000, "a-1")
    path = f"/owners/{owner}/private"
    await world.events()
    found = await world.get(path, STREET_ORG, purpose="meeting")
    assert (found["name"], found["phone"], found["account"]) == ("李业主", "13911112222", "a-1")
    (event,) = await world.events()
    assert event.data == {"owner": owner, "power": "property.owner.read", "purpose": "meeting"}
    assert (await world.ask("GET", path, COMMUNITY, purpose="meeting")).json()["code"] == "missing_power"


async def test_who_an_owner_is_may_be_corrected_and_then_votes_by_the_new_account(world: World) -> None:
    estate, owners = await three_owners(world)
    meeting = (await world.meeting(estate, owners, 1))["id"]
    await world.events()
    path = f"/owners/{owners[0]}/person"
    taken = {"name": "李业主", "account": "a-2"}
    assert await world.refused(path, STREET_ORG, taken) == (409, "account_taken")
    await world.post(path, STREET_ORG, {"name": "李业主", "account": "a-new"})
    await world.post(path, STREET_ORG, {"name": "李业主", "phone": "13911112222", "account": "a-new"})
    assert [e.data for e in await world.events()] == [{"owner": owners[0]}] * 2
    await world.later(15 * DAY)
    body = {"choices": {"1": "for"}}
    assert await world.refused(f"/meetings/{meeting}/ballot", None, body, resident="a-1") == (403, "not_on_the_roll")
    charset = {"headers": {"Content-Type": "application/json; charset=utf-8"}}
    await world.post(f"/meetings/{meeting}/ballot", None, body, resident="a-new", **charset)


async def test_owners_and_meetings_page_to_the_end(world: World) -> None:
    estate, owners = await three_owners(world)
    other = await world.estate()
    await world.owner(other, 5, "a-1")
    meetings = [(await world.meeting(estate, owners, item))["id"] for item in (1, 2, 9)]
    assert [o["id"] for o in await world.pages("/owners", limit=2, estate=estate)] == owners[::-1]
    assert len(await world.pages("/owners", limit=3)) == 4
    listed = await world.pages("/meetings", limit=2, estate=estate)
    assert [m["id"] for m in listed] == meetings[::-1]
    assert listed[0]["motions"][0]["words"] == "议题9：请王秘密发言"
    assert await world.pages("/meetings", limit=2, state="closed") == []


@pytest.mark.parametrize("path", ["/estates", "/premises", "/leases", "/repairs", "/firms", "/contracts", "/owners"])
async def test_what_is_not_there_is_not_found(world: World, path: str) -> None:
    for key in ("nothing", "x" * 200, "%E5%B0%8F"):
        answer = await world.ask("GET", f"{path}/{key}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    answer = await world.ask("GET", path, cursor="%%%")
    assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed")
