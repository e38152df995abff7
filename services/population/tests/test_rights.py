"""What a person may ask of us himself; and lifetimes that run out by themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from population import tables as t

from .conftest import COMMUNITY, DAY, GRID, NANGUAN, OTHER, World, id_number, of

pytestmark = pytest.mark.either_database

SUBJECT = "resident-nanguan-01"


async def mine(world: World, **more: Any) -> dict[str, Any]:
    """A person whose account is linked."""
    person = await world.person(**more)
    await world.post(f"/people/{person['id']}/account", COMMUNITY, {"subject": SUBJECT})
    await world.events()
    return person


async def me(world: World, method: str, path: str, body: object = None, subject: str = SUBJECT) -> Any:
    return await world.ask(method, path, None, body, caller="resident", subject=subject)


async def test_a_person_reads_everything_that_is_held_on_him_and_who_has_read_it(world: World) -> None:
    person = await mine(world)
    body = {"person": person["id"], "kind": "destitute", "attributes": {"care": "scattered"}}
    await world.post("/files", COMMUNITY, body)
    await world.get(f"/people/{person['id']}/private", purpose="relief")
    await world.events()
    answer = await me(world, "GET", "/me")
    assert answer.status_code == 200
    held = answer.json()
    assert (held["name"], held["birth_date"], held["details"]) == ("张三1", "2000-01-01", {"employment": "retired"})
    assert [f["attributes"] for f in held["files"]] == [{"care": "scattered"}]
    assert [(r["org"], r["purpose"]) for r in held["reads"]] == [(COMMUNITY, "relief")]
    assert {g["code"]: (g["basis"], g["held"]) for g in held["groups"]}["identity"] == ("statutory", True)
    (event,) = await world.events()
    assert (event.name, event.data) == ("population.person.own_read", {"person": person["id"], "how": "read"})
    assert event.attributes["actor"] == SUBJECT


async def test_a_copy_is_a_file_and_an_event(world: World) -> None:
    person = await mine(world)
    answer = await me(world, "GET", "/me/copy")
    assert "personal-data.json" in answer.headers["Content-Disposition"]
    assert json.loads(answer.content)["person"]["id"] == person["id"]
    assert [e.data["how"] for e in await world.events()] == ["copy"]


async def test_whose_account_is_not_linked_reads_nothing(world: World) -> None:
    await mine(world)
    for method, path, body in (
        ("GET", "/me", None),
        ("GET", "/me/copy", None),
        ("POST", "/me/corrections", {"field": "name", "value": "x"}),
        ("POST", "/me/erasure", {}),
    ):
        answer = await me(world, method, path, body, subject="resident-other")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_linked"), path
        answer = await world.ask(method, path, COMMUNITY, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_kind"), path


async def test_an_account_is_one_persons_and_a_person_has_one_account(world: World) -> None:
    person = await mine(world)
    other = await world.person()
    path = f"/people/{person['id']}/account"
    assert await world.refused(f"/people/{other['id']}/account", COMMUNITY, {"subject": SUBJECT}) == (
        409,
        "account_linked",
    )
    assert await world.refused(path, COMMUNITY, {"subject": "another"}) == (409, "account_linked")
    await world.events()
    await world.post(path, COMMUNITY, {"subject": SUBJECT})
    assert await world.names() == []


async def test_a_correction_is_asked_for_decided_in_time_and_put_right(world: World) -> None:
    person = await mine(world)
    asked = (await me(world, "POST", "/me/corrections", {"field": "name", "value": "张正"})).json()
    assert asked["due_at"] > world.clock.now().isoformat()
    (event,) = await world.events()
    assert event.data["field"] == "name"
    assert "张正" not in json.dumps(event.data, ensure_ascii=False)
    assert [c["id"] for c in (await world.get("/corrections", area=NANGUAN))["items"]] == [asked["id"]]
    path = f"/corrections/{asked['id']}"
    read = await world.get(f"{path}/private", purpose="rights")
    assert read["value"] == "张正"
    (told,) = await world.events()
    assert told.data["fields"] == ["correction.name"]
    decision = {"accepted": True, "answer": "已核对证件"}
    assert await world.refused(f"{path}/decision", OTHER, decision) == (403, "missing_power")
    await world.post(f"{path}/decision", COMMUNITY, decision)
    assert await world.names() == ["person.changed", "correction.decided"]
    assert await world.refused(f"{path}/decision", COMMUNITY, decision) == (409, "request_decided")
    answered = (await me(world, "GET", f"/me{path}")).json()
    assert (answered["state"], answered["answer"]) == ("accepted", "已核对证件")
    assert (await me(world, "GET", "/me")).json()["name"] == "张正"
    assert (await world.get(f"/people/{person['id']}"))["name"] == "张*"
    await world.events()
    await world.later(40 * DAY)
    assert await world.names() == []


async def test_a_correction_that_nobody_answers_is_told_and_one_refused_changes_nothing(world: World) -> None:
    await mine(world)
    asked = (await me(world, "POST", "/me/corrections", {"field": "employment", "value": "employed"})).json()
    await world.events()
    await world.later(40 * DAY)
    assert await world.names() == ["correction.overdue"]
    decision = {"accepted": False, "answer": "与证明不符"}
    await world.post(f"/corrections/{asked['id']}/decision", COMMUNITY, decision)
    assert await world.names() == ["correction.decided"]
    assert (await me(world, "GET", "/me")).json()["details"] == {"employment": "retired"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"field": "birth_date", "value": "1999-01-01"}, (422, "not_correctable")),
        ({"field": "registration", "value": "floating"}, (422, "not_correctable")),
        ({"field": "employment", "value": "pirate"}, (422, "unknown_code")),
        ({"field": "id_number", "value": "123"}, (422, "id_malformed")),
        ({"field": "name"}, (422, "invalid_request")),
    ],
)
async def test_a_correction_that_cannot_be_is_refused(
    world: World, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    await mine(world)
    answer = await me(world, "POST", "/me/corrections", body)
    assert (answer.status_code, answer.json()["code"]) == expected


async def test_of_two_people_nobody_gets_the_others_id_by_a_correction(world: World) -> None:
    await world.person(id_number=id_number(700))
    await mine(world)
    asked = (await me(world, "POST", "/me/corrections", {"field": "id_number", "value": id_number(700)})).json()
    answer = await world.refused(f"/corrections/{asked['id']}/decision", COMMUNITY, {"accepted": True, "answer": "好"})
    assert answer == (409, "person_known")


async def test_another_persons_request_is_not_shown(world: World) -> None:
    await mine(world)
    asked = (await me(world, "POST", "/me/corrections", {"field": "name", "value": "x"})).json()
    other = await world.person()
    await world.post(f"/people/{other['id']}/account", COMMUNITY, {"subject": "resident-2"})
    answer = await me(world, "GET", f"/me/corrections/{asked['id']}", subject="resident-2")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_erasure_takes_what_was_given_by_consent_and_names_what_the_law_keeps(world: World) -> None:
    person = await mine(world)
    answer = (await me(world, "POST", "/me/erasure", {})).json()
    assert answer["erased"] == ["contact", "work"]
    assert [k["group"] for k in answer["kept"]] == ["identity"]
    assert "居民委员会组织法" in answer["kept"][0]["duties"][0]["zh"]
    (event,) = await world.events()
    assert event.data == {
        "person": person["id"],
        "why": "requested",
        "groups": ["contact", "work"],
        "kept": ["identity"],
        "whole": False,
    }
    held = (await me(world, "GET", "/me")).json()
    assert (held["phone"], held["details"], held["name"]) == (None, {}, "张三1")
    again = await me(world, "POST", "/me/erasure", {})
    assert (again.status_code, again.json()["code"]) == (409, "erasure_refused")
    assert again.json()["params"]["kept"] == ["identity"]
    unknown = await me(world, "POST", "/me/erasure", {"groups": ["secrets"]})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_code")


async def test_of_whom_no_duty_keeps_anything_all_is_erased_and_counted_no_more(world: World) -> None:
    person = await mine(world, registration="floating")
    body = {"person": person["id"], "kind": "destitute", "attributes": {"care": "scattered"}}
    file = await world.post("/files", COMMUNITY, body)
    first = (await me(world, "POST", "/me/erasure", {"groups": ["identity"]})).json()
    assert first["code"] == "erasure_refused"
    assert "社会救助暂行办法" in first["params"]["duties"]
    await world.post(f"/files/{file['id']}/closure", COMMUNITY, {"reason": "no-longer-eligible"})
    answer = (await me(world, "POST", "/me/erasure", {})).json()
    assert (answer["erased"], answer["kept"]) == (["identity", "contact", "work"], [])
    assert (await me(world, "GET", "/me")).json()["code"] == "not_linked"
    found = await world.get(f"/people/{person['id']}")
    assert (found["state"], found["name"], found["id_number"], found["grid"]) == ("erased", "*", "*", GRID)
    gone = (410, "personal_data_gone")
    assert await world.not_got(f"/people/{person['id']}/private", purpose="visit") == gone
    assert await world.refused(f"/people/{person['id']}/account", COMMUNITY, {"subject": "x"}) == gone
    assert of(await world.events(), "person.erased")[0].data["whole"] is True


async def test_lifetimes_begin_with_the_departure_and_run_out_by_themselves(world: World) -> None:
    person = await world.person()
    await world.later(400 * DAY)
    await world.post(f"/people/{person['id']}/departure", COMMUNITY, {"reason": "moved"})
    await world.events()
    await world.later(31 * DAY)
    assert [e.data["groups"] for e in of(await world.events(), "person.erased")] == [["contact"]]
    await world.later(150 * DAY)
    assert [e.data["groups"] for e in of(await world.events(), "person.erased")] == [["work"]]
    read = await world.get(f"/people/{person['id']}/private", purpose="verification")
    assert (read["name"], read["phone"], read["details"]) == ("张三1", None, {})
    await world.events()
    await world.later(920 * DAY)
    (event,) = await world.events()
    assert (event.data["groups"], event.data["whole"], event.data["why"]) == (["identity"], True, "retention")
    assert (await world.get(f"/people/{person['id']}"))["state"] == "erased"
    assert len((await world.get("/people", area=GRID, state="erased"))["items"]) == 1
    async with world.service.parts.database.read() as conn:
        held = (await conn.execute(select(t.private).where(t.private.c.person == person["id"]))).one()
        assert (await conn.execute(select(func.count()).select_from(t.person))).scalar_one() == 1
    assert (held.name, held.id_number, held.id_hash, held.details) == (None, None, None, {})
    # and the ID may be registered again
    await world.person(id_number=id_number(1))
