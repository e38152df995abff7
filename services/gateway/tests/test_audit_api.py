"""The auditor as the gateway shows it, and in the terminal."""

from __future__ import annotations

import json

import pytest

from gateway.__main__ import audit
from gateway.asof import HEADER
from gateway.inbound import declared
from suizhuan.kernel.clock import utc_text

from .conftest import DEPARTMENTS, World, at_work, caught_up, client
from .story import BANK, COMMUNITY, Story
from .test_composed import all_well


async def test_the_report_says_what_was_read_and_that_nothing_is_wrong(world: World, story: Story) -> None:
    gateway = world.gateway(all_well())
    await gateway.migrate()
    async with client(gateway) as http:
        answer = await http.get("/audit", headers=world.headers("hub"))
    report = answer.json()
    assert answer.status_code == 200
    assert report["verdict"] == "clean"
    assert report["violations"] == []
    assert report["read"]["events"] == len(story.written)
    assert report["read"]["cases"] == 4


async def test_the_next_audit_reads_only_what_is_new_and_finds_it(world: World, story: Story) -> None:
    gateway = world.gateway(all_well())
    await gateway.migrate()
    async with client(gateway) as http:
        first = (await http.get("/audit", headers=world.headers("hub"))).json()
        again = (await http.get("/audit", headers=world.headers("hub"))).json()
        assert again == first
        story.entry("theft", [(COMMUNITY, BANK, None, 5)])
        await world.tell(story)
        third = (await http.get("/audit", headers=world.headers("hub"))).json()
        full = (await http.get("/audit?full=true", headers=world.headers("service"))).json()
        refused = await http.get("/audit?full=true", headers=world.headers("hub"))
    assert third.items() >= full.items()
    assert (refused.status_code, refused.json()["code"]) == (403, "wrong_kind"), "all wait while everything is read"
    assert third["verdict"] == "violations"
    (found,) = third["violations"]
    assert (found["code"], found["guarantee"], found["kind"]) == ("entry_unbalanced", "G5", "有费无事")
    assert found["event"] == story.find("finance.entry.posted", entry="theft").id
    assert third["by_guarantee"] == {"G5": 1}
    seen = gateway.parts.metrics.registry.get_sample_value
    assert seen("suizhuan_audit_violations", {"guarantee": "G5"}) == 1
    assert seen("suizhuan_audit_violations", {"guarantee": "G1"}) == 0
    assert seen("suizhuan_audit_events") == third["read"]["events"]


async def test_nothing_read_is_told_as_a_failure(world: World) -> None:
    gateway = world.gateway(all_well())
    async with client(gateway) as http:
        assert (await http.get("/audit", headers=world.headers("hub"))).json()["verdict"] == "nothing_read"


async def test_residents_are_shown_no_report(world: World) -> None:
    gateway = world.gateway(all_well())
    async with client(gateway) as http:
        assert (await http.get("/audit", headers=world.headers("resident"))).status_code == 403
        assert (await http.get("/audit")).status_code == 401


async def test_what_is_too_large_to_keep_is_read_anew(world: World, story: Story) -> None:
    gateway = world.gateway(all_well(), audit_keep_events=10)
    await gateway.migrate()
    async with client(gateway) as http:
        first = (await http.get("/audit", headers=world.headers("hub"))).json()
        assert (await http.get("/audit", headers=world.headers("hub"))).json() == first


async def test_a_case_is_shown_with_what_was_found_in_it(world: World, story: Story) -> None:
    paid = story.find("finance.case.paid", case="c1")
    story.emit("finance.case.paid", paid.data, key="c1")
    await world.tell(story)
    gateway = world.gateway(all_well())
    async with at_work(gateway), client(gateway) as http:
        await caught_up(gateway)
        bad = (await http.get("/audit/cases/c1", headers=world.headers("hub"))).json()
        good = (await http.get("/audit/cases/c2", headers=world.headers("hub"))).json()
    assert [v["code"] for v in bad["violations"]] == ["paid_twice"]
    assert bad["chain"]["case"]["id"] == "c1"
    assert good["verdict"] == "clean"


@pytest.mark.parametrize("language", ["zh_CN.UTF-8", "en_US.UTF-8"])
async def test_the_terminal_says_the_same(
    world: World, story: Story, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    import asyncio

    monkeypatch.setenv("LANG", language)
    monkeypatch.setenv("SUIZHUAN_LOG_URL", f"embedded://{world.folder}/log.db")
    monkeypatch.setenv("SUIZHUAN_TOPICS", json.dumps(DEPARTMENTS))
    assert await asyncio.to_thread(audit, []) == 0
    said = capsys.readouterr().out
    assert ("违规 0 处" if language.startswith("zh") else "0 violations") in said
    assert "complaints.case" in said
    story.entry("theft", [(COMMUNITY, BANK, None, 5)])
    await world.tell(story)
    assert await asyncio.to_thread(audit, ["--json"]) == 1
    assert json.loads(capsys.readouterr().out)["violations"][0]["code"] == "entry_unbalanced"


async def test_in_the_terminal_nothing_read_is_a_failure(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio

    monkeypatch.setenv("SUIZHUAN_LOG_URL", f"embedded://{world.folder}/other.db")
    assert await asyncio.to_thread(audit, ["--json"]) == 2
    assert json.loads(capsys.readouterr().out)["verdict"] == "nothing_read"


async def test_beats_are_counted_and_kept_out_of_memory(world: World, story: Story) -> None:
    for _ in range(5):
        beat = {"replicas": [], "sent_at": utc_text(story.now)}
        story.emit("mandates.authority.beat", beat, key="beat", topic="mandates.authority")
    await world.tell(story)
    gateway = world.gateway(all_well())
    await gateway.migrate()
    async with client(gateway) as http:
        report = (await http.get("/audit", headers=world.headers("hub"))).json()
    assert report["read"]["beats"] == 5
    assert report["verdict"] == "clean"


def test_the_gateway_listens_to_what_the_topology_says() -> None:
    assert declared().topics == [
        "complaints.case",
        "finance.earmark",
        "finance.entry",
        "finance.hold",
        "mandates.affair",
        "mandates.mandate",
        "mandates.organisation",
    ]
    assert HEADER == "Suizhuan-As-Of"
