"""Every service's AsyncAPI document is as the code says, and AsyncAPI's own parser accepts it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.registries import INBOUNDS, REGISTRIES
from deploy.schemas import ASYNCAPI, documents

CHECKER = Path(__file__).parent / "asyncapi"


@pytest.fixture(scope="module")
def parser() -> Path:
    """The official parser, installed from its lock file."""
    if shutil.which("npm") is None:
        if os.environ.get("CI"):
            pytest.fail("AsyncAPI's parser needs Node.js, and CI must not go without it")
        pytest.skip("AsyncAPI's parser needs Node.js / 需要 Node.js")
    if not (CHECKER / "node_modules" / "@asyncapi" / "parser").is_dir():
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=CHECKER, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    return CHECKER / "check.mjs"


def checked(parser: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["node", str(parser), *map(str, paths)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.timeout(400)
def test_the_official_parser_accepts_every_document(parser: Path) -> None:
    paths = sorted(ASYNCAPI.glob("*.json"))
    assert [path.stem for path in paths] == sorted(REGISTRIES)
    done = checked(parser, *paths)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("AsyncAPI 3.0.0") == len(paths)


@pytest.mark.timeout(400)
def test_a_document_with_a_fault_is_not_accepted(parser: Path, tmp_path: Path) -> None:
    made = documents()["complaints"]
    made["operations"]["send.complaints.case"]["action"] = "shout"
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(made))
    done = checked(parser, path)
    assert done.returncode == 1
    assert "send.complaints.case" in done.stderr


@pytest.mark.parametrize("service", sorted(REGISTRIES))
def test_a_document_names_every_event_that_is_published_and_every_one_that_is_listened_to(service: str) -> None:
    made = documents()[service]
    sent = {name for name in made["operations"] if name.startswith("send.")}
    heard = {name for name in made["operations"] if name.startswith("receive.")}
    assert sent == {f"send.{topic}" for topic in REGISTRIES[service].topics}
    assert heard == {f"receive.{topic}" for topic in INBOUNDS[service].topics}
    assert set(REGISTRIES[service].types) <= set(made["components"]["messages"])
