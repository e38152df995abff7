"""Bad input gets a stable code and never a 500: every field of every command is tried with what it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from property.errors import ERRORS

from .conftest import RESIDENT, World, report
from .test_authorisation import ROLES, TABLE, Things, things

pytestmark = pytest.mark.either_database

GARBAGE: list[Any] = [None, True, -1, 0, 10**30, 0.5, "", "\ud800", "a\x00b", "x" * 5000, "%", "٣", [], {}, [None]]
LISTS = ("/estates", "/premises", "/leases", "/repairs", "/firms", "/contracts", "/owners", "/meetings")


def spoiled(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Each field in turn left out, and given each piece of garbage; and one field too many."""
    found: list[dict[str, Any]] = [{**body, "nobody_knows": 1}]
    for name, value in body.items():
        found.append({key: kept for key, kept in body.items() if key != name})
        found += [{**body, name: garbage} for garbage in GARBAGE]
        if isinstance(value, dict):
            found += [{**body, name: inner} for inner in spoiled(value)]
    return found


async def judged(world: World, path: str, org: str | None, body: Any, **more: Any) -> None:

    bearer = {"Authorization": f"Bearer {world.token(org, **more)}", "Content-Type": "application/json"}
    answer = await world.http.post(path, headers=bearer, content=json.dumps(body))
    assert answer.status_code < 500, (path, ascii(body), answer.text)
    if answer.status_code >= 400:
        assert answer.json()["code"] in ERRORS, (path, ascii(body))


@pytest.fixture
async def t(world: World) -> Things:
    return await things(world)


async def test_every_field_of_every_command(t: Things) -> None:
    asks = [(ask(t), may) for ask, may in TABLE.values()]
    tried = 0
    for (method, path, body), may in asks:
        if method == "POST":
            for wrong in [*spoiled(body), None, [], "text", 7]:
                tried += 1
                await judged(t.world, path, ROLES[min(may)], wrong)
    assert tried > 1_000


async def test_every_field_of_what_residents_send(t: Things) -> None:
    for wrong in spoiled(report(t.estate["here"])):
        await judged(t.world, "/repairs", None, wrong, kind="resident", subject=RESIDENT)
    for wrong in spoiled({"done": True}):
        await judged(t.world, f"/repairs/{t.answered}/confirmation", None, wrong, kind="resident", subject=RESIDENT)
    for wrong in [*spoiled({"choices": {"1": "for"}}), {"choices": {"x": "for"}}, {"choices": {str(10**30): "for"}}]:
        await judged(t.world, f"/meetings/{t.meeting}/ballot", None, wrong, kind="resident", subject="a-1")


@pytest.mark.parametrize("path", LISTS)
async def test_every_parameter_of_every_list(world: World, path: str) -> None:
    names = world.service.app.openapi()["paths"][path]["get"]["parameters"]
    for parameter in names:
        for garbage in ("", "%", "\x00", "x" * 500, "-1", "321302;DROP", "٣", "dGVzdAAA"):
            answer = await world.ask("GET", path, **{parameter["name"]: garbage})
            assert answer.status_code < 500, (path, parameter["name"], garbage, answer.text)
            if answer.status_code >= 400:
                assert answer.json()["code"] in ERRORS


async def test_a_version_that_is_none_is_refused(t: Things) -> None:
    for (method, path, body), may in [(ask(t), may) for ask, may in TABLE.values()]:
        if method == "POST" and path.count("/") > 1:
            for wrong in ('"x"', "latest", '"99999999999999999999"'):
                refused = await t.world.refused(path, ROLES[min(may)], body, headers={"If-Match": wrong})
                assert refused == (422, "invalid_request"), path
            refused = await t.world.refused(path, ROLES[min(may)], body, headers={"If-Match": '"77"'})
            assert refused == (412, "version_conflict"), path
