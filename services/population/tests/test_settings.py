"""The key of the ID hash, the size of a file, and the import from a terminal."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from population.import_command import import_file
from population.settings import id_key, own
from suizhuan.settings import ServiceSettings, load_settings

from .conftest import COMMUNITY, NANGUAN, OTHER, World
from .test_imports import as_csv, line


def settings(folder: Path, **given: Any) -> Any:
    return own(load_settings(ServiceSettings, "population", data_dir=folder, **given))


def test_without_a_secret_one_is_made_once_and_only_its_owner_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUIZHUAN_POPULATION_ID_SECRET")
    first = id_key(settings(tmp_path))
    assert id_key(settings(tmp_path)) == first
    assert len(first) == 64
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_secret_that_is_given_wins(tmp_path: Path) -> None:
    assert id_key(settings(tmp_path)) == b"a key that only tests know"
    assert list(tmp_path.iterdir()) == []


def test_the_door_lets_through_what_the_largest_file_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(tmp_path).max_body_bytes == 33_554_432
    monkeypatch.setenv("SUIZHUAN_POPULATION_MAX_IMPORT_BYTES", "2048")
    assert settings(tmp_path).max_body_bytes == 1_048_576
    assert settings(tmp_path).max_import_bytes == 2048


async def test_a_file_larger_than_an_import_may_be_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    held = world.service.parts.settings
    object.__setattr__(world.service.parts, "settings", held.model_copy(update={"max_import_bytes": 100}))
    headers = {"Content-Type": "text/csv"}
    answer = await world.refused("/imports", COMMUNITY, content=as_csv([line(1)]), headers=headers, area=NANGUAN)
    assert answer == (413, "import_too_large")


async def test_a_file_is_imported_from_a_terminal(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(as_csv([line(n) for n in range(1, 8)]))
    await import_file(world.service, [str(file), NANGUAN, COMMUNITY])
    assert "added 7" in capsys.readouterr().out
    assert len((await world.get("/people", area=NANGUAN))["items"]) == 7


@pytest.mark.parametrize(
    ("name", "org", "why"),
    [
        ("people.csv", OTHER, "missing_power"),
        ("people.txt", COMMUNITY, "format_unknown"),
        ("gone.csv", COMMUNITY, "No such file"),
    ],
)
async def test_an_import_from_a_terminal_that_is_refused_says_why(
    world: World, tmp_path: Path, name: str, org: str, why: str
) -> None:
    if name != "gone.csv":
        (tmp_path / name).write_bytes(as_csv([line(1)]))
    with pytest.raises(SystemExit, match=why):
        await import_file(world.service, [str(tmp_path / name), NANGUAN, org])
    with pytest.raises(SystemExit, match="usage"):
        await import_file(world.service, [])


async def test_the_areas_of_the_founding_document_are_founded_once(empty: World) -> None:
    from population.bootstrap import bootstrap
    from suizhuan.seed import load_seed

    seed = load_seed(Path(__file__).parents[3] / "deploy" / "seed" / "xiangli.seed.yaml")
    assert await bootstrap(empty.service, seed) is True
    assert await bootstrap(empty.service, seed) is False
    events = await empty.events()
    assert len(events) == len(seed.areas) == 15
    assert {e.name for e in events} == {"population.area.registered"}
    areas = (await empty.get("/areas", limit=100))["items"]
    assert {a["area"]: a["synthetic"] for a in areas}["321302002907001"] is True
