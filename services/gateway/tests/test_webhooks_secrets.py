"""A subscription's secret: used from the next event on, and nowhere in the database."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.signing import load_key

from .conftest import World, until
from .story import Story
from .test_stream import streamed
from .test_webhooks import Endpoint, Pushing, command, endpoint, gateway_of, look, subscribe

__all__ = ["endpoint"]


async def test_a_new_secret_signs_from_the_next_event_on_while_a_worker_is_at_work(
    world: World, beginning: Story, endpoint: Endpoint
) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    worker = Pushing.start(gateway)
    await until(lambda: len(endpoint.taken) >= len(streamed(beginning)), 30)

    async def noted() -> bool:
        return bool((await look(world, gateway, made["id"]))["delivered"] >= len(streamed(beginning)))

    await until(noted, 30)
    endpoint.secrets = [(await command(world, gateway, made["id"], "secret")).json()["secret"]]
    started = beginning.emit("complaints.case.started", {"case": "c9"}, key="c9")
    await world.tell(beginning)
    await until(lambda: started.id in endpoint.ids, 30)
    await worker.stop()
    assert endpoint.forged == 0


def test_a_key_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "webhook.key"
    made = load_key(None, file)
    assert load_key(None, file) == made
    assert [p.name for p in tmp_path.iterdir()] == ["webhook.key"]
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"")  # of a process that was interrupted while it wrote
    with pytest.raises(ValueError, match="not a key"):
        load_key(None, file)
