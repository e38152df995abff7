"""Earmarks, holds and payments, fed by the events of mandates and complaints, on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from finance import store
from finance.app import build
from finance.bootstrap import bootstrap
from finance.domain import ledger
from finance.domain.earmark import LUMP, PER_CASE, Earmark
from finance.domain.facts import Line
from suizhuan.kernel.clock import ManualClock, utc_text
from suizhuan.kernel.refusal import Refusal
from suizhuan.ports.log import Log
from suizhuan.seed import load_seed
from suizhuan.service import Service
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.testing import Published, feed, published, record

SEED = Path(__file__).parents[3] / "deploy" / "seed" / "xiangli.seed.yaml"
GIVER, HOLDER, FIRM = "dept-sanitation", "community-nanguan", "firm-jiecheng"
PRICE = 80_000


@pytest.fixture
async def finance(database_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    settings = load_settings(ServiceSettings, "finance", database_url=database_url, data_dir=tmp_path)
    unused: Any = object()
    broker: Log = unused
    service = build(settings, broker=broker, clock=ManualClock())
    await service.migrate()
    await bootstrap(service, load_seed(SEED, service.parts.profile))
    await published(service.parts)
    yield service
    await service.close()


async def hears(finance: Service, name: str, key: str, data: dict[str, Any]) -> list[Published]:
    """Feed one event; what finance said about it."""
    topic = ".".join(name.split(".")[:2])
    await feed(finance, record(f"{name}.v1", data, key=key, time=finance.parts.clock.now(), topic=topic))
    return await published(finance.parts)


async def fund(finance: Service, amount: int, *, basis: str = PER_CASE, mandate: str = "m1") -> list[Published]:
    return await hears(
        finance,
        "mandates.mandate.admitted",
        mandate,
        {"mandate": mandate, "giver": GIVER, "holder": HOLDER, "basis": basis, "amount_fen": amount},
    )


async def request(finance: Service, handover: str, case: str = "c1", needed: int = PRICE) -> list[Published]:
    data = {"case": case, "case_term": 1, "handover": handover, "giver": HOLDER, "mandate": "m1", "needed_fen": needed}
    return await hears(finance, "complaints.case.handover_requested", case, data)


async def verify(finance: Service, case: str = "c1", payee: str = FIRM) -> list[Published]:
    data = {"case": case, "case_term": 2, "responsible": payee, "mandate": "m1", "owner": GIVER, "price_fen": PRICE}
    return await hears(finance, "complaints.case.verified", case, data)


async def end(finance: Service, *, days_left: int = 0, days: int = 10) -> list[Published]:
    now = finance.parts.clock.now()
    starts = now - timedelta(days=days - days_left)
    data = {
        "mandate": "m1",
        "starts_at": utc_text(starts),
        "ends_at": utc_text(starts + timedelta(days=days)),
        "ended_at": utc_text(now),
    }
    return await hears(finance, "mandates.mandate.ended", "m1", data)


def names(said: list[Published]) -> list[str]:
    return [event.name.removeprefix("finance.") for event in said]


async def test_a_funded_mandate_has_its_money_set_aside_in_a_balanced_entry(finance: Service) -> None:
    said = await fund(finance, 200_000)
    assert names(said) == ["entry.posted", "earmark.funded"]
    sums: dict[str, int] = {}
    for line in said[0].data["lines"]:
        sums[line["org"]] = sums.get(line["org"], 0) + line["amount_fen"]
    assert sums == {GIVER: 0, HOLDER: 0}


async def test_a_giver_without_the_money_is_refused_with_the_shortfall(finance: Service) -> None:
    (said,) = await fund(finance, 10**12)
    assert said.name == "finance.earmark.refused"
    assert said.data["shortfall_fen"] == 10**12 - said.data["available_fen"] > 0


async def test_an_admission_that_is_heard_twice_moves_no_money_twice(finance: Service) -> None:
    await fund(finance, 200_000)
    assert await fund(finance, 200_000) == []


async def test_a_handover_holds_its_price_and_never_more_than_the_earmark_has(finance: Service) -> None:
    await fund(finance, 200_000)
    assert names(await request(finance, "h1", "c1")) == ["hold.placed"]
    assert names(await request(finance, "h2", "c2")) == ["hold.placed"]
    (said,) = await request(finance, "h3", "c3")
    assert (said.name, said.data["shortfall_fen"]) == ("finance.hold.refused", PRICE - 40_000)


async def test_a_verified_case_is_paid_once_from_its_hold(finance: Service) -> None:
    await fund(finance, 200_000)
    await request(finance, "h1")
    said = await verify(finance)
    assert names(said) == ["entry.posted", "hold.captured", "case.paid"]
    assert said[2].data["amount_fen"] == PRICE
    assert await verify(finance) == []


async def test_who_did_the_work_is_paid_also_when_another_answers_for_the_case_by_then(finance: Service) -> None:
    await fund(finance, 200_000)
    await request(finance, "h1")
    data = {"case": "c1", "case_term": 2, "responsible": GIVER, "payee": HOLDER, "mandate": "m1", "owner": GIVER}
    said = await hears(finance, "complaints.case.verified", "c1", {**data, "price_fen": PRICE})
    assert [event.data["payee"] for event in said[1:]] == [HOLDER, HOLDER]


async def test_a_verified_case_without_a_hold_is_paid_from_the_earmark(finance: Service) -> None:
    await fund(finance, 200_000)
    said = await verify(finance, payee=HOLDER)
    assert names(said) == ["entry.posted", "case.paid"] and said[1].data["mandate"] == "m1"


async def test_a_refusal_that_comes_first_lets_nothing_be_held_later(finance: Service) -> None:
    await fund(finance, 200_000)
    await hears(finance, "complaints.case.handover_refused", "c1", {"case": "c1", "handover": "h1"})
    assert await request(finance, "h1") == []
    async with finance.parts.database.read() as conn:
        assert await store.holds(conn, "c1", only_open=False) == []


async def test_a_refused_handover_releases_its_hold(finance: Service) -> None:
    await fund(finance, 200_000)
    await request(finance, "h1")
    said = await hears(finance, "complaints.case.handover_refused", "c1", {"case": "c1", "handover": "h1"})
    assert names(said) == ["hold.released"]


async def test_an_ended_mandate_returns_what_is_neither_paid_nor_held_and_settles_with_its_last_hold(
    finance: Service,
) -> None:
    await fund(finance, 200_000)
    await request(finance, "h1")
    said = await end(finance)
    assert names(said) == ["entry.posted", "earmark.returned"] and said[1].data["amount_fen"] == 120_000
    said = await verify(finance)
    assert names(said)[-2:] == ["earmark.settled", "case.paid"]
    assert said[-2].data | {"earmark": "", "mandate": ""} == {
        "earmark": "",
        "mandate": "",
        "captured_fen": PRICE,
        "returned_fen": 120_000,
    }


async def test_a_lump_sum_goes_back_by_days_left_rounded_down(finance: Service) -> None:
    await fund(finance, 100_001, basis=LUMP)
    said = await end(finance, days_left=3, days=10)
    returned = next(e for e in said if e.name == "finance.earmark.returned")
    assert returned.data["amount_fen"] == 30_000


async def test_a_switch_hold_falls_back_to_the_owners_budget(finance: Service) -> None:
    data = {"case": "c1", "case_term": 1, "switch": "s1", "mandate": "none", "owner": GIVER, "needed_fen": PRICE}
    (said,) = await hears(finance, "complaints.case.hold_requested", "c1", data)
    assert (said.name, said.data["payer"], said.data["mandate"]) == ("finance.hold.placed", GIVER, None)


async def test_the_ledger_can_only_be_added_to(finance: Service) -> None:
    for statement in ("UPDATE line SET amount_fen = 1", "DELETE FROM entry"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with finance.parts.database.write() as conn:
                await conn.execute(text(statement))


async def test_founding_twice_posts_nothing_twice(finance: Service) -> None:
    assert await bootstrap(finance, load_seed(SEED, finance.parts.profile)) is False


def test_an_unbalanced_entry_is_refused_by_organisation() -> None:
    lines = [
        Line(org="a", account="102", earmark=None, amount_fen=5),
        Line(org="a", account="531", earmark=None, amount_fen=-4),
    ]
    with pytest.raises(Refusal) as caught:
        ledger.check_balanced(lines)
    assert (caught.value.code, caught.value.params) == ("entry_unbalanced", {"org": "a", "difference": 1})


@given(st.lists(st.tuples(st.sampled_from(["hold", "capture", "release"]), st.integers(1, 50)), max_size=40))
def test_an_earmark_never_goes_below_zero(steps: list[tuple[str, int]]) -> None:
    earmark, held = Earmark("m", "a", "b", PER_CASE, 500), []
    for what, amount in steps:
        if what == "hold" and earmark.available_fen >= amount:
            earmark, held = earmark.hold(amount), [*held, amount]
        elif what == "capture" and held:
            earmark = earmark.capture(held.pop(), held=True)
        elif what == "release" and held:
            earmark = earmark.release(held.pop())
        assert earmark.available_fen >= 0 and earmark.held_fen == sum(held)
        total = earmark.captured_fen + earmark.returned_fen + earmark.held_fen + earmark.available_fen
        assert total == earmark.amount_fen
