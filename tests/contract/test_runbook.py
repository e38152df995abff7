"""What the runbook tells to do is still there: targets, modules, commands, flags, containers, paths, links."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.topology import BY_NAME, GATEWAY
from suizhuan import backup_command
from suizhuan.main import COMMANDS, ROLES, UNMIGRATED
from tests.pages import BLOCK, RUNBOOK

ROOT = Path(__file__).parents[2]
PAGES = sorted(RUNBOOK.glob("*.md"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICE_COMMANDS = {*ROLES, *COMMANDS, *UNMIGRATED, "bootstrap"}
FLAGS = set(re.findall(r'"(--[a-z]+)"', Path(backup_command.__file__).read_text(encoding="utf-8")))
SERVERS = {"kafka", "postgres", "redis", "issuer"}
# Words after `docker compose …` that name containers, by subcommand; the rest is said inside the container.
ALL_NAMES, FIRST_NAME = {"stop", "start", "up", "ps", "build", "restart", "pull"}, {"run", "exec", "logs"}


def commands(page: Path) -> list[str]:
    """Every line of its blocks of `sh`, and what begins with `make`, `python -m` or `docker compose` in its text."""
    text = page.read_text(encoding="utf-8")
    found = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines() if line.strip()]
    rest = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    quoted = [" ".join(words.split()) for words in re.findall(r"`([^`]+)`", rest)]
    return found + [words for words in quoted if words.startswith(("make ", "python -m ", "docker compose "))]


def wrong(command: str) -> str | None:
    """What of a command is not there."""
    words = [word for word in shlex.split(command, comments=True) if word not in {"…", "|"}]
    if words[0] == "make":
        return _of_make(words[1:])
    if words[:2] == ["python", "-m"]:
        return _of_module(words[2], words[3:])
    if words[:2] == ["docker", "compose"]:
        return _of_compose(words[2:])
    return None


def _of_make(words: list[str]) -> str | None:
    if words[0] not in TARGETS and not words[0].startswith(".venv/"):
        return f"no target {words[0]}"
    given = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    if unknown := [name for name in given if f"$({name})" not in MAKEFILE]:
        return f"the Makefile knows no {unknown}"
    if (service := given.get("SERVICE")) is not None and service not in {*BY_NAME, *SERVERS}:
        return f"no service {service}"
    if given.get("DO", "…") != "…":
        return _of_module(given["SERVICE"], shlex.split(given["DO"]))
    return _flags(shlex.split(given.get("YES", "")))


def _of_module(module: str, words: list[str]) -> str | None:
    if find_spec(module) is None:
        return f"no module {module}"
    if module in BY_NAME and words:
        role = words[0].split("|")[0]
        return (
            _flags(words)
            if role in SERVICE_COMMANDS or (module, role) == (GATEWAY, "audit")
            else f"{module} has no command {role}"
        )
    return None


def _flags(words: list[str]) -> str | None:
    unknown = [word for word in words if word.startswith("--") and word not in FLAGS]
    return f"no flag {unknown}" if unknown else None


def _of_compose(words: list[str]) -> str | None:
    named, takes = [], False
    while words and words[0].startswith("--"):
        words = words[2:]
    for word in words[1:]:
        if word.startswith("-"):
            takes = word in {"--scale", "--tail"}
        elif takes:
            named += [word.partition("=")[0]] if "=" in word else []
            takes = False
        elif word in {"<", ">"}:
            break
        else:
            named.append(word)
            if words[0] in FIRST_NAME:
                break
    if words[0] not in ALL_NAMES | FIRST_NAME | {"down", "config"}:
        return f"docker compose {words[0]}?"
    unknown = [name for name in named if name not in COMPOSE["services"]]
    if unknown:
        return f"no containers {unknown}"
    if words[0] == "build" and (unbuilt := [name for name in named if "build" not in COMPOSE["services"][name]]):
        return f"not built by that name: {unbuilt}"
    if words[0] == "run" and named[0] in BY_NAME:
        return _of_module(named[0], [w for w in words[words.index(named[0]) + 1 :] if w not in {"-", "<", ">"}][:1])
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [f"{command}: {what}" for command in commands(page) if (what := wrong(command)) is not None] == []
    links = {link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")}
    assert {link for link in links if not (page.parent / link).exists()} == set()
    paths = set(re.findall(r"`((?:docs|deploy|libs|services|tests|bench|k8s)/[\w./-]+)`", text))
    kept = {path for path in paths if not path.startswith("deploy/docker/secrets")}  # made by `make secrets`
    assert {path for path in kept if not (ROOT / path).exists()} == set()


def test_the_index_lists_every_page() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", (RUNBOOK / "README.md").read_text(encoding="utf-8")))
    assert listed == {page.name for page in PAGES} - {"README.md"}


@pytest.mark.parametrize(
    "command",
    [
        "make nothing",
        "make backup SERVICE=nobody FILE=x",
        "make backup SERVICE=complaints WHERE=x",
        "make service SERVICE=complaints DO='forget everything'",
        "make restore SERVICE=complaints FILE=x YES=--perhaps",
        "python -m nothing",
        "python -m complaints restore x --perhaps",
        "docker compose run --rm nobody backup -",
        "docker compose up -d --scale nobody=2 complaints",
        "docker compose run --rm complaints forget",
        "docker compose build complaints",
    ],
)
def test_what_is_not_there_is_seen(command: str) -> None:
    assert wrong(command) is not None
