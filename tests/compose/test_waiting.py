"""What makes power wait: a service with another database, restored or restarted, may have a twin that still acts on the
old one, so nothing moves until that one's time is over (authority.max_staleness_s, 15 minutes in the demonstration).
Nothing is lost by it, and all else goes on. These come last: the stack is of no other use meanwhile."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from deploy.story import tell
from deploy.story.telling import Silent
from suizhuan.profile import load_profile

from .pages import block
from .stack import Stack
from .test_rehearsed import PATIENCE_S, client, done, hub_of, reported

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
OVER_S = load_profile("demonstration").authority.max_staleness_s + 120.0


async def test_a_backup_is_restored_and_its_service_works_at_once(stack: Stack) -> None:
    async with client(stack) as caller, caller.listening(await hub_of(caller)) as stream:
        kept = await reported(caller)
        await done(stack, block("backup.md", "Back up", "docker compose"))
        lost = await reported(caller)
        await stream.wait("complaints.case.reported", lambda event: event.key == lost, timeout=PATIENCE_S)
        said = await done(stack, block("backup.md", "恢复 / Restore", "docker compose"))
        assert "complaints.case.reported" in said, said
        later = await reported(caller)
        clerk = await caller.sign_in("staff-street-03")
        for case in (kept, lost, later):  # the second one came back from the log
            assert (await clerk.get(f"/complaints/cases/{case}"))["id"] == case
    assert await replaced(stack) == 1


async def replaced(stack: Stack) -> int:
    """How many times what was there stands aside, in its own schema."""
    how = {"host": stack.address("postgres"), "user": "complaints", "database": "complaints"}
    connection = await asyncpg.connect(**how, password=stack.secret("postgres_complaints"))
    try:
        found = "SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'before_restore_%'"
        return int(await connection.fetchval(found))
    finally:
        await connection.close()


async def test_the_story_is_told_over_the_death_of_postgresql(stack: Stack) -> None:
    async with client(stack, OVER_S) as caller:
        telling = asyncio.create_task(tell(caller, Silent(), patience=OVER_S))
        async with caller.listening(await hub_of(caller)) as stream:
            await stream.wait("complaints.case.reported", timeout=PATIENCE_S)
            await asyncio.to_thread(stack.kill, "postgres")
            await asyncio.to_thread(stack.start, "postgres")
        report = await telling
    assert report["verdict"] == "clean", report
