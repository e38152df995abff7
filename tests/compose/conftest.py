"""One stack for all that looks at it; another, of the broker alone, for who tries to forge."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from deploy.containers import IMAGES

from .stack import VERSION, Broker, Failed, Stack, docker, stand_ins

BASES = ("python:3.11-slim", *IMAGES.values())
WANTED = "SUIZHUAN_TEST_CONTAINERS"  # `make test-compose` sets it: then nothing may be skipped


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    try:
        found = stand_ins(*BASES)
    except Failed:
        return
    terminalreporter.section("images / 镜像")
    for image, stands_in in found.items():
        terminalreporter.line(f"  {image:<20} {'STAND-IN 替身镜像' if stands_in else 'official 官方镜像'}")


@pytest.fixture(scope="session")
def _docker() -> None:
    try:
        docker("info")
        stand_ins(*BASES)
    except Failed as reason:
        if os.environ.get(WANTED):
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def stack(_docker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole, with the demonstration, healthy."""
    made = Stack("suizhuan-tested", tmp_path_factory.mktemp("stack"), rules=VERSION)
    made.remove()
    try:
        made.compose("build")
        made.compose("up", "--detach", "--wait", "--wait-timeout", "300")
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def broker(_docker: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker of its own, with all topics and rules: what is written there harms nobody."""
    made = Stack("suizhuan-broker", tmp_path_factory.mktemp("broker"))
    made.remove()
    try:
        made.compose("build", "prepare")
        made.compose("run", "--rm", "prepare")
        broker = Broker(made)
        with broker.named():
            yield broker
    finally:
        made.remove()
