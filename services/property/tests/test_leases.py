"""Leases: what may be let, what falls due when, and what finance is told and says about it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from property.domain.periods import MONTHS, months_after, period
from suizhuan.testing import Published

from .conftest import (
    CIVIL,
    COMMUNITY,
    FIRM,
    GUANKOU,
    NANGUAN,
    OTHER_COMMUNITY,
    PREMISE_POWERS,
    PREMISES,
    RIC,
    STREET_ORG,
    USCC,
    World,
    of,
    terms,
)

pytestmark = pytest.mark.either_database


async def bills(world: World) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (e.name.removeprefix("property.bill."), e.attributes["sequence"], e.data)
        for e in await world.events()
        if e.name.startswith("property.bill.")
    ]


def named(events: list[Published]) -> list[str]:
    return [e.name.removeprefix("property.") for e in events]


async def test_air_defence_space_is_let_only_with_title_and_delegation_on_file(world: World) -> None:
    space = await world.premise(kind="air_defence", use="parking")
    answer = await world.ask("POST", "/leases", COMMUNITY, terms(space))
    assert (answer.status_code, answer.json()["code"]) == (409, "papers_missing")
    assert answer.json()["params"]["missing"] == ["title", "delegation"]
    await world.post(f"/premises/{space}/papers", COMMUNITY, {"paper": "title", "reference": "权 1"})
    answer = await world.ask("POST", "/leases", COMMUNITY, terms(space))
    assert answer.json()["params"]["missing"] == ["delegation"]
    await world.post(f"/premises/{space}/papers", COMMUNITY, {"paper": "delegation", "reference": "委 2"})
    assert await world.refused("/leases", COMMUNITY, terms(space, hazardous_goods=True)) == (422, "hazardous_goods")
    await world.events()
    lease = await world.lease(space, use="parking")
    (event,) = await world.events()
    assert event.name == "property.lease.concluded"
    assert event.data["kind"] == "air_defence"
    assert event.attributes["mandate"] == "m-premises-nanguan"
    assert lease["lessor"] == COMMUNITY


async def test_a_shop_needs_no_such_papers_nor_is_it_asked_about_goods(world: World) -> None:
    await world.lease(await world.premise(kind="shop", use="commerce"), hazardous_goods=True)


async def test_rent_falls_due_period_by_period_and_finance_is_asked_to_book_it(world: World) -> None:
    """From 10 March by the month, due on the 5th: the first rent is due at once, the next on 5 April."""
    lease = await world.lease(await world.premise(kind="shop"))
    await world.events()
    await world.on("2026-03-05T00:00:01")
    events = await world.events()
    assert named(events) == ["lease.rent_due", "bill.income_due"]
    bill = f"{lease['id']}-1"
    assert events[1].data == {
        "bill": bill,
        "org": COMMUNITY,
        "debtor": lease["lessee"],
        "amount_fen": 150_000,
        "what": "rent",
        "period": "2026-03-10/2026-04-10",
    }
    assert (events[1].key, events[1].attributes["sequence"], events[1].attributes["org"]) == (bill, "1", COMMUNITY)
    await world.on("2026-04-04T23:59:59")
    assert await bills(world) == []
    await world.on("2026-04-05T00:00:01")
    assert [data["period"] for _, _, data in await bills(world)] == ["2026-04-10/2026-05-10"]
    await world.on("2027-03-10T00:00:01")
    assert [data["amount_fen"] for _, _, data in await bills(world)] == [150_000] * 10
    after = await world.get(f"/leases/{lease['id']}")
    assert (after["state"], after["next_period"]) == ("ended", 13)


async def test_what_was_due_before_it_was_entered_is_billed_at_once(world: World) -> None:
    """A lease of last year: every period until now, each once, then nothing until the next day that counts."""
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2025-12-01", due_day=1)
    await world.events()
    await world.deadlines()
    assert [data["bill"] for _, _, data in await bills(world)] == [f"{lease['id']}-{n}" for n in (1, 2, 3, 4)]
    await world.deadlines()
    assert await bills(world) == []


async def test_rent_that_comes_is_told_once(world: World) -> None:
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2026-03-01", due_day=1)
    path = f"/leases/{lease['id']}/payments"
    assert await world.refused(path, COMMUNITY, {"due": 1}) == (404, "not_found")
    await world.deadlines()
    await world.events()
    await world.post(path, COMMUNITY, {"due": 1})
    events = await world.events()
    assert named(events) == ["lease.rent_received", "bill.income_received"]
    assert (events[1].data, events[1].attributes["sequence"]) == ({"bill": f"{lease['id']}-1"}, "2")
    assert await world.refused(path, COMMUNITY, {"due": 1}) == (409, "due_settled")
    (due,) = await world.pages(f"/leases/{lease['id']}/dues", limit=1)
    assert (due["state"], due["finance"]) == ("received", None)


async def test_a_prepaid_lease_becomes_income_period_by_period(world: World) -> None:
    """As the building-materials plant's: three years paid beforehand, 1.5 a year (domain.md §2)."""
    plant = terms(
        await world.premise(kind="shop", permanent=False),
        rent_fen=1_500_000,
        every="year",
        starts_on="2024-08-01",
        ends_on="2027-08-01",
        due_day=1,
        prepaid=True,
    )
    lease = await world.post("/leases", COMMUNITY, plant)
    await world.deadlines()
    told = [(name, data.get("amount_fen")) for name, _, data in await bills(world)]
    assert told == [("income_due", 1_500_000), ("income_received", None)] * 2
    await world.on("2026-08-01T00:00:01")
    assert [name for name, _, _ in await bills(world)] == ["income_due", "income_received"]
    dues = await world.pages(f"/leases/{lease['id']}/dues", limit=2)
    assert [due["state"] for due in dues] == ["received"] * 3
    assert await world.refused(f"/leases/{lease['id']}/payments", COMMUNITY, {"due": 3}) == (409, "due_settled")


async def test_a_lease_that_is_cut_short_bills_the_days_it_had_and_withdraws_the_rest(world: World) -> None:
    """Quarters from 10 March, due on the 5th; on 6 June it is ended as of that day: the second quarter, which was
    billed in advance, will not be."""
    lease = await world.lease(await world.premise(kind="shop"), every="quarter", rent_fen=92_000)
    await world.on("2026-06-06T09:00:00")
    await world.events()
    path = f"/leases/{lease['id']}"
    cut = await world.post(f"{path}/end", COMMUNITY, {"on": "2026-06-06", "reason": "agreed"})
    events = await world.events()
    assert named(events) == ["lease.cut", "bill.withdrawn"]
    assert events[0].data["withdrawn"] == [f"{lease['id']}-2"]
    assert events[1].data == {"bill": f"{lease['id']}-2", "reason": "lease_cut"}
    assert cut["ends_on"] == "2026-06-06"
    await world.deadlines()
    assert await world.names() == ["lease.ended"]
    first, second = await world.pages(f"{path}/dues", limit=1)
    assert (first["state"], first["amount_fen"]) == ("issued", 92_000)
    assert second["state"] == "withdrawn"
    assert await world.refused(f"{path}/payments", COMMUNITY, {"due": 2}) == (409, "due_settled")
    await world.post(f"{path}/payments", COMMUNITY, {"due": 1})  # what was owed may still come
    again = {"on": "2026-06-06", "reason": "agreed"}
    assert await world.refused(f"{path}/end", COMMUNITY, again) == (409, "lease_ended")


async def test_a_period_that_has_begun_is_billed_by_its_days_when_the_lease_is_cut(world: World) -> None:
    """March, due on the 20th; ended on the 16th as of the 17th: 16 of 31 days."""
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2026-03-01", due_day=20, rent_fen=31_000)
    await world.on("2026-03-16T09:00:00")
    await world.post(f"/leases/{lease['id']}/end", COMMUNITY, {"on": "2026-03-17", "reason": "requisition"})
    await world.on("2026-03-20T00:00:01")
    (due,) = await world.pages(f"/leases/{lease['id']}/dues", limit=1)
    assert (due["amount_fen"], due["until"]) == (16_000, "2026-03-17")
    assert (await world.get(f"/leases/{lease['id']}"))["state"] == "ended"


async def test_an_early_end_lies_between_today_and_the_end(world: World) -> None:
    lease = await world.lease(await world.premise(kind="shop"))
    path = f"/leases/{lease['id']}/end"
    for day in ("2026-03-01", "2027-03-10", "2028-01-01"):
        assert await world.refused(path, COMMUNITY, {"on": day, "reason": "agreed"}) == (422, "lease_cut_date")


async def test_a_premise_is_let_once_at_a_time(world: World) -> None:
    shop = await world.premise(kind="shop")
    lease = await world.lease(shop)
    answer = await world.ask("POST", "/leases", COMMUNITY, terms(shop, starts_on="2027-03-09", ends_on="2028-03-09"))
    assert (answer.status_code, answer.json()["code"], answer.json()["params"]["lease"]) == (
        409,
        "premise_let",
        lease["id"],
    )
    await world.lease(shop, starts_on="2027-03-10", ends_on="2028-03-10")
    withdrawal = await world.refused(f"/premises/{shop}/withdrawal", COMMUNITY, {"reason": "demolished"})
    assert withdrawal == (409, "premise_let")


async def test_terms_that_cannot_be_are_refused_each_with_its_code(world: World) -> None:
    shop = await world.premise(kind="shop")
    lessee = {"name": "张承租"}
    for more, expected in (
        ({"ends_on": "2026-03-10"}, (422, "lease_dates")),
        ({"ends_on": "2046-03-11"}, (422, "lease_too_long")),
        ({"premise": "nothing"}, (404, "not_found")),
        ({"lessee": {**lessee, "credit_code": USCC[:-1] + "B"}}, (422, "credit_code_invalid")),
        ({"lessee": {**lessee, "identity_number": "110105194912310021"}}, (422, "identity_number_invalid")),
        ({"lessee": lessee}, (422, "invalid_request")),
        ({"lessee": {**lessee, "identity_number": RIC, "credit_code": USCC}}, (422, "invalid_request")),
        ({"rent_fen": 0}, (422, "invalid_request")),
        ({"rent_fen": 1.5}, (422, "invalid_request")),
        ({"due_day": 29}, (422, "invalid_request")),
        ({"every": "week"}, (422, "invalid_request")),
        ({"colour": "red"}, (422, "invalid_request")),
    ):
        assert await world.refused("/leases", COMMUNITY, {**terms(shop), **more}) == expected, more
    gone = await world.premise(kind="shop")
    await world.post(f"/premises/{gone}/withdrawal", COMMUNITY, {"reason": "demolished"})
    assert await world.refused("/leases", COMMUNITY, terms(gone)) == (409, "premise_withdrawn")
    await world.lease(shop, ends_on="2046-03-10", lessee={**lessee, "identity_number": RIC})


async def test_only_the_lessor_acts_on_its_lease_until_it_has_lost_the_power(world: World) -> None:
    """Then whoever holds it instead, so that somebody always answers for it; the rent stays the lessor's."""
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2026-03-01", due_day=1)
    await world.deadlines()
    path = f"/leases/{lease['id']}/payments"
    assert await world.refused(path, OTHER_COMMUNITY, {"due": 1}) == (403, "missing_power")
    await world.log.grant("m-helps", STREET_ORG, PREMISES, NANGUAN, PREMISE_POWERS, role="assist")
    assert await world.refused(path, STREET_ORG, {"due": 1}) == (403, "not_lessor")
    await world.events()
    await world.log.revoke("m-premises-nanguan", COMMUNITY, PREMISES, "321302002907")
    await world.later(10)
    assert await world.refused(path, COMMUNITY, {"due": 1}) == (403, "missing_power")
    assert (await world.post(path, CIVIL, {"due": 1}))["lessor"] == COMMUNITY
    (received, _) = await world.events()
    assert (received.attributes["org"], received.attributes["mandate"]) == (CIVIL, "root:premises")


async def test_rent_goes_on_falling_due_when_the_power_to_let_has_moved(world: World) -> None:
    """What is owed is owed to the lessor: it is said for that one, under no mandate (G3)."""
    await world.lease(await world.premise(kind="shop"))
    await world.log.revoke("m-premises-nanguan", COMMUNITY, PREMISES, "321302002907")
    await world.events()
    await world.on("2026-03-05T00:00:01")
    events = await world.events()
    assert named(events) == ["lease.rent_due", "bill.income_due"]
    assert all("mandate" not in e.attributes and e.attributes["org"] == COMMUNITY for e in events)


async def test_what_finance_has_done_is_shown_whatever_comes_first(world: World) -> None:
    lease = await world.lease(await world.premise(kind="shop"), starts_on="2026-03-01", due_day=1)
    await world.deadlines()
    bill, path = f"{lease['id']}-1", f"/leases/{lease['id']}/dues"
    await world.billed(bill, "booked", service="volunteers")
    await world.billed("unknown-1", "booked")
    assert (await world.pages(path, limit=5))[0]["finance"] is None
    await world.billed(bill, "booked")
    await world.billed(bill, "booked")
    assert [(d["finance"], d["entry"]) for d in await world.pages(path, limit=5)] == [("booked", "e-booked")]
    await world.billed(bill, "paid")
    await world.billed(bill, "booked")  # again, late
    assert [(d["finance"], d["entry"]) for d in await world.pages(path, limit=5)] == [("paid", "e-paid")]


async def test_who_the_lessee_is_is_read_under_a_power_and_for_a_purpose(world: World) -> None:
    lease = await world.lease(await world.premise(kind="shop"))
    path = f"/leases/{lease['id']}/lessee"
    await world.events()
    found = await world.get(path, COMMUNITY, purpose="collection")
    assert (found["name"], found["phone"], found["number"]) == ("张承租", "13800001111", USCC)
    (event,) = of(await world.events(), "lease.private_read")
    power = "property.lessee.read"
    assert event.data == {"lease": lease["id"], "power": power, "purpose": "collection"}
    assert event.attributes["actor"] == f"staff-{COMMUNITY}"
    for org, more, code in (
        (COMMUNITY, {}, "invalid_request"),
        (COMMUNITY, {"purpose": "curiosity"}, "invalid_request"),
        (FIRM, {"purpose": "contact"}, "missing_power"),
        (STREET_ORG, {"purpose": "contact"}, "missing_power"),
    ):
        answer = await world.ask("GET", path, org, **more)
        assert answer.json()["code"] == code
    assert await world.events() == []


async def test_who_the_lessee_is_may_be_corrected_and_no_event_says_how(world: World) -> None:
    lease = await world.lease(await world.premise(kind="shop"))
    await world.events()
    path, body = f"/leases/{lease['id']}/lessee", {"name": "赵更正", "identity_number": RIC}
    await world.post(path, COMMUNITY, body, headers={"If-Match": '"1"'})
    (event,) = await world.events()
    assert (event.name, event.data) == ("property.lease.lessee_corrected", {"lease": lease["id"]})
    found = await world.get(path, COMMUNITY, purpose="correction")
    assert (found["name"], found["phone"], found["number"]) == ("赵更正", None, RIC)
    assert await world.refused(path, COMMUNITY, {"name": "x"}) == (422, "invalid_request")


async def test_leases_and_dues_page_to_the_end(world: World) -> None:
    shops = [await world.premise(kind="shop") for _ in range(3)]
    leases = [(await world.lease(shop, starts_on="2025-12-01", due_day=1))["id"] for shop in shops]
    other = await world.premise(by=OTHER_COMMUNITY, area=GUANKOU, kind="shop")
    await world.lease(other, by=OTHER_COMMUNITY)
    await world.deadlines()
    assert [x["id"] for x in await world.pages("/leases", limit=2, lessor=COMMUNITY)] == leases[::-1]
    assert len(await world.pages("/leases", limit=2)) == 4
    assert [x["premise"] for x in await world.pages("/leases", limit=1, premise=shops[1])] == [shops[1]]
    assert await world.pages("/leases", limit=1, state="ended") == []
    assert (await world.ask("GET", "/leases", state="burnt")).json()["code"] == "invalid_request"
    assert [d["number"] for d in await world.pages(f"/leases/{leases[0]}/dues", limit=3)] == [1, 2, 3, 4]
    for cursor in ("x", "YQ"):
        answer = await world.ask("GET", f"/leases/{leases[0]}/dues", cursor=cursor)
        assert answer.json()["code"] == "cursor_malformed"


@given(
    starts=st.dates(date(1990, 1, 1), date(2150, 1, 1)),
    days=st.integers(1, 4_000),
    every=st.sampled_from(sorted(MONTHS)),
    rent=st.integers(1, 10**12),
)
def test_the_periods_of_a_lease_are_its_days_each_once_and_never_cost_more(
    starts: date, days: int, every: str, rent: int
) -> None:
    ends = starts + timedelta(days=days)
    number, at = 1, starts
    while (one := period(number, starts, ends, every)) is not None:
        assert one.begins == at < one.until
        assert 0 <= one.rent(rent) <= rent
        assert (one.rent(rent) == rent) == (one.until == one.whole_until)
        at, number = one.until, number + 1
    assert at == ends


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [("2026-01-31", 1, "2026-02-28"), ("2024-02-29", 12, "2025-02-28"), ("2026-01-31", 2, "2026-03-31")],
)
def test_months_end_on_their_last_day(day: str, months: int, then: str) -> None:
    assert months_after(date.fromisoformat(day), months) == date.fromisoformat(then)
