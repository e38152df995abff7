"""A district that has not got a department: the platform is the same without it, and the story comes out as told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from deploy.story import Silent, tell
from deploy.topology import EVERY

from .conftest import ROOT, client, embedded

CORE = ("mandates", "finance", "complaints", "gateway")
OPTIONAL = tuple(spec.name for spec in EVERY if spec.name not in CORE)


async def told_without(names: str, folder: Path) -> None:
    async with embedded(folder, {"SUIZHUAN_WITHOUT": names}) as platform:
        async with client(platform) as gateway:
            report = await tell(gateway, Silent())
        async with httpx.AsyncClient(base_url=platform.base) as http:
            for name in names.split(","):
                assert (await http.get(f"/{name}/docs")).status_code == 404
    assert report["verdict"] == "clean"


async def test_without_any_of_the_departments_that_joined_the_story_comes_out_as_told(
    tmp_path: Path,
) -> None:
    await told_without(",".join(OPTIONAL), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONAL)
async def test_without_one_of_them_too(name: str, tmp_path: Path) -> None:
    await told_without(name, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", OPTIONAL)
def test_without_one_of_them_everything_else_passes_its_tests(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite and the embedded log. Left out are the tests of that department and of the committed documents, which
    are those of the whole platform."""
    monkeypatch.setenv("SUIZHUAN_WITHOUT", name)
    words = ["-m", "pytest", "-q", "-n0", "-m", "not slow and not real", "-k", "not postgres and not published", "-x"]
    folders = [str(path) for path in sorted(ROOT.glob("services/*/tests")) if path.parent.name != name]
    more = ["tests/contract/test_contracts.py", "tests/e2e/test_embedded.py", "tests/e2e/test_examples.py"]
    done = subprocess.run(
        [sys.executable, *words, *folders, *more], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
