"""A subscription's secret: used from the next event on, and nowhere in the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from gateway.signing import load_key
from suizhuan.db.tables import idempotency

from .conftest import World, client, until
from .story import Story
from .test_hub import hub
from .test_stream import streamed
from .test_webhooks import PURPOSE, Endpoint, Pushing, command, endpoint, gateway_of, look, subscribe

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


@pytest.mark.parametrize("what", ["subscribe", "secret"])
async def test_a_repeat_gets_the_secret_again_and_the_database_holds_none(
    world: World, beginning: Story, endpoint: Endpoint, what: str
) -> None:
    gateway = gateway_of(world)
    await gateway.migrate()
    made = await subscribe(world, gateway, endpoint)
    path = "/subscriptions" if what == "subscribe" else f"/subscriptions/{made['id']}/secret"
    headers = {**hub(world, PURPOSE), "Idempotency-Key": "once"}
    async with client(gateway) as http:
        first = await http.post(path, headers=headers, json={"url": endpoint.url})
        again = await http.post(path, headers=headers, json={"url": endpoint.url})
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    async with gateway.parts.database.read() as conn:
        bodies = [bytes(row.body) for row in await conn.execute(select(idempotency))]
    assert len(bodies) == 1
    assert b"whsec_" not in bodies[0]


def test_a_key_is_made_once_and_a_file_that_holds_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "webhook.key"
    made = load_key(None, file)
    assert load_key(None, file) == made
    assert [p.name for p in tmp_path.iterdir()] == ["webhook.key"]
    assert file.stat().st_mode & 0o077 == 0
    file.write_bytes(b"")  # of a process that was interrupted while it wrote
    with pytest.raises(ValueError, match="not a key"):
        load_key(None, file)
