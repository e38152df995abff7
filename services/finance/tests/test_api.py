"""The API of finance: who may move money, what is refused and with which code, and what the books show."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete

from finance.bootstrap import publish_tariffs
from finance.tables import tariff
from suizhuan.kernel.fen import MAX_FEN

from .conftest import COMMUNITY, FINANCE, FIRM, NANGUAN, SANITATION, Api, published

WAN = 1_000_000  # fen in 万元
STATEMENT = {  # domain.md §2: rent 30, plant 1.5, grants and fees 10, interest 11 (in 万元); spending 75
    "income": {"501": 30_000_000, "511": 1_500_000, "531": 10_000_000, "561": 11_000_000},
    "income_fen": 52_500_000,
    "spending_fen": 75_000_000,
}


def entry(amount: Any = 12_000, *, org: str = COMMUNITY, by: str = "staff-nanguan-03", **more: Any) -> dict[str, Any]:
    lines = [
        {"org": org, "account": "541", "amount_fen": amount},
        {"org": org, "account": "102", "amount_fen": -amount if isinstance(amount, int) else amount},
    ]
    return {"memo": "办公用品", "lines": lines, "approved_by": by, **more}


async def books(api: Api, org: str = COMMUNITY) -> list[dict[str, Any]]:
    return list((await api.read("/accounts", org=org))["items"])


async def test_a_bookkeeper_posts_a_balanced_entry_that_another_has_approved(api: Api) -> None:
    before = (await api.read(f"/organisations/{COMMUNITY}/money"))["available_fen"]
    answer = await api.post("/entries", COMMUNITY, entry())
    assert answer.status_code == 201, answer.text
    assert [line["amount_fen"] for line in answer.json()["lines"]] == [12_000, -12_000]
    assert (await api.read(f"/organisations/{COMMUNITY}/money"))["available_fen"] == before - 12_000
    (said,) = await published(api.service.parts)
    assert (said.name, said.attributes["mandate"]) == ("finance.entry.posted", "m-accounts")
    assert said.attributes["term"] == "1"


async def test_the_books_of_every_organisation_balance(api: Api) -> None:
    for org in api.seed.organisations:
        assert sum(item["balance_fen"] for item in await books(api, org.id)) == 0


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (0, "amount_not_positive"),
        (1.5, "amount_not_fen"),
        ("12000", "amount_not_fen"),
        (True, "amount_not_fen"),
        (None, "amount_not_fen"),
        ([1], "amount_not_fen"),
        (MAX_FEN + 1, "amount_too_large"),
        (2**63, "invalid_request"),
    ],
)
async def test_an_entry_whose_amounts_are_not_fen_is_refused(api: Api, amount: Any, code: str) -> None:
    answer = await api.post("/entries", COMMUNITY, entry(amount))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await published(api.service.parts) == []


@pytest.mark.parametrize("amount", [0, -1, 1.5, "1", True, None, MAX_FEN + 1])
async def test_an_allocation_of_no_whole_positive_amount_is_refused(api: Api, amount: Any) -> None:
    answer = await api.post("/allocations", FINANCE, {"to": SANITATION, "amount_fen": amount})
    assert answer.status_code == 422
    assert answer.json()["code"] in {"amount_not_positive", "amount_not_fen", "amount_too_large"}
    assert await published(api.service.parts) == []


async def test_an_unbalanced_entry_is_refused_with_the_difference(api: Api) -> None:
    body = entry()
    body["lines"][0]["amount_fen"] = 12_001
    answer = await api.post("/entries", COMMUNITY, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "entry_unbalanced")
    assert answer.json()["params"] == {"org": COMMUNITY, "difference": 1}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"account": "999"}, 422, "unknown_account"),
        ({"account": "241"}, 422, "reserved_account"),
        ({"org": "nobody"}, 422, "unknown_organisation"),
        ({"surprise": 1}, 422, "invalid_request"),
        ({"org": "o" * 81}, 422, "invalid_request"),
    ],
)
async def test_a_line_that_cannot_be_posted_is_refused(
    api: Api, change: dict[str, Any], status: int, code: str
) -> None:
    body = entry()
    for line in body["lines"]:
        line.update(change)
    answer = await api.post("/entries", COMMUNITY, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_nobody_approves_the_own_entry(api: Api) -> None:
    answer = await api.post("/entries", COMMUNITY, entry(by="me"), subject="me")
    assert (answer.status_code, answer.json()["code"]) == (422, "same_person")


async def test_nobody_posts_in_the_books_of_another(api: Api) -> None:
    answer = await api.post("/entries", COMMUNITY, entry(org=FIRM))
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_books")


async def test_who_lacks_the_power_is_told_which_and_who_holds_it(api: Api) -> None:
    answer = await api.post("/allocations", SANITATION, {"to": SANITATION, "amount_fen": 1})
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")
    assert answer.json()["params"]["power"] == "finance.budget.allocate"
    assert answer.json()["params"]["holder"] == FINANCE
    answer = await api.post("/entries", SANITATION, entry(org=SANITATION))
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")
    assert answer.json()["params"]["power"] == "finance.entry.post"


async def test_a_power_in_transition_is_refused_for_now(api: Api) -> None:
    await api.log.opened("s1", [{"affair": "community.accounts", "area": NANGUAN, "role": "lead"}])
    answer = await api.post("/entries", COMMUNITY, entry())
    assert (answer.status_code, answer.json()["code"]) == (503, "power_in_transition")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_replica_that_is_stale_lets_nobody_act(api: Api) -> None:
    api.clock.advance(901)
    answer = await api.post("/entries", COMMUNITY, entry())
    assert (answer.status_code, answer.json()["code"]) == (503, "replica_stale")


async def test_a_power_that_was_taken_away_is_missing_at_once(api: Api) -> None:
    await api.log.revoke("m-accounts", COMMUNITY, "community.accounts", NANGUAN)
    answer = await api.post("/entries", COMMUNITY, entry())
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_power")


async def test_more_than_there_is_cannot_be_spent(api: Api) -> None:
    money = (await api.read(f"/organisations/{COMMUNITY}/money"))["available_fen"]
    answer = await api.post("/entries", COMMUNITY, entry(money + 1))
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_funds")
    assert answer.json()["params"]["shortfall"] == 1


async def test_a_budget_moves_from_the_finance_department_in_one_balanced_entry(api: Api) -> None:
    before = (await api.read(f"/organisations/{SANITATION}/money"))["available_fen"]
    answer = await api.post("/allocations", FINANCE, {"to": SANITATION, "amount_fen": 5 * WAN})
    assert answer.status_code == 201, answer.text
    assert answer.json()["available_fen"] == before + 5 * WAN
    (said,) = await published(api.service.parts)
    assert sum(line["amount_fen"] for line in said.data["lines"] if line["org"] == FINANCE) == 0
    assert sum(line["amount_fen"] for line in said.data["lines"] if line["org"] == SANITATION) == 0


async def test_more_than_the_department_has_is_not_allocated(api: Api) -> None:
    money = (await api.read(f"/organisations/{FINANCE}/money"))["available_fen"]
    answer = await api.post("/allocations", FINANCE, {"to": SANITATION, "amount_fen": money + 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_funds")
    answer = await api.post("/allocations", FINANCE, {"to": "nobody", "amount_fen": 1})
    assert answer.json()["code"] == "unknown_organisation"


async def test_the_same_command_sent_twice_is_done_once(api: Api) -> None:
    first = await api.post("/entries", COMMUNITY, entry(), key="k-1")
    again = await api.post("/entries", COMMUNITY, entry(), key="k-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert len(await published(api.service.parts)) == 1
    other = await api.post("/entries", COMMUNITY, entry(13_000), key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_nothing_is_told_to_who_is_not_signed_in(api: Api) -> None:
    for path in ("/tariffs", f"/organisations/{COMMUNITY}/money", "/entries", f"/statements/{COMMUNITY}?year=2026"):
        assert (await api.http.get(path)).status_code == 401
    assert (await api.http.post("/entries", json=entry())).status_code == 401


async def test_entries_come_in_pages_that_hold_each_once(api: Api) -> None:
    found: list[str] = []
    cursor = ""
    while True:
        page = await api.read("/entries", org=COMMUNITY, limit=3, cursor=cursor)
        found += [item["entry"] for item in page["items"]]
        assert len(page["items"]) <= 3
        cursor = page["next"] or ""
        if not cursor:
            break
    whole = await api.read("/entries", org=COMMUNITY, limit=200)
    assert found == [item["entry"] for item in whole["items"]]
    assert len(set(found)) == len(found) > 3
    assert (await api.get("/entries", cursor="%%%")).json()["code"] == "cursor_malformed"


async def test_the_earmark_and_holds_of_a_mandate_are_shown(api: Api) -> None:
    admitted = {"mandate": "m1", "giver": SANITATION, "holder": COMMUNITY, "basis": "per_case", "amount_fen": 20_000}
    await api.hears("mandates.mandate.admitted", "m1", admitted)
    asked = {"case": "c1", "case_term": 1, "handover": "h1", "giver": COMMUNITY, "mandate": "m1", "needed_fen": 8_000}
    await api.hears("complaints.case.handover_requested", "c1", asked)
    shown = await api.read("/earmarks/m1")
    assert (shown["amount_fen"], shown["held_fen"], shown["available_fen"]) == (20_000, 8_000, 12_000)
    (hold,) = (await api.read("/holds", case="c1"))["items"]
    assert (hold["ref"], hold["amount_fen"], hold["state"]) == ("h1", 8_000, "open")
    missing = await api.get("/earmarks/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_the_prices_are_those_of_the_profile(api: Api) -> None:
    shown = {item["affair"]: item["price_fen"] for item in (await api.read("/tariffs"))["items"]}
    assert shown == dict(api.service.parts.profile.tariffs)


async def test_the_year_of_nanguan_is_a_statement_that_adds_up(api: Api) -> None:
    year = api.clock.now().year
    shown = await api.read(f"/statements/{COMMUNITY}", year=year)
    income: dict[str, int] = {}
    for item in shown["income"]:
        income[item["account"]] = income.get(item["account"], 0) + item["amount_fen"]
    assert income == STATEMENT["income"]
    assert sorted(item["amount_fen"] // WAN for item in shown["spending"]) == [5, 5, 5, 10, 20, 30]
    assert shown["income_fen"] == STATEMENT["income_fen"]
    assert shown["spending_fen"] == STATEMENT["spending_fen"]
    assert shown["change_fen"] == shown["income_fen"] - shown["spending_fen"] == -22_500_000
    assert (await api.read(f"/statements/{COMMUNITY}", year=year + 1))["income"] == []


async def test_the_property_company_is_named_and_kept_apart(api: Api) -> None:
    year = api.clock.now().year
    assert (await api.read(f"/statements/{COMMUNITY}", year=year))["apart"] == ["幸福家园物业公司"]
    own = await api.read(f"/statements/{FIRM}", year=year)
    assert (own["income_fen"], own["spending_fen"], own["change_fen"]) == (22 * WAN, 22 * WAN, 0)


async def test_of_several_workers_that_begin_at_once_one_publishes_the_prices(api: Api) -> None:
    await published(api.service.parts)
    async with api.service.parts.database.write() as conn:
        await conn.execute(delete(tariff))
    await asyncio.gather(*(publish_tariffs(api.service) for _ in range(4)))
    said = [event.key for event in await published(api.service.parts) if event.name == "finance.tariff.set"]
    assert sorted(said) == sorted(api.service.parts.profile.tariffs)
