"""How often an answer of finance asks PostgreSQL: a handover waits for each of these round trips."""

from __future__ import annotations

import pytest

from suizhuan.testing import feed, record, statements
from suizhuan.testing_databases import Databases

from .conftest import SANITATION, Api


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.real)])
def databases(postgres_databases: Databases) -> Databases:
    """SQLite is in the process: it has no round trips."""
    return postgres_databases


async def test_a_hold_from_a_budget_takes_six_statements(api: Api) -> None:
    asked = {"case": "c1", "case_term": 1, "handover": "h1", "giver": SANITATION, "mandate": None, "needed_fen": 8000}
    made = record("complaints.case.handover_requested.v1", asked, key="c1", time=api.clock.now())
    with statements(api.service.parts.database) as said:
        await feed(api.service, made)
    # answered before?, the balance, what is held of it, the hold, the next number of the case; the guard
    assert len(said) == 8, said  # with BEGIN and COMMIT
