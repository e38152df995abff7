"""The API with tokens: who may do what, lists and their cursors, versions, idempotency."""

from __future__ import annotations

from typing import Any

from .conftest import NANGUAN, RUBBISH, STREET, World

ORG = {
    "id": "community-new",
    "name": {"zh": "城南社区", "en": "Chengnan"},
    "kind": "community",
    "parent": "street-xiangli",
    "areas": ["321302002911"],
    "staff": [{"id": "staff-new-01", "name": {"zh": "甲", "en": "A"}, "duty": {"zh": "负责人", "en": "Head"}}],
}
AFFAIR: dict[str, Any] = {
    "code": "env.leaves",
    "name": {"zh": "落叶清扫", "en": "Leaves"},
    "list": "own",
    "owner": "dept-sanitation",
    "powers": ["complaints.case.handle"],
    "owner_powers": ["complaints.case.handle", "mandates.mandate.place"],
    "basis": "per_case",
}


async def test_the_register_is_kept_by_who_holds_its_power(world: World) -> None:
    refused = await world.post("/organisations", ORG, "dept-sanitation")
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_power")
    assert refused.json()["params"]["holder"] == "district-sucheng"
    assert refused.json()["params"]["power"] == "mandates.organisation.register"
    assert (await world.post("/organisations", ORG, "district-sucheng")).status_code == 201
    await world.carry()
    said = world.last("organisation.registered")
    assert (said["org"], said["areas"]) == ("community-new", ["321302002911"])
    assert "甲" not in str(world.seen)
    mandate = await world.activate(holder="community-new", area="321302002911", staff=["staff-new-01"])
    assert await world.state(mandate) == "active"


async def test_names_of_staff_are_shown_to_colleagues_only(world: World) -> None:
    mine = (await world.get("/organisations/community-nanguan", "community-nanguan")).json()["staff"]
    theirs = (await world.get("/organisations/community-nanguan", "dept-sanitation")).json()["staff"]
    assert all(s["name"]["zh"] for s in mine)
    assert [s["name"] for s in theirs] == [None] * len(mine)
    assert [s["id"] for s in theirs] == [s["id"] for s in mine]


async def test_staff_are_added_later(world: World) -> None:
    body = {"staff": [{**ORG["staff"][0], "id": "staff-nanguan-09"}]}  # type: ignore[dict-item]
    assert (await world.post("/organisations/community-nanguan/staff", body, "district-sucheng")).status_code == 201
    again = await world.post("/organisations/community-nanguan/staff", body, "district-sucheng")
    assert (again.status_code, again.json()["code"]) == (409, "staff_exists")


async def test_an_affair_is_listed_and_its_owner_holds_the_root(world: World) -> None:
    answer = await world.post("/affairs", AFFAIR, "district-sucheng")
    assert (answer.status_code, answer.json()["root"]) == (201, "root:env.leaves")
    await world.carry()
    assert await world.responsible(affair="env.leaves") == "dept-sanitation"
    assert (await world.post("/affairs", AFFAIR, "district-sucheng")).json()["code"] == "affair_exists"


async def test_everybody_needs_a_token(world: World) -> None:
    for path in ("/organisations", "/affairs", "/mandates", "/switches", "/grants", "/routing?affair=a&area=32"):
        assert (await world.http.get(path)).status_code == 401, path
    assert (await world.http.post("/mandates", json=world.proposal())).status_code == 401


async def test_only_the_root_holder_places_an_affair(world: World) -> None:
    for org in ("community-nanguan", "dept-urban-management"):
        refused = await world.post("/mandates", world.proposal(), org)
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_power"), org
        assert refused.json()["params"]["power"] == "mandates.mandate.place"
        assert refused.json()["params"]["holder"] == "dept-sanitation"


async def test_admission_is_decided_where_the_holder_is(world: World) -> None:
    mandate = str((await world.propose())["id"])
    for org in ("dept-sanitation", "dept-civil-affairs", "community-nanguan"):
        refused = await world.admit(mandate, org)
        assert (refused.status_code, refused.json()["params"]["holder"]) == (403, "street-xiangli"), org
    admitted = await world.admit(mandate)
    assert (admitted.status_code, admitted.json()["state"]) == (200, "admitted")
    assert admitted.json()["admitted_by"] == "street-xiangli"
    assert await world.state(mandate) == "active"


async def test_a_proposal_that_lacks_something_stands_but_is_not_admitted_until_it_is_complete(world: World) -> None:
    proposed = await world.propose(powers=None, staff=None, ends_at=None, amount_fen=None)
    assert (proposed["state"], proposed["missing"]) == ("proposed", ["powers", "staff", "ends_at", "amount_fen"])
    mandate = proposed["id"]
    refused = await world.admit(mandate)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_admissible")
    params = refused.json()["params"]
    assert (params["missing"], params["next_org"]) == (proposed["missing"], "dept-sanitation")
    assert params["shortfall_fen"] == world.parts.profile.price_fen(RUBBISH) > 0
    whole = world.proposal()
    for name in proposed["missing"]:
        amended = await world.post(f"/mandates/{mandate}/amendments", {name: whole[name]})
        assert amended.status_code == 200, amended.text
    assert amended.json()["missing"] == []
    assert (await world.admit(mandate)).status_code == 200
    assert await world.state(mandate) == "active"


async def test_the_holder_itself_may_refuse(world: World) -> None:
    mandate = str((await world.propose())["id"])
    refused = await world.post(
        f"/mandates/{mandate}/admission", {"decision": "refuse", "reason": "人手不足"}, "community-nanguan"
    )
    assert refused.json()["state"] == "refused"
    assert (await world.admit(mandate)).json()["code"] == "wrong_state"


async def test_every_command_says_under_which_mandate_it_was_given(world: World) -> None:
    mandate = str((await world.propose())["id"])
    await world.admit(mandate)
    proposed, admitted = world.facts("mandate.proposed", "mandate.admitted")
    root = f"root:{RUBBISH}"
    assert (proposed.attributes["org"], proposed.attributes["mandate"]) == ("dept-sanitation", root)
    assert admitted.attributes["org"] == "street-xiangli"
    assert admitted.attributes["mandate"] == "mandate-admission-xiangli"
    numbers = [int(e.attributes["sequence"]) for e in world.seen if e.key == mandate]
    assert numbers == [1, 2, 3, 4]
    assert {e.attributes["correlationid"] for e in world.facts("switch.opened", "mandate.activated")} == {
        world.facts("mandate.funded")[0].attributes["correlationid"]
    }


async def test_a_list_is_read_page_by_page(world: World) -> None:
    ids: list[str] = []
    cursor = ""
    while True:
        page = (await world.get("/organisations", limit=4, cursor=cursor)).json()
        ids += [o["id"] for o in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert ids == sorted(set(ids))
    assert len(ids) == 11
    assert {a["list"] for a in (await world.get("/affairs", list="forbidden")).json()["items"]} == {"forbidden"}


async def test_switches_are_listed_newest_first_and_page_by_page(world: World) -> None:
    await world.activate()
    world.clock.advance(1)
    await world.activate(area=STREET, holder="street-xiangli", staff=["staff-street-01"])
    first = (await world.get("/switches", limit=1)).json()
    second = (await world.get("/switches", limit=1, cursor=first["next"])).json()
    assert first["items"][0]["area"] == STREET
    assert second["items"][0]["area"] == NANGUAN


async def test_mandates_are_found_by_what_they_are(world: World) -> None:
    mandate = await world.activate()
    for name, value in {
        "affair": RUBBISH,
        "area": NANGUAN,
        "holder": "community-nanguan",
        "giver": "dept-sanitation",
        "state": "active",
    }.items():
        found = (await world.get("/mandates", limit=200, **{name: value})).json()["items"]
        assert mandate in {m["id"] for m in found}, name
        assert {m[name] for m in found} == {value}
    both = (await world.get("/mandates", affair=RUBBISH, holder="community-nanguan")).json()["items"]
    assert [m["id"] for m in both] == [mandate]


async def test_routing_shows_the_chain_of_prefixes(world: World) -> None:
    await world.activate()
    found = (await world.get("/routing", affair=RUBBISH, area=NANGUAN + "001")).json()
    assert found["responsible"]["holder"] == "community-nanguan"
    assert [(g["area"], g["role"]) for g in found["chain"]] == [
        (NANGUAN, "lead"),
        (STREET, "assist"),
        ("321302", "lead"),
    ]
    assert found["as_of"] > 0


async def test_a_command_for_another_version_is_refused(world: World) -> None:
    mandate = str((await world.propose())["id"])
    seen = (await world.get(f"/mandates/{mandate}")).headers["etag"]
    path = f"/mandates/{mandate}/amendments"
    first = await world.post(path, {"amount_fen": 5}, **{"If-Match": seen})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    late = await world.post(path, {"amount_fen": 6}, **{"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (412, "version_conflict")


async def test_a_command_repeated_under_one_key_is_done_once(world: World) -> None:
    body = world.proposal()
    first = await world.post("/mandates", body, **{"Idempotency-Key": "k"})
    second = await world.post("/mandates", body, **{"Idempotency-Key": "k"})
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    await world.carry()
    assert len(world.facts("mandate.proposed")) == 1


async def test_the_documentation_names_every_refusal(world: World) -> None:
    schema = (await world.http.get("/openapi.json")).text
    for code in ("slot_taken", "assist_only", "certificate_forbidden", "not_admissible"):
        assert code in schema
