"""The story told on the stack: as it is, while one part after another is killed, and after all of it was away."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from deploy.story.telling import Silent, Words
from deploy.topology import BY_NAME

from .stack import Stack
from .story import client, told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
VICTIMS = ["postgres", "kafka", "redis", *(f"{name}{part}" for name in BY_NAME for part in ("", "-worker"))]
CHAPTERS = 6
"""The story has seven; in the last one nothing happens any more."""


class Killer(Silent):
    """Kills a part when a chapter begins, and starts it again while the story goes on."""

    def __init__(self, stack: Stack, victim: str, chapter: int) -> None:
        super().__init__()
        self.stack, self.victim, self.at = stack, victim, chapter
        self.back: asyncio.Task[None] | None = None

    def chapter(self, number: int, title: Words) -> None:
        super().chapter(number, title)
        if number == self.at:
            self.stack.kill(self.victim)
            self.back = asyncio.create_task(asyncio.to_thread(self.stack.start, self.victim))


async def test_the_story_is_told_as_it_is(stack: Stack) -> None:
    await told(stack)


@pytest.mark.parametrize("victim", VICTIMS)
async def test_whoever_is_killed_meanwhile_nothing_is_lost(stack: Stack, victim: str) -> None:
    killer = Killer(stack, victim, 1 + VICTIMS.index(victim) % CHAPTERS)
    await told(stack, killer)
    assert killer.back is not None
    await killer.back


async def test_what_is_there_survives_down_and_up(stack: Stack) -> None:
    before = await all_of(stack)
    stack.compose("down")
    assert stack.containers() == {}
    stack.compose("up", "--detach", "--wait", "--wait-timeout", "300")
    after = await all_of(stack)
    assert len(before["cases"]) >= len(VICTIMS)
    assert (after["cases"], after["money"]) == (before["cases"], before["money"])
    assert after["events"] >= before["events"]


async def all_of(stack: Stack) -> dict[str, Any]:
    """What a clerk sees, and what the auditor has read."""
    async with client(stack) as caller:
        clerk = await caller.sign_in("staff-street-03")
        hub = await caller.sign_in_program("hub-smart-city", "demo-hub-secret")
        cases = await clerk.get("/complaints/cases", limit="200")
        money = await clerk.get("/finance/organisations/firm-jiecheng/money")
        report = await hub.get("/audit")
    assert report["verdict"] == "clean", report["violations"]
    return {"cases": cases["items"], "money": money["available_fen"], "events": report["read"]["events"]}
