"""Bills: what other departments ask of finance by event. Money first, once, and only of one's own mandate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from finance import store, store_bills
from finance.app import build
from finance.bootstrap import bootstrap
from suizhuan.kernel.clock import ManualClock, utc_text
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Log
from suizhuan.seed import load_seed
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import Published, feed, published, record

from .conftest import SEED, Api

DEPT, HOLDER, FIRM = "dept-sanitation", "community-nanguan", "firm-jiecheng"
TOPICS = ("volunteers.bill", "property.bill", "finance.bill")
MANDATE, PLANNED, REAL, EARMARK = "m1", 30_000, 21_000, 100_000


class Books:
    """Finance with one funded earmark, and what it hears and says."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def hear(self, name: str, key: str, data: dict[str, Any], **attributes: str) -> list[Published]:
        made = record(f"{name}.v1", data, key=key, time=self.service.parts.clock.now(), **attributes)
        await feed(self.service, made)
        return await published(self.service.parts)

    async def registered(self, *orgs: str) -> None:
        for org in orgs:
            data = {"org": org, "name": org, "areas": ["321302002907"]}
            await self.hear("mandates.organisation.registered", org, data)

    async def fund(self, basis: str = "per_case") -> None:
        data = {"mandate": MANDATE, "giver": DEPT, "holder": HOLDER, "basis": basis, "amount_fen": EARMARK}
        said = await self.hear("mandates.mandate.admitted", MANDATE, data)
        assert "finance.earmark.funded" in [e.name for e in said]

    async def plan(self, bill: str = "b1", amount: int = PLANNED, **attributes: str) -> list[Published]:
        data = {"bill": bill, "mandate": MANDATE, "amount_fen": amount, "what": "activity"}
        about = {"org": HOLDER, "mandate": MANDATE, **attributes}
        return await self.hear("volunteers.bill.cost_planned", bill, data, **about)

    async def incur(self, amount: int = REAL, payee: str = FIRM, bill: str = "b1") -> list[Published]:
        data = {"bill": bill, "payee": payee, "amount_fen": amount}
        return await self.hear("volunteers.bill.cost_incurred", bill, data)

    async def withdraw(self, bill: str = "b1", service: str = "volunteers") -> list[Published]:
        return await self.hear(f"{service}.bill.withdrawn", bill, {"bill": bill, "reason": "rain"})

    async def due(self, bill: str = "r1", amount: int = 80_000, org: str = HOLDER) -> list[Published]:
        data = {"bill": bill, "org": org, "debtor": "t-1", "amount_fen": amount, "what": "rent", "period": "2026-Q1"}
        return await self.hear("property.bill.income_due", bill, data)

    async def received(self, bill: str = "r1") -> list[Published]:
        return await self.hear("property.bill.income_received", bill, {"bill": bill})

    async def end(self) -> list[Published]:
        now = utc_text(self.service.parts.clock.now())
        data = {"mandate": MANDATE, "starts_at": now, "ends_at": now, "ended_at": now}
        return await self.hear("mandates.mandate.ended", MANDATE, data)

    async def earmark(self) -> tuple[int, int, int, str]:
        """(left, held, captured, its state)."""
        async with self.service.parts.database.read() as conn:
            found = await store.earmark(conn, MANDATE)
        assert found is not None
        return found.available_fen, found.held_fen, found.captured_fen, found.state

    async def balance(self, org: str, account: str) -> int:
        async with self.service.parts.database.read() as conn:
            rows = await store.balances(conn, org)
        return sum(row.fen for row in rows if row.account == account and not row.earmark)

    async def state(self, bill: str, service: str = "volunteers") -> str | None:
        async with self.service.parts.database.read() as conn:
            found = await store_bills.one(conn, service, bill)
        return found.state if found is not None else None


def names(said: list[Published]) -> list[str]:
    return [e.name.removeprefix("finance.") for e in said]


@pytest.fixture
async def books(database_url: str, tmp_path: Path) -> AsyncIterator[Books]:
    settings = load_settings(ServiceSettings, "finance", database_url=database_url, data_dir=tmp_path, topics=TOPICS)
    unused: Any = object()
    broker: Log = unused
    service = build(settings, broker=broker, clock=ManualClock())
    await service.migrate()
    await bootstrap(service, load_seed(SEED, service.parts.profile))
    made = Books(service)
    await made.registered(DEPT, HOLDER, FIRM)
    await made.fund()
    yield made
    await service.close()


async def test_a_planned_cost_is_held_and_what_it_did_cost_is_paid_from_the_earmark(books: Books) -> None:
    (held,) = await books.plan()
    assert (held.name, held.key) == ("finance.bill.held", "volunteers:b1")
    assert held.data == {"service": "volunteers", "bill": "b1", "mandate": MANDATE, "amount_fen": PLANNED}
    assert await books.earmark() == (EARMARK - PLANNED, PLANNED, 0, "active")
    before = await books.balance(FIRM, "102")
    said = await books.incur()
    assert names(said) == ["entry.posted", "bill.paid"]
    assert said[1].data["amount_fen"] == REAL
    assert said[1].data["entry"] == said[0].data["entry"]
    assert (said[0].data["kind"], said[0].data["mandate"]) == ("capture", MANDATE)
    assert await books.earmark() == (EARMARK - REAL, 0, REAL, "active")
    assert await books.balance(FIRM, "102") == before + REAL


async def test_what_is_said_again_changes_nothing(books: Books) -> None:
    await books.plan()
    assert await books.plan() == []
    assert await books.earmark() == (EARMARK - PLANNED, PLANNED, 0, "active")
    await books.incur()
    assert await books.incur() == []
    assert await books.withdraw() == []
    assert await books.earmark() == (EARMARK - REAL, 0, REAL, "active")


async def test_one_that_is_withdrawn_frees_what_is_held(books: Books) -> None:
    await books.plan()
    (released,) = await books.withdraw()
    assert released.data == {"service": "volunteers", "bill": "b1", "amount_fen": PLANNED, "entry": None}
    assert await books.earmark() == (EARMARK, 0, 0, "active")
    assert await books.incur() == []  # too late


@pytest.mark.parametrize(
    ("about", "amount", "reason", "shortfall"),
    [
        ({}, EARMARK + 5, "short", 5),
        ({"mandate": "m2"}, PLANNED, "not_under_mandate", 0),
        ({"org": FIRM}, PLANNED, "not_under_mandate", 0),
    ],
)
async def test_nobody_plans_with_money_that_is_not_there_or_not_his(
    books: Books, about: dict[str, str], amount: int, reason: str, shortfall: int
) -> None:
    (refused,) = await books.plan(amount=amount, **about)
    assert refused.name == "finance.bill.refused"
    assert (refused.data["reason"], refused.data["shortfall_fen"]) == (reason, shortfall)
    assert await books.earmark() == (EARMARK, 0, 0, "active")
    assert await books.incur(1) == []


async def test_a_cost_said_without_a_mandate_is_refused(books: Books) -> None:
    data = {"bill": "b9", "mandate": MANDATE, "amount_fen": PLANNED, "what": "activity"}
    (refused,) = await books.hear("volunteers.bill.cost_planned", "b9", data, org=HOLDER)
    assert refused.data["reason"] == "not_under_mandate"


async def test_a_mandate_without_an_earmark_pays_for_nothing(books: Books) -> None:
    data = {"bill": "b1", "mandate": "m-unknown", "amount_fen": 1, "what": "activity"}
    (refused,) = await books.hear("volunteers.bill.cost_planned", "b1", data, org=HOLDER, mandate="m-unknown")
    assert refused.data["reason"] == "no_earmark"


async def test_more_than_is_held_is_not_paid_and_the_hold_stays(books: Books) -> None:
    await books.plan()
    (refused,) = await books.incur(PLANNED + 7)
    assert (refused.data["reason"], refused.data["shortfall_fen"]) == ("above_hold", 7)
    assert await books.state("b1") == "held"
    assert names(await books.incur(PLANNED)) == ["entry.posted", "bill.paid"]


async def test_work_that_costs_nothing_is_closed_without_an_entry(books: Books) -> None:
    assert names(await books.plan(amount=0)) == ["bill.held"]
    (paid,) = await books.incur(0)
    assert (paid.name, paid.data["entry"]) == ("finance.bill.paid", None)


async def test_an_earmark_is_settled_when_its_last_bill_is(books: Books) -> None:
    await books.plan()
    assert "earmark.settled" not in names(await books.end())
    said = await books.incur()
    assert names(said)[-2:] == ["earmark.returned", "earmark.settled"]
    assert await books.earmark() == (0, 0, REAL, "settled")
    (settled,) = [e for e in said if e.name == "finance.earmark.settled"]
    assert settled.data["captured_fen"] + settled.data["returned_fen"] == EARMARK


async def test_after_its_end_a_mandate_pays_for_nothing_new(books: Books) -> None:
    await books.plan()
    await books.end()
    (refused,) = await books.plan("b2")
    assert refused.data["reason"] == "no_earmark"
    assert names(await books.withdraw()) == ["bill.released", "entry.posted", "earmark.returned", "earmark.settled"]


async def test_rent_that_falls_due_is_income_and_receivable_and_comes_to_the_bank(books: Books) -> None:
    rent, owed, bank = [await books.balance(HOLDER, account) for account in ("501", "112", "102")]
    said = await books.due()
    assert names(said) == ["entry.posted", "bill.booked"]
    assert await books.balance(HOLDER, "501") == rent - 80_000
    assert await books.balance(HOLDER, "112") == owed + 80_000
    assert names(await books.received()) == ["entry.posted", "bill.paid"]
    assert await books.balance(HOLDER, "112") == owed
    assert await books.balance(HOLDER, "102") == bank + 80_000
    assert await books.received() == []
    assert await books.due() == []


async def test_rent_that_will_not_be_paid_is_reversed(books: Books) -> None:
    rent, owed = [await books.balance(HOLDER, account) for account in ("501", "112")]
    await books.due()
    said = await books.withdraw("r1", "property")
    assert names(said) == ["entry.posted", "bill.released"]
    assert said[0].data["kind"] == "reversal"
    assert (await books.balance(HOLDER, "501"), await books.balance(HOLDER, "112")) == (rent, owed)
    assert await books.received() == []


async def test_income_of_an_organisation_that_nobody_knows_waits_for_people(books: Books) -> None:
    with pytest.raises(Refusal, match="unknown_organisation"):
        await books.due(org="nobody")


async def test_two_departments_may_use_the_same_number(books: Books) -> None:
    await books.plan("same")
    await books.due("same")
    assert await books.state("same") == "held"
    assert await books.state("same", "property") == "booked"


async def test_bills_are_listed_page_by_page_and_found_by_their_number(books: Books, api: Api) -> None:
    for number in range(5):
        data = {"bill": f"r{number}", "org": HOLDER, "debtor": "t", "amount_fen": 100, "what": "rent", "period": "p"}
        await books.hear("property.bill.income_due", f"r{number}", data)
    transport = httpx.ASGITransport(app=books.service.app)
    books.service.app.state.verifier = api.service.app.state.verifier
    async with httpx.AsyncClient(transport=transport, base_url="http://finance") as http:
        headers = {"Authorization": f"Bearer {api.token(HOLDER)}"}
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            answer = await http.get("/bills", headers=headers, params={"limit": 2, "cursor": cursor, "org": HOLDER})
            assert answer.status_code == 200, answer.text
            seen += [item["bill"] for item in answer.json()["items"]]
            cursor = answer.json()["next"]
        assert seen == [f"r{number}" for number in range(5)]
        one = await http.get("/bills/property/r3", headers=headers)
        assert (one.json()["state"], one.json()["amount_fen"]) == ("booked", 100)
        assert (await http.get("/bills/property/none", headers=headers)).json()["code"] == "not_found"
        assert (await http.get("/bills", headers=headers, params={"state": "x"})).json()["code"] == "invalid_request"
        assert (await http.get("/bills")).status_code == 401
