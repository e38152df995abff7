"""Departments of which the gateway knows nothing: they are in the overview and the figures all the same."""

from __future__ import annotations

from typing import Any

import httpx

from gateway.asof import HEADER
from gateway.inbound_things import fold
from suizhuan.areas import Codes
from suizhuan.cloudevents import decode
from suizhuan.ports.log import Record, TopicSpec

from .conftest import World, at_work, client, until
from .story import COMMUNITY, DEPT, FIRM, NANGUAN, Story

PREMISE, ACTIVITY = "property.premise", "volunteers.activity"
TOPICS = (PREMISE, ACTIVITY, "property.bill", "volunteers.bill", "property.replica")
GRID = f"{NANGUAN}001"


def departments(s: Story) -> None:
    for number in range(3):
        s.emit(f"{PREMISE}.registered", {"premise": f"p{number}"}, key=f"p{number}", area=GRID, org=COMMUNITY)
    s.emit(f"{PREMISE}.withdrawn", {"premise": "p2"}, key="p2")
    s.emit(f"{ACTIVITY}.planned", {"activity": "a1"}, key="a1", area=NANGUAN, org=COMMUNITY)
    s.emit(f"{ACTIVITY}.opened", {"activity": "a1"}, key="a1", area=NANGUAN, org=COMMUNITY)
    s.emit(f"{PREMISE}.registered", {"premise": "far"}, key="far", area="321302001001", org=DEPT)


async def told(world: World, story: Story) -> Any:
    await world.log.ensure_topics([TopicSpec(name, 3) for name in (PREMISE, ACTIVITY)])
    departments(story)
    await world.tell(story)
    return world.gateway(topics=TOPICS)


async def figures(http: httpx.AsyncClient, world: World, **params: Any) -> dict[str, Any]:
    answer = await http.get("/figures", headers=world.headers("hub"), params=params)
    assert answer.status_code == 200, answer.text
    assert answer.headers[HEADER]
    found: dict[str, Any] = answer.json()
    return found


def counted(found: dict[str, Any]) -> dict[tuple[str, str, str], int]:
    return {(i["area"], f"{i['service']}.{i['kind']}", i["state"]): i["count"] for i in found["items"]}


async def test_a_communitys_overview_shows_what_departments_keep_there(world: World, beginning: Story) -> None:
    gateway = await told(world, beginning)
    async with at_work(gateway), client(gateway) as http:

        async def shown() -> list[dict[str, Any]]:
            answer = await http.get(f"/communities/{NANGUAN}", headers=world.headers("hub"))
            found: list[dict[str, Any]] = answer.json().get("departments", [])
            return found if len(found) == 2 and found[0]["by_state"].get("withdrawn") else []

        premises, activities = await until(shown, 30)
    assert premises == {
        "service": "property",
        "kind": "premise",
        "count": 3,
        "by_state": {"registered": 2, "withdrawn": 1},
    }
    assert activities["by_state"] == {"opened": 1}


async def test_figures_are_grouped_by_place_paged_and_say_as_of_when(world: World, beginning: Story) -> None:
    gateway = await told(world, beginning)
    async with at_work(gateway), client(gateway) as http:

        async def all_there() -> bool:
            return sum(counted(await figures(http, world)).values()) == 5

        await until(all_there, 30)
        whole = {
            ("321302001001", PREMISE, "registered"): 1,
            (NANGUAN, PREMISE, "registered"): 2,
            (NANGUAN, PREMISE, "withdrawn"): 1,
            (NANGUAN, ACTIVITY, "opened"): 1,
        }
        assert counted(await figures(http, world)) == whole
        paged: dict[tuple[str, str, str], int] = {}
        cursor: str | None = ""
        while cursor is not None:
            page = await figures(http, world, limit=1, cursor=cursor)
            paged |= counted(page)
            cursor = page["next"]
        assert paged == whole
        assert counted(await figures(http, world, level=6, service="property")) == {
            ("321302", PREMISE, "registered"): 3,
            ("321302", PREMISE, "withdrawn"): 1,
        }
        assert set(counted(await figures(http, world, area=GRID, level=15))) == {
            (GRID, PREMISE, "registered"),
            (GRID, PREMISE, "withdrawn"),
        }


async def test_staff_see_the_figures_of_their_own_areas(world: World, beginning: Story) -> None:
    gateway = await told(world, beginning)
    async with at_work(gateway), client(gateway) as http:

        async def known() -> bool:
            answer = await http.get(f"/figures?area={NANGUAN}", headers=world.headers("staff", COMMUNITY))
            return answer.status_code == 200

        await until(known, 30)
        for path in ("/figures", "/figures?area=321302", "/figures?area=321302001001"):
            answer = await http.get(path, headers=world.headers("staff", FIRM))
            assert (answer.status_code, answer.json()["code"]) == (403, "outside_area")
        resident = await http.get(f"/figures?area={NANGUAN}", headers=world.headers("resident"))
        assert resident.json()["code"] == "wrong_kind"


def test_the_last_word_wins_and_what_is_not_said_stays() -> None:
    story = Story()
    departments(story)
    heard = [(decode(_record(w)), None) for w in story.written if w.topic == PREMISE]
    (gone,) = [row for row in fold(heard, Codes()) if row["id"] == "p2"]
    assert (gone["state"], gone["area"], gone["org"]) == ("withdrawn", GRID, COMMUNITY)
    assert fold([*heard, *heard], Codes()) == fold(heard, Codes())


def _record(written: Any) -> Record:
    made = written.record()
    return Record(made.topic, made.partition, made.offset, made.key, made.value, made.headers)
