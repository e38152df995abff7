"""Composed reads answer with what there is, say as of when, and name who does not answer."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from .conftest import World, at_work, caught_up, client, until
from .story import COMMUNITY, DEPT, FIRM, NANGUAN, PRICE, RUBBISH, STREET, Story
from .test_passing import Broken

pytestmark = pytest.mark.either_database


def well() -> httpx.ASGITransport:
    async def live(_: object) -> JSONResponse:
        return JSONResponse({"status": "live"})

    return httpx.ASGITransport(app=Starlette(routes=[Route("/health/live", live)]))


def all_well() -> dict[str, httpx.AsyncBaseTransport]:
    return {"mandates": well(), "finance": well(), "complaints": well()}


async def test_a_community_is_shown_with_its_duty_its_power_and_its_money(world: World, beginning: Story) -> None:
    m1 = beginning.place("m1", COMMUNITY, role="lead", amount=10 * PRICE)
    m2 = beginning.place("m2", FIRM, role="assist", amount=PRICE)
    beginning.routed("c1", m1)
    beginning.case("card_raised", {"card": "yellow", "responsible": COMMUNITY}, "c1")
    beginning.hand_over("c2", "h2", "hold-2", m1, m2)
    await world.tell(beginning)
    gateway = world.gateway(all_well())
    async with at_work(gateway), client(gateway) as http:
        await caught_up(gateway)
        answer = await until(lambda: _grants(http, world))
    assert answer["missing"] == []
    assert {o["id"] for o in answer["organisations"]} == {COMMUNITY, FIRM}
    assert {m["id"]: m["state"] for m in answer["mandates"]} == {"m1": "active", "m2": "active"}
    assert {(g["mandate"], g["holder"]) for g in answer["grants"]} >= {("m1", COMMUNITY), ("m2", FIRM)}
    assert answer["cases"]["by_state"]["dispatched"] == 1
    assert answer["cases"]["yellow"] == 1
    assert answer["cases"]["open"][0]["due_at"] is not None
    money = {m["org"]: m for m in answer["money"]}
    assert money[COMMUNITY]["balance_fen"] == 0
    earmark = next(e for e in money[COMMUNITY]["earmarks"] if e["mandate"] == "m1")
    assert (earmark["balance_fen"], earmark["held_fen"], earmark["available_fen"]) == (10 * PRICE, PRICE, 9 * PRICE)
    assert sum(answer["as_of"]["finance.entry"].values()) == 3


async def _grants(http: httpx.AsyncClient, world: World) -> dict[str, object]:
    """The replica has its own consumer: wait for it, and for the cache."""
    answer = (await http.get(f"/communities/{NANGUAN}", headers=world.headers("hub"))).json()
    return answer if len(answer.get("grants", ())) >= 2 else {}


async def test_with_a_service_down_the_rest_is_there_and_the_missing_one_is_named(world: World, story: Story) -> None:
    down: dict[str, httpx.AsyncBaseTransport] = {**all_well(), "finance": Broken(httpx.ConnectError("down"))}
    gateway = world.gateway(down)
    async with at_work(gateway), client(gateway) as http:
        await caught_up(gateway)
        answer = await http.get(f"/communities/{NANGUAN}", headers=world.headers("staff", COMMUNITY))
        chain = await http.get("/cases/c2/chain", headers=world.headers("staff", COMMUNITY))
    assert answer.status_code == 200
    assert answer.json()["missing"] == [
        {"service": "finance", "reason": "ConnectError", "parts": ["money", "holds", "entries"]}
    ]
    assert answer.json()["cases"]["by_state"] == {"settled": 4}
    assert answer.json()["money"]  # as of the offsets below
    assert "finance.entry/" in answer.headers["suizhuan-as-of"]
    assert chain.json()["missing"][0]["service"] == "finance"
    assert chain.json()["steps"]


async def test_an_event_makes_the_cached_answer_new(world: World, beginning: Story) -> None:
    m1 = beginning.place("m1", COMMUNITY, role="lead", amount=10 * PRICE)
    await world.tell(beginning)
    gateway = world.gateway(all_well(), cache_ttl=60.0)
    async with at_work(gateway), client(gateway) as http:
        await caught_up(gateway)

        async def open_cases() -> int:
            answer = await http.get(f"/communities/{NANGUAN}", headers=world.headers("hub"))
            return len(answer.json()["cases"]["open"])

        assert await open_cases() == 0
        beginning.routed("c1", m1)
        await world.tell(beginning)
        await until(open_cases, 5)


async def test_a_chain_says_who_under_which_mandate_and_with_which_money(world: World, story: Story) -> None:
    gateway = world.gateway(all_well())
    async with at_work(gateway), client(gateway) as http:
        await caught_up(gateway)
        chain = (await http.get("/cases/c2/chain", headers=world.headers("hub"))).json()
    kinds = [s["type"].split(".", 1)[1].removesuffix(".v1") for s in chain["steps"]]
    assert kinds == [
        "case.reported",
        "case.routed",
        "case.handover_requested",
        "hold.placed",
        "case.handed_over",
        "case.started",
        "case.handled",
        "case.verified",
        "hold.captured",
        "case.paid",
        "case.closed",
        "case.settled",
    ]
    started = next(s for s in chain["steps"] if s["type"] == "complaints.case.started.v1")
    assert (started["org"], started["mandate"], started["term"]) == (FIRM, "m2", 2)
    assert started["org_name"] == FIRM
    assert chain["mandates"]["m1"]["funded_by"] == "fund-m1"
    assert chain["mandates"]["m1"]["earmark_fen"] == 10 * PRICE
    assert chain["holds"][0]["state"] == "captured"
    assert {e["id"] for e in chain["entries"]} >= {"fund-m1", "pay-c2"}
    assert chain["paid_fen"] == PRICE
    assert chain["case"]["state"] == "settled"


async def test_replayed_events_change_nothing(world: World, story: Story) -> None:
    """Every record twice: the relay's late duplicates."""
    gateway = world.gateway(all_well())
    async with at_work(gateway), client(gateway) as http:
        await caught_up(gateway)
        before = (await http.get("/cases/c3/chain", headers=world.headers("hub"))).json()
        await world.append(*[w for w in story.written if w.topic != "mandates.authority"])
        await caught_up(gateway)
        after = (await http.get("/cases/c3/chain", headers=world.headers("hub"))).json()
        overview = (await http.get(f"/communities/{NANGUAN}", headers=world.headers("hub"))).json()
    assert after["case"] == before["case"]
    assert after["holds"] == before["holds"]
    assert [s["event"] for s in after["steps"]] == [s["event"] for s in before["steps"]]
    # m1: 10 prices in, 4 captured, 6 returned; the community was paid for two of its cases itself, and had 500 of rent.
    money = {m["org"]: m for m in overview["money"]}
    assert money[COMMUNITY]["balance_fen"] == 2 * PRICE + 500
    assert all(e["balance_fen"] == 0 for e in money[COMMUNITY]["earmarks"])


@pytest.mark.parametrize(
    ("kind", "org", "status"),
    [
        ("hub", None, 200),
        ("service", None, 200),
        ("staff", COMMUNITY, 200),
        ("staff", DEPT, 200),
        ("staff", "org-of-nowhere", 403),
        ("resident", None, 403),
    ],
)
async def test_who_may_see_a_community_and_a_chain(
    world: World, story: Story, kind: str, org: str | None, status: int
) -> None:
    gateway = world.gateway(all_well())
    async with at_work(gateway), client(gateway) as http:
        await caught_up(gateway)
        for path in (f"/communities/{NANGUAN}", "/cases/c2/chain", "/audit/cases/c2"):
            answer = await http.get(path, headers=world.headers(kind, org))
            assert answer.status_code == status, answer.text
        assert (await http.get("/communities/321302002907")).status_code == 401


async def test_bad_areas_and_unknown_cases_have_their_own_codes(world: World, beginning: Story) -> None:
    gateway = world.gateway(all_well())
    async with at_work(gateway), client(gateway) as http:
        await caught_up(gateway)
        for path, status, code in (
            ("/communities/12a", 422, "area_malformed"),
            ("/communities/110101", 422, "unknown_area"),
            ("/cases/none/chain", 404, "not_found"),
            ("/audit/cases/none", 404, "not_found"),
        ):
            answer = await http.get(path, headers=world.headers("hub"))
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        # A place of which nobody holds exactly that area is shown with who holds it around.
        around = await http.get(f"/communities/{STREET}", headers=world.headers("hub"))
        assert {o["id"] for o in around.json()["organisations"]} == {DEPT, "district-sucheng"}
        assert RUBBISH in {g["affair"] for g in around.json()["grants"]}
