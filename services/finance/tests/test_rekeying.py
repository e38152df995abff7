"""Areas that get other codes: organisations' areas follow, and the ledger, which knows organisations only, stays."""

from __future__ import annotations

import pytest

from finance import tables as t
from suizhuan.testing_world import rows

from .conftest import COMMUNITY, NANGUAN, Api

pytestmark = pytest.mark.either_database
NEW = "321302002911"


async def test_an_organisation_acts_under_the_new_code_and_no_entry_is_touched(api: Api) -> None:
    before = [await rows(api.service, table) for table in (t.entry, t.line, t.balance)]
    await api.log.rekey([{"old": NANGUAN, "new": NEW}])
    areas = {row["id"]: row["areas"] for row in await rows(api.service, t.organisation)}
    assert areas[COMMUNITY] == [NEW]
    assert [await rows(api.service, table) for table in (t.entry, t.line, t.balance)] == before
