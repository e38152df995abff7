"""Bad input has its own stable code, and nothing is half done."""

from __future__ import annotations

from typing import Any

import pytest

from mandates.errors import ERRORS
from suizhuan.kernel.refusal import Refusal
from suizhuan.testing import published

from .conftest import NANGUAN, OTHERS, STREET, World
from .test_api import AFFAIR, ORG

pytestmark = pytest.mark.either_database

HUGE = 10**18
PROPOSALS: list[tuple[str, dict[str, Any], int, str]] = [
    ("an unknown affair", {"affair": "env.nothing"}, 422, "unknown_affair"),
    ("an unknown organisation", {"holder": "community-nowhere"}, 422, "unknown_organisation"),
    ("an area nobody holds", {"area": "321302002999"}, 422, "unknown_area"),
    ("an area outside", {"area": "110101001001"}, 422, "unknown_area"),
    ("a grid of no community", {"area": "321302002999001"}, 422, "unknown_area"),
    ("an area that is none", {"area": "3213020"}, 422, "area_malformed"),
    ("letters for an area", {"area": "abc"}, 422, "area_malformed"),
    ("the forbidden list", {"affair": "forbidden.revenue", "powers": []}, 422, "affair_forbidden"),
    ("one of the twenty", {"affair": "forbidden-certificate.dog", "powers": []}, 422, "certificate_forbidden"),
    ("a certificate", {"affair": "certificate.residence", "powers": []}, 422, "certificate_not_placed"),
    ("a power it has not", {"powers": ["finance.entry.post"]}, 422, "power_not_of_affair"),
    ("somebody else's staff", {"staff": ["staff-street-01"]}, 422, "staff_not_of_holder"),
    ("nobody's staff", {"staff": ["staff-nobody"]}, 422, "staff_not_of_holder"),
    ("no money", {"amount_fen": 0}, 422, "amount_not_positive"),
    ("less than no money", {"amount_fen": -5}, 422, "amount_not_positive"),
    ("half a fen", {"amount_fen": 1.5}, 422, "amount_not_fen"),
    ("money in words", {"amount_fen": "100"}, 422, "amount_not_fen"),
    ("money as truth", {"amount_fen": True}, 422, "amount_not_fen"),
    ("all the money there is", {"amount_fen": HUGE}, 422, "amount_too_large"),
    ("an end in the past", {"ends_at": "2020-01-01T00:00:00Z"}, 422, "window_invalid"),
    ("an end without an offset", {"ends_at": "2027-01-01T00:00:00"}, 422, "invalid_request"),
    ("an end as a number", {"ends_at": 1900000000}, 422, "invalid_request"),
    ("an end beyond all years", {"ends_at": "9999-12-31T23:59:59-12:00"}, 422, "invalid_request"),
    ("a made-up emergency", {"emergency": "hurry"}, 422, "emergency_unknown"),
    ("replacing nothing", {"replaces": "m-0"}, 422, "replaces_mismatch"),
    ("replacing a root", {"replaces": "root:env.exposed-rubbish"}, 422, "replaces_mismatch"),
    ("a field nobody knows", {"term": 3}, 422, "invalid_request"),
    ("a role nobody knows", {"role": "boss"}, 422, "invalid_request"),
    ("the root's own slot", {"area": "321302", "holder": "street-xiangli", "staff": []}, 409, "slot_taken"),
]


async def test_a_bad_proposal_is_refused_by_its_code(world: World) -> None:
    for what, changed, status, code in PROPOSALS:
        answer = await world.post("/mandates", world.proposal(**changed))
        assert (answer.status_code, answer.json()["code"]) == (status, code), what
        assert answer.json()["messages"]["zh"], what
    assert await published(world.parts) == []
    nothing = await world.get("/mandates", holder="community-nanguan", affair="env.exposed-rubbish")
    assert nothing.json()["items"] == []


async def test_a_community_never_leads_an_assist_item(world: World) -> None:
    body = world.proposal(affair="street.parking")
    refused = await world.post("/mandates", body, "dept-urban-management")
    assert (refused.status_code, refused.json()["code"]) == (422, "assist_only")
    assisting = await world.post("/mandates", {**body, "role": "assist"}, "dept-urban-management")
    assert assisting.status_code == 201


async def test_a_slot_that_is_led_already_is_not_given_twice(world: World) -> None:
    first = await world.activate()
    other = {"holder": "firm-lvjie", "staff": ["staff-lvjie-01"]}
    refused = await world.post("/mandates", world.proposal(**other))
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    assert refused.json()["params"]["mandate"] == first


async def test_of_two_proposals_for_a_slot_the_first_that_is_admitted_has_it(world: World) -> None:
    first = str((await world.propose())["id"])
    second = str((await world.propose(holder="firm-lvjie", staff=["staff-lvjie-01"]))["id"])
    assert (await world.admit(second)).status_code == 200
    refused = await world.admit(first)
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")


async def test_unpriced_work_may_come_without_money(world: World) -> None:
    body = world.proposal(affair="gov.verification", powers=["complaints.case.verify"], amount_fen=0)
    assert (await world.post("/mandates", body, "center-city-operations")).status_code == 201


async def test_a_root_is_neither_suspended_nor_ended(world: World) -> None:
    for what in ("suspension", "end"):
        answer = await world.post(f"/mandates/root:env.exposed-rubbish/{what}", {"reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_a_command_in_the_wrong_state_is_refused(world: World) -> None:
    active = await world.activate()
    proposed = str((await world.propose(area=STREET, holder="firm-lvjie", staff=[]))["id"])
    for what in ("suspension", "resumption", "end", "withdrawal", "amendments", "admission"):
        mandate = active if what in ("withdrawal", "amendments", "admission", "resumption") else proposed
        body: dict[str, Any] = {"admission": {"decision": "admit"}, "amendments": {}}.get(what, {"reason": "x"})
        org = "street-xiangli" if what == "admission" else "dept-sanitation"
        answer = await world.post(f"/mandates/{mandate}/{what}", body, org)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state"), what


async def test_while_a_mandate_is_being_switched_no_second_switch_is_asked_for(world: World) -> None:
    mandate = await world.activate()
    world.silent.add(OTHERS[0])
    assert (await world.post(f"/mandates/{mandate}/suspension", {"reason": "x"})).status_code == 202
    for what in ("suspension", "end"):
        answer = await world.post(f"/mandates/{mandate}/{what}", {"reason": "x"})
        assert (answer.status_code, answer.json()["code"]) == (409, "switch_under_way")


async def test_a_refusal_needs_a_reason(world: World) -> None:
    mandate = str((await world.propose())["id"])
    answer = await world.post(f"/mandates/{mandate}/admission", {"decision": "refuse"}, "street-xiangli")
    assert (answer.status_code, answer.json()["code"]) == (422, "reason_missing")


async def test_what_does_not_exist_is_not_found(world: World) -> None:
    for path in ("/mandates/m-0", "/switches/s-0"):
        assert (await world.get(path)).json()["code"] == "not_found"
    assert (await world.post("/mandates/m-0/end", {"reason": "x"})).json()["code"] == "not_found"
    assert (await world.get("/organisations/o-0")).json()["code"] == "unknown_organisation"
    assert (await world.get("/routing", affair="none", area=NANGUAN)).json()["code"] == "unknown_affair"


async def test_a_made_up_cursor_is_refused(world: World) -> None:
    for path in ("/organisations", "/affairs", "/mandates", "/switches", "/grants"):
        for cursor in ("!", "AA==", "_w", "a" * 300):
            answer = await world.get(path, cursor=cursor)
            assert (answer.status_code, answer.json()["code"]) == (422, "cursor_malformed"), (path, cursor)


async def test_a_stale_replica_lets_nothing_be_placed(world: World) -> None:
    world.clock.advance(world.parts.profile.authority.max_staleness_s)
    answer = await world.post("/mandates", world.proposal())
    assert (answer.status_code, answer.json()["code"]) == (503, "replica_stale")
    await world.beat()
    assert (await world.post("/mandates", world.proposal())).status_code == 201


async def test_a_power_that_is_moving_is_not_used(world: World) -> None:
    world.silent.add(OTHERS[0])
    body = world.proposal(affair="gov.admission", powers=["mandates.mandate.admit"], amount_fen=5)
    mandate = str((await world.post("/mandates", body, "dept-civil-affairs")).json()["id"])
    assert (await world.admit(mandate)).status_code == 200
    waiting = str((await world.propose())["id"])
    answer = await world.admit(waiting)
    assert (answer.status_code, answer.json()["code"]) == (503, "power_in_transition")


BAD_AFFAIRS: list[tuple[dict[str, Any], str]] = [
    ({"owner": "dept-nothing"}, "unknown_organisation"),
    ({"owner": "community-nanguan"}, "owner_not_of_root"),
    ({"powers": []}, "affair_without_power"),
    ({"list": "forbidden"}, "affair_gives_no_power"),
    ({"name": {"zh": "养犬证明", "en": "Dog"}}, "certificate_forbidden"),
    ({"code": "Not A Slug"}, "invalid_request"),
    ({"powers": ["root"]}, "invalid_request"),
]


async def test_a_bad_affair_is_refused_by_its_code(world: World) -> None:
    for changed, code in BAD_AFFAIRS:
        answer = await world.post("/affairs", {**AFFAIR, **changed}, "district-sucheng")
        assert (answer.status_code, answer.json()["code"]) == (422, code), changed


BAD_ORGANISATIONS: list[tuple[dict[str, Any], int, str]] = [
    ({"id": "community-nanguan"}, 409, "organisation_exists"),
    ({"parent": "street-none"}, 422, "unknown_organisation"),
    ({"areas": ["110101"]}, 422, "unknown_area"),
    ({"areas": ["32130"]}, 422, "area_malformed"),
    ({"areas": []}, 422, "invalid_request"),
    ({"kind": "empire"}, 422, "invalid_request"),
    ({"name": {"zh": "a\nb", "en": "x"}}, 422, "invalid_request"),
]


async def test_a_bad_organisation_is_refused_by_its_code(world: World) -> None:
    for changed, status, code in BAD_ORGANISATIONS:
        answer = await world.post("/organisations", {**ORG, **changed}, "district-sucheng")
        assert (answer.status_code, answer.json()["code"]) == (status, code), changed


async def test_a_start_before_the_lead_time_is_refused(world: World) -> None:
    admission = world.parts.profile.admission.model_copy(update={"lead_time_workdays": 30})
    world.parts.profile = world.parts.profile.model_copy(update={"admission": admission})
    refused = await world.post("/mandates", world.proposal())
    assert (refused.status_code, refused.json()["code"]) == (422, "lead_time_short")
    earliest = refused.json()["params"]["earliest"]
    assert (await world.post("/mandates", world.proposal(starts_at=earliest))).status_code == 201
    assert (await world.post("/mandates", world.proposal(emergency="life", area=STREET))).status_code == 201


async def test_a_replica_under_a_false_name_is_a_malformed_event(world: World) -> None:
    data = {"replica": "finance:postgres:7", "service": "finance"}
    with pytest.raises(Refusal) as caught:
        await world.hear("complaints.replica.joined.v1", data)
    assert caught.value.code == "event_malformed"


async def test_an_answer_for_a_mandate_that_nobody_knows_changes_nothing(world: World) -> None:
    await world.fund("m-0")
    await world.settle_money("m-0")
    await world.cases_ready("s-0")
    await world.acknowledge("s-0", OTHERS[0])
    await world.carry()
    assert world.seen == []


def test_every_code_has_words_in_both_languages() -> None:
    for code, spec in ERRORS.items():
        assert spec.zh, code
        assert spec.en, code
        assert 400 <= spec.status < 600, code
