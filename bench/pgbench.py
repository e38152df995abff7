"""PostgreSQL's own limit: pgbench with the statements of the bare route, a connection for each of the callers."""

from __future__ import annotations

import asyncio
import re
import tempfile

from bench.load import CALLERS
from deploy.local.postgres import _programs

SECONDS = 3
SCRIPT = """
BEGIN;
INSERT INTO bare_state VALUES (gen_random_uuid()::text, 'started', 3, repeat('x', 300));
INSERT INTO bare_outbox (event_id, topic, key, value, headers)
  VALUES (gen_random_uuid()::text, 'complaints.case', gen_random_uuid()::text, repeat('x', 150)::bytea,
    repeat('y', 500));
COMMIT;
"""


async def transactions(url: str) -> float:
    """Transactions a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(SCRIPT)
        script.flush()
        process = await asyncio.create_subprocess_exec(
            str(_programs() / "pgbench"),
            *("-n", "-M", "prepared", "-c", str(CALLERS), "-j", "2", "-T", str(SECONDS), "-f", script.name, url),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    found = re.search(r"tps = ([\d.]+)", out.decode())
    if process.returncode or found is None:
        raise SystemExit(f"pgbench: {err.decode()[-500:]}")
    return float(found[1])
