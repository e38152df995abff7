"""Servers for the tests. `make test` (deploy.testing) chooses them and tells where they are.

Tests that need one are marked `real`; each is skipped with its reason when there is none.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import structlog

# Bare `pytest` does not put the repository on the path as `python -m pytest` does.
sys.path.insert(0, str(Path(__file__).parent))
from deploy.local import Kafka, Unavailable
from suizhuan.garbage import settle_garbage
from suizhuan.testing_databases import Databases, Server, Templates

VARIABLES = {
    "kafka": "SUIZHUAN_TEST_KAFKA",
    "postgres": "SUIZHUAN_TEST_POSTGRES",
    "redis": "SUIZHUAN_TEST_REDIS",
}
FIXTURES = {"kafka_bootstrap": "kafka", "postgres_url": "postgres", "redis_url": "redis"}
MISSING = "SUIZHUAN_TEST_MISSING"
"""Set by deploy.testing: JSON, for each server that could not be had the reason."""
SKIPPED = "SUIZHUAN_TEST_SKIPPED"
"""Set by deploy.testing: a file to which a test adds why it could not get a server of its own."""
LONG = ("libs/common/tests/test_kafka_away", "tests/faults/test_faults", "tests/leases", "tests/e2e", "tests/local")
"""They come first: else one worker is left with them in the end."""
HOW = "needs real servers: run `make test`, or set {variable} / 需要真实服务：请运行 make test，或设置 {variable}"


def pytest_configure() -> None:
    # Where a test has not configured logs, structlog draws exceptions with every local variable: seconds for each.
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


def pytest_collection_finish() -> None:
    """What was imported stays: without this every full collection of garbage looks at all of it again."""
    settle_garbage()


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        values = getattr(getattr(item, "callspec", None), "params", {}).values()
        if "postgres" in values and item.get_closest_marker("either_database") is not None:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: next((n for n, p in enumerate(LONG) if item.nodeid.startswith(p)), len(LONG)))
    for item in items:
        if item.get_closest_marker("real") is not None and (reason := _why_not(item)):
            item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have to tell beside passing (`record_property("told", …)`): how much was explored, for example."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    if told := [text for report in reports for name, text in report.user_properties if name == "told"]:
        terminalreporter.section("told by the tests")
        for text in told:
            terminalreporter.write_line(str(text))


def _why_not(item: pytest.Item) -> str | None:
    """Why this test cannot run, if so. One that names none of our servers starts its own, which `make test` allows."""
    names: list[str] = getattr(item, "fixturenames", [])
    needed = [FIXTURES[name] for name in names if name in FIXTURES]
    if not needed and MISSING not in os.environ:
        return HOW.format(variable=" ".join(VARIABLES.values()))
    return next((reason for server in needed if (reason := _missing(server))), None)


def _missing(server: str) -> str | None:
    if os.environ.get(VARIABLES[server]):
        return None
    reasons: dict[str, str] = json.loads(os.environ.get(MISSING, "{}"))
    return reasons.get(server) or HOW.format(variable=VARIABLES[server])


def _given(server: str) -> str:
    if reason := _missing(server):
        pytest.skip(reason)
    return os.environ[VARIABLES[server]]


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """`host:port` of a Kafka shared by all tests: use topic and group names of your own."""
    return _given("kafka")


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """`postgresql://` URL of a superuser, for tests that need more than a database of their own."""
    return _given("postgres")


@pytest.fixture(scope="session")
def redis_url() -> str:
    """`redis://` URL of a Redis shared by all tests: use key prefixes of your own."""
    return _given("redis")


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str | None], Templates]]:
    """By the server on which they are; None: SQLite."""
    known: dict[str | None, Templates] = {}

    def on(admin: str | None) -> Templates:
        if admin not in known:
            known[admin] = Templates(Server(tmp_path_factory.mktemp("templates"), admin))
        return known[admin]

    yield on
    for one in known.values():
        asyncio.run(one.server.drop(*(url for url, _ in one.filled.values())))


@pytest.fixture
async def postgres_databases(
    postgres_url: str, tmp_path: Path, templates: Callable[[str | None], Templates]
) -> AsyncIterator[Databases]:
    """Makes databases of this test alone on PostgreSQL; dropped afterwards with all their sessions."""
    made = Databases(Server(tmp_path, postgres_url), templates(postgres_url))
    yield made
    await made.server.drop(*made.made)


@pytest.fixture
async def postgres_database(postgres_databases: Databases) -> str:
    """An empty one, as `postgresql+asyncpg://`."""
    return await postgres_databases.empty()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.real)])
def databases(
    request: pytest.FixtureRequest, tmp_path: Path, templates: Callable[[str | None], Templates]
) -> Databases:
    """Makes databases of this test alone: once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return Databases(Server(tmp_path), templates(None))
    on_postgres: Databases = request.getfixturevalue("postgres_databases")
    return on_postgres


@pytest.fixture
async def database_url(databases: Databases) -> str:
    """An empty database."""
    return await databases.empty()


Backup = Callable[[str], Awaitable[str]]


@pytest.fixture
def backup(databases: Databases) -> Backup:
    """Copies a database as it is now, and gives the URL of the copy: a service that opens it has been restored.

    Whoever uses the original loses its connections (PostgreSQL)."""
    return databases.copy_of


@pytest.fixture
def own_kafka() -> Iterator[Callable[[], Kafka]]:
    """Makes running brokers of this test alone, to be stopped, killed, frozen and started again.

    Their methods block for seconds: in async tests call them by `asyncio.to_thread`. Where a local broker cannot be
    had the test is skipped, and `make test` says so loudly.
    """
    folder = Path(tempfile.mkdtemp(prefix="suizhuan-kafka-"))
    brokers: list[Kafka] = []

    def make() -> Kafka:
        broker = Kafka(folder / str(len(brokers)), brief=True)
        brokers.append(broker)
        try:
            return broker.start()
        except Unavailable as reason:
            _note(str(reason))
            pytest.skip(str(reason))

    try:
        yield make
    finally:
        for broker in brokers:
            broker.kill()
        shutil.rmtree(folder)


@pytest.fixture
def not_to_be_had() -> Callable[[Exception], None]:
    """For a test that starts servers of its own, when it cannot: it is skipped, and `make test` says so loudly."""

    def skipped(reason: Exception) -> None:
        _note(str(reason))
        pytest.skip(str(reason))

    return skipped


def _note(reason: str) -> None:
    if notes := os.environ.get(SKIPPED):
        with Path(notes).open("a", encoding="utf-8") as file:
            file.write(reason + "\n")
