"""What is behind the log over HTTP: who may see it, who may reconcile it, and what is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from finance import tables as t
from suizhuan.adapters.embedded_log import EmbeddedLog
from suizhuan.db.tables import log_ahead
from suizhuan.kernel.clock import SystemClock
from suizhuan.ports.log import NewRecord, TopicSpec
from suizhuan.testing import published, record

from .conftest import COMMUNITY, FINANCE, ROOT_AREA, Api

ADOPT = {"action": "adopt", "reason": "昨夜备份恢复"}
LINES = [
    {"org": COMMUNITY, "account": "502", "earmark": None, "amount_fen": 700},
    {"org": COMMUNITY, "account": "102", "earmark": None, "amount_fen": -700},
]


@pytest.fixture
async def behind(api: Api, tmp_path: Path) -> AsyncIterator[Api]:
    """One entry of a person is on the log and not in the books; the finance department runs the platform."""
    await api.log.grant("root:gov.operations", FINANCE, "gov.operations", ROOT_AREA, ["finance.events.repair"])
    await published(api.service.parts)
    log = EmbeddedLog(tmp_path / "log.db", clock=SystemClock())
    await log.ensure_topics([TopicSpec("finance.entry")])
    data = {"entry": "e1", "kind": "journal", "cause": "c", "memo": "买扫帚", "lines": LINES}
    made = record("finance.entry.posted.v1", data, key="e1", time=api.clock.now(), event_id="id1", actor="staff:7")
    producer = await log.producer("lost")
    await producer.append([NewRecord(made.topic, made.partition, made.key, made.value, made.headers)])
    row = {"event_id": "id1", "topic": made.topic, "partition": made.partition, "offset": 0, "key": "e1"}
    async with api.service.parts.database.write() as conn:
        await conn.execute(insert(log_ahead).values(**row, sequence=1, locked=True))
    api.service.reconciler.broker = log
    yield api
    await log.close()


async def test_it_is_listed_and_who_runs_the_platform_takes_it_over(behind: Api) -> None:
    listed = await behind.read("/log-ahead")
    assert listed["items"] == [{"topic": "finance.entry", "key": "e1", "events": 1, "sequence": 1}]
    done = await behind.post("/reconciliation", FINANCE, ADOPT)
    assert (done.status_code, done.json()["events"], done.json()["left"]) == (200, 1, 0)
    assert (await behind.read("/log-ahead"))["items"] == []
    async with behind.service.parts.database.read() as conn:
        entry = (await conn.execute(select(t.entry).where(t.entry.c.id == "e1"))).one()
    assert (entry.memo, entry.posted_by, entry.at) == ("买扫帚", "staff:7", behind.clock.now())
    (told,) = await published(behind.service.parts)
    assert (told.name, told.data["action"], told.attributes["org"]) == (
        "finance.log.reconciled",
        "adopt",
        FINANCE,
    )


async def test_until_then_no_money_is_drawn_and_it_is_said_why(behind: Api) -> None:
    answer = await behind.post("/allocations", FINANCE, {"to": COMMUNITY, "amount_fen": 5, "memo": "x"})
    assert (answer.status_code, answer.json()["code"]) == (503, "aggregate_behind_log")
    assert "reconcile" in answer.json()["next"]
    assert set(answer.json()["messages"]) == {"zh", "en"}
    assert (await behind.post("/reconciliation", FINANCE, ADOPT)).status_code == 200
    answer = await behind.post("/allocations", FINANCE, {"to": COMMUNITY, "amount_fen": 5, "memo": "x"})
    assert answer.status_code == 201


async def test_it_can_be_taken_back(behind: Api) -> None:
    body = {"action": "reverse", "reason": "从未发生", "topic": "finance.entry", "key": "e1"}
    done = await behind.post("/reconciliation", FINANCE, body)
    assert (done.status_code, done.json()["left"]) == (200, 0)
    told = await published(behind.service.parts)
    assert [(e.name, e.data.get("kind")) for e in told] == [
        ("finance.entry.posted", "reversal"),
        ("finance.log.reconciled", None),
    ]


@pytest.mark.parametrize(
    ("org", "body", "status", "code"),
    [
        (COMMUNITY, ADOPT, 403, "missing_power"),
        (FINANCE, {"action": "reverse", "reason": "x"}, 422, "invalid_request"),
        (FINANCE, {"action": "reverse", "reason": "x", "topic": "finance.entry", "key": "e2"}, 404, "not_found"),
        (FINANCE, {"action": "burn", "reason": "x"}, 422, "invalid_request"),
        (FINANCE, {"action": "adopt", "reason": ""}, 422, "invalid_request"),
    ],
)
async def test_who_may_not_or_asks_for_nonsense_is_refused_and_nothing_changes(
    behind: Api, org: str, body: dict[str, str], status: int, code: str
) -> None:
    answer = await behind.post("/reconciliation", org, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len((await behind.read("/log-ahead"))["items"]) == 1


async def test_a_cursor_that_is_nonsense_is_refused(behind: Api) -> None:
    assert (await behind.get("/log-ahead", cursor="eA")).json()["code"] == "cursor_malformed"
