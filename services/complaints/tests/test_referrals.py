"""Matters that other departments refer: each becomes one case, routed like any other, or says why not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from suizhuan.kernel.clock import ManualClock
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing_databases import Databases

from .conftest import AFFAIR, COMMUNITY, GRID, World, made, of

TOPICS = ("property.referral", "complaints.referral")


@pytest.fixture
async def city(databases: Databases, tmp_path: Path, clock: ManualClock) -> AsyncIterator[World]:
    """The city as it begins, on a platform that has a department which refers."""

    async def founded(url: str) -> World:
        first = made(url, tmp_path, clock, topics=TOPICS)
        await first.begin()
        await first.found()
        await first.close()
        return first

    url, first = await databases.filled("complaints, founded, with referrals", founded)
    world = made(url, tmp_path, clock, topics=TOPICS)
    world.go_on_from(first)
    await world.log.beat()
    yield world
    await world.close()


async def refer(city: World, referral: str = "r1", **more: Any) -> None:
    data = {"referral": referral, "category": "01-02", "area": GRID, "reason": "overdue", "subject": "repair-7", **more}
    await city.hear("property.referral.raised", referral, data)


async def test_a_matter_that_a_department_refers_becomes_a_case_like_any_other(city: World) -> None:
    await refer(city)
    said = await city.events()
    assert [e.name.removeprefix("complaints.") for e in said] == ["case.reported", "case.routed", "referral.taken"]
    (taken,) = of(said, "referral.taken")
    assert (taken.key, taken.data["service"], taken.data["referral"]) == ("property:r1", "property", "r1")
    case = await city.case(taken.data["case"])
    assert (case["affair"], case["responsible"], case["channel"]) == (AFFAIR, COMMUNITY, "department")
    await city.finish(case["id"])
    assert (await city.case(case["id"]))["state"] == "verified"


async def test_the_same_matter_referred_again_is_the_same_case(city: World) -> None:
    await refer(city)
    await city.events()
    await refer(city)  # another event about it
    assert await city.events() == []
    assert len((await city.get("/cases"))["items"]) == 1


async def test_a_matter_of_no_category_is_refused_with_the_reason(city: World) -> None:
    await refer(city, category="98-98")
    (refused,) = await city.events()
    assert refused.name == "complaints.referral.refused"
    assert refused.data == {"service": "property", "referral": "r1", "reason": "unknown_category"}
    await refer(city, category="98-98")
    assert await city.events() == []
    assert (await city.get("/cases"))["items"] == []


async def test_a_matter_from_an_area_that_is_not_known_yet_waits_for_people(city: World) -> None:
    with pytest.raises(Refusal, match="unknown_area"):
        await refer(city, area="321302002999")


async def test_nobody_reports_in_the_name_of_a_department(city: World) -> None:
    body = {"category": "01-02", "area": GRID, "channel": "department", "description": "x"}
    assert await city.refused("/cases", None, body, caller="resident") == (422, "unknown_channel")


async def test_who_handles_it_reads_where_it_came_from(city: World) -> None:
    await refer(city)
    (taken,) = of(await city.events(), "referral.taken")
    found = await city.get(f"/cases/{taken.data['case']}/private", COMMUNITY, purpose="site_visit")
    assert found["description"] == "property repair-7: overdue"
    assert (found["contact_name"], found["contact_phone"]) == (None, None)
