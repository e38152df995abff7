"""Voluntary service as the file beside the founding document begins it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from suizhuan.profile import load_profile
from suizhuan.seed import SeedError, load_seed
from volunteers.bootstrap import bootstrap, load
from volunteers.rules import Rules

from .conftest import NANGUAN, World

HERE = Path(__file__).parents[3] / "deploy" / "seed"
SEED, OURS = HERE / "xiangli.seed.yaml", "xiangli.volunteers.yaml"


async def test_it_begins_with_teams_and_courses_and_only_once(empty: World) -> None:
    seed = load_seed(SEED)
    assert await bootstrap(empty.service, seed) is True
    teams, courses = await empty.pages("/teams"), await empty.pages("/courses")
    assert await bootstrap(empty.service, seed) is False
    assert (await empty.pages("/teams"), await empty.pages("/courses")) == (teams, courses)
    kinds = {kind.code for kind in load_profile(seed.profile).volunteering.team_kinds}
    assert {team["kind"] for team in teams if team["area"] == NANGUAN} == kinds
    assert [team["project"] for team in teams if team["project"]] == ["clean-river"]
    assert {course["training"] for course in courses} == {"orientation", "first-aid"}
    assert all(one["title"] for one in (*teams, *courses))
    assert await empty.names() == ["team.founded"] * len(teams) + ["course.planned"] * len(courses)


def test_everything_made_up_says_so() -> None:
    founding = load(load_seed(SEED), Rules(load_profile("demonstration")))
    assert all(entry.synthetic for entry in (*founding.teams, *founding.courses))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("kind: judicial", "kind: golf", "teams.0.kind"),
        ("org: community-nanguan", "org: community-guankou", "teams.0.org"),
        ("training: orientation", "training: flying", "courses.0.training"),
        ("to_h: 26", "to_h: 24", "courses.0.to_h"),
    ],
)
def test_what_names_nothing_that_is_there_is_refused_by_file_and_field(
    tmp_path: Path, old: str, new: str, where: str
) -> None:
    for name in ("xiangli.seed.yaml", "xiangli.yaml"):
        shutil.copy(HERE / name, tmp_path)
    (tmp_path / OURS).write_text((HERE / OURS).read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SeedError) as no:
        load(load_seed(tmp_path / "xiangli.seed.yaml"), Rules(load_profile("demonstration")))
    assert (no.value.problems[0].field, no.value.problems[0].file) == (where, str(tmp_path / OURS))


def test_where_there_is_no_such_file_nothing_is_founded(tmp_path: Path) -> None:
    for name in ("xiangli.seed.yaml", "xiangli.yaml"):
        shutil.copy(HERE / name, tmp_path)
    assert load(load_seed(tmp_path / "xiangli.seed.yaml"), Rules(load_profile("demonstration"))).teams == ()
