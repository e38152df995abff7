"""Areas that get other codes: everything of volunteers' that lies there has the new code in the same act."""

from __future__ import annotations

from typing import Any

import pytest

from suizhuan.testing_world import rows, said_of
from volunteers import tables as t

from .conftest import COMMUNITY, NANGUAN, OTHER, STREET, XIANGLI, World

pytestmark = pytest.mark.either_database
NEW = STREET + "911"
RENUMBERED = [{"old": NANGUAN, "new": NEW}]


async def test_all_that_lies_there_follows_and_power_with_it(world: World) -> None:
    volunteer = await world.register("r:1")
    activity = await world.activity()
    await world.course()
    assert {"volunteer.area", "activity.area", "course.area"} <= await said_of(world.service, NANGUAN)
    await world.events()
    await world.log.rekey(RENUMBERED)
    assert await said_of(world.service, NANGUAN) == set()
    assert (await world.get(f"/activities/{activity['id']}"))["area"] == NEW
    assert await world.names() == []
    await world.course(area=NEW)
    assert await world.refused("/courses", COMMUNITY, await course_body(world, NANGUAN)) == (422, "unknown_area")
    assert volunteer


async def course_body(world: World, area: str) -> dict[str, Any]:
    times = {"starts_at": world.moment(-1), "ends_at": world.moment(1)}
    return {"title": "培训", "training": "orientation", "area": area, **times}


async def test_two_communities_that_become_one_are_one_here_too(world: World) -> None:
    await world.register("r:1")
    await world.register("r:2", area=XIANGLI)
    moves = [{"old": NANGUAN, "new": NANGUAN}, {"old": XIANGLI, "new": NANGUAN, "heir": False}]
    await world.log.rekey(moves)
    assert {row["area"] for row in await rows(world.service, t.volunteers)} == {NANGUAN}
    assert await world.refused("/courses", OTHER, await course_body(world, NANGUAN)) == (403, "missing_power")
    areas = {(row["org"], row["area"]) for row in await rows(world.service, t.organisations.area)}
    assert {(COMMUNITY, NANGUAN), (OTHER, NANGUAN)} <= areas


async def test_what_is_heard_from_the_beginning_gives_the_same_rows_in_whatever_order(
    world: World, empty: World
) -> None:
    """An empty database that reads the authority log first, or the registers first, comes to the same."""
    await world.log.rekey(RENUMBERED)
    expected = await rows(world.service, t.organisations.area)
    await empty.log.grant("root", "x", "any", "321302", [])
    await empty.log.rekey(RENUMBERED)
    await empty.organisations()
    assert await rows(empty.service, t.organisations.area) == expected
