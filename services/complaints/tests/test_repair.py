"""Dead letters of a service put right over HTTP and from the command line: by whom, and what is told of it."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from suizhuan.db.tables import dead_letter
from suizhuan.repair_command import dead_letters

from .conftest import CENTRE, COMMUNITY, ROOT_AREA, World

POWER = "complaints.events.repair"


@pytest.fixture
async def dead(world: World) -> World:
    """A dead letter, which can be handled now, and somebody who runs the platform."""
    await world.log.grant("root:gov.operations", CENTRE, "gov.operations", ROOT_AREA, [POWER])
    await world.events()
    row = {
        "consumer": "complaints",
        "topic": "finance.tariff",
        "partition": 0,
        "offset": 7,
        "key": b"env.exposed-rubbish",
        "value": b'{"affair": "env.exposed-rubbish", "price_fen": 8100}',
        "headers": [
            ["ce_specversion", "1.0"],
            ["ce_id", "e7"],
            ["ce_source", "finance"],
            ["ce_type", "finance.tariff.set.v1"],
            ["ce_time", "2026-03-02T01:00:00.000000Z"],
            ["ce_sequence", "99"],
        ],
        "state": "dead",
        "code": "handler_failed",
        "reason": "KeyError",
        "seen_at": world.clock.now(),
    }
    async with world.service.parts.database.write() as conn:
        await conn.execute(insert(dead_letter).values(row))
    return world


async def letter(world: World) -> int:
    (found,) = (await world.get("/dead-letters"))["items"]
    assert (found["state"], found["code"], found["offset"]) == ("dead", "handler_failed", 7)
    assert "value" not in found
    return int(found["id"])


async def test_who_runs_the_platform_tries_it_again_and_an_event_says_so(dead: World) -> None:
    body = {"action": "redrive", "reason": "处理程序已修复"}
    done = await dead.post(f"/dead-letters/{await letter(dead)}/resolution", CENTRE, body)
    assert (done["handled"], done["dropped"], done["left"]) == (1, 0, 0)
    assert (await dead.get("/dead-letters"))["items"] == []
    (told,) = await dead.events()
    assert (told.name, told.data["action"], told.attributes["org"]) == (
        "complaints.deadletter.resolved",
        "redrive",
        CENTRE,
    )
    assert (await dead.case(await dead.report()))["price_fen"] == 8100


async def test_who_does_not_hold_the_power_is_refused_and_told_who_does(dead: World) -> None:
    path = f"/dead-letters/{await letter(dead)}/resolution"
    answer = await dead.ask("POST", path, COMMUNITY, {"action": "discard", "reason": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")
    assert answer.json()["params"]["holder"] == CENTRE
    assert await letter(dead)


@pytest.mark.parametrize(
    "body",
    [{}, {"action": "burn", "reason": "x"}, {"action": "skip", "reason": ""}, {"action": "skip", "reason": "x" * 301}],
)
async def test_bad_input_is_refused_and_the_letter_stays(dead: World, body: dict[str, str]) -> None:
    path = f"/dead-letters/{await letter(dead)}/resolution"
    assert await dead.refused(path, CENTRE, body) == (422, "invalid_request")
    assert await letter(dead)


async def test_a_letter_that_is_not_there_is_told(dead: World) -> None:
    body = {"action": "skip", "reason": "x"}
    assert await dead.refused("/dead-letters/4711/resolution", CENTRE, body) == (404, "not_found")


async def test_residents_do_not_see_them(dead: World) -> None:
    answer = await dead.ask("GET", "/dead-letters", None, caller="resident")
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_kind")


async def test_from_the_command_line_they_are_listed_and_put_right(
    dead: World, capsys: pytest.CaptureFixture[str]
) -> None:
    number = await letter(dead)
    await dead_letters(dead.service, [])
    listed = capsys.readouterr().out
    assert "finance.tariff[0]@7  handler_failed  KeyError" in listed
    assert listed.endswith("1 条死信 / dead letters\n")
    await dead_letters(dead.service, ["skip", str(number), "tested"])
    assert "skip: handled 已处理 0, dropped 已放弃 1" in capsys.readouterr().out
    (told,) = await dead.events()
    assert told.attributes["actor"] == "operator"


@pytest.mark.parametrize("words", [["redrive"], ["burn", "1", "x"], ["skip", "one", "x"]])
async def test_a_command_line_that_is_not_understood_says_how_to_use_it(dead: World, words: list[str]) -> None:
    with pytest.raises(SystemExit, match=r"dead-letters \[redrive"):
        await dead_letters(dead.service, words)
