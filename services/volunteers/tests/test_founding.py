"""Voluntary service as the founding document begins it."""

from __future__ import annotations

from pathlib import Path

from suizhuan.profile import load_profile
from suizhuan.seed import load_seed
from volunteers.bootstrap import bootstrap
from volunteers.desk import LEAD_TEAM

from .conftest import NANGUAN, World

SEED = Path(__file__).parents[3] / "deploy" / "seed" / "xiangli.seed.yaml"


async def test_every_community_that_may_lead_teams_begins_with_one_of_each_kind_and_only_once(empty: World) -> None:
    seed = load_seed(SEED)
    kinds = load_profile(seed.profile).volunteering.team_kinds
    holders = {m.holder for m in seed.mandates if LEAD_TEAM in m.powers}
    assert len(holders) == 2
    assert await bootstrap(empty.service, seed) is True
    first = await empty.pages("/teams")
    assert await bootstrap(empty.service, seed) is False
    assert await empty.pages("/teams") == first
    assert len(first) == len(holders) * len(kinds)
    nanguan = await empty.pages("/teams", area=NANGUAN)
    assert {team["kind"] for team in nanguan} == {kind.code for kind in kinds}
    assert all("演示" in team["title"] for team in nanguan)
    assert await empty.names() == ["team.founded"] * len(first)
