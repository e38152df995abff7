"""Every API against its own document: nothing answers 5xx, nothing in a way that the document does not tell.

All checks of schemathesis, in positive and negative cases; 422 with a code of the catalogue is one of the answers that
a document tells, since no schema can say which organisations there are.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from deploy.topology import BY_NAME, GATEWAY

from .conftest import Embedded, embedded

CASES = 300
PEOPLE = (
    "staff-nanguan-01",
    "staff-sanitation-01",
    "staff-city-operations-01",
    "staff-street-01",
    "resident-nanguan-01",
)
HUB = {"grant_type": "client_credentials", "client_id": "hub-smart-city", "client_secret": "demo-hub-secret"}
ENDLESS = {"/events"}  # a stream that never ends: tested in services/gateway/tests/test_stream.py


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """The embedded profile, driven from outside: here nothing is asynchronous."""
    with asyncio.Runner() as runner:
        running = embedded(tmp_path_factory.mktemp("documents"))
        yield runner.run(running.__aenter__())
        runner.run(running.__aexit__(None, None, None))


def token(platform: Embedded, **form: str) -> str:
    answer = httpx.post(f"{platform.issuer}/token", data=form).raise_for_status()
    return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def hub(platform: Embedded) -> str:
    return token(platform, **HUB)


@pytest.fixture(scope="module")
def people(platform: Embedded) -> list[str]:
    return [token(platform, subject=person) for person in PEOPLE]


def try_all(platform: Embedded, tokens: list[str], service: str, cases: int) -> int:
    """Each operation of a service, `cases` in all; how many were tried."""
    prefix = "" if service == GATEWAY else f"/{service}"
    schema = schemathesis.openapi.from_url(f"{platform.base}{prefix}/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations()]
    operations = [operation for operation in operations if operation.path not in ENDLESS]
    turn, tried = itertools.cycle(tokens), itertools.count()

    def check(case: schemathesis.Case) -> None:
        next(tried)
        answer = case.call(headers={"Authorization": f"Bearer {next(turn)}"})
        documented = [positive_data_acceptance] if answer.status_code == 422 else []
        case.validate_response(answer, excluded_checks=documented)

    failures: list[Exception] = []
    for operation in operations:
        each = settings(
            max_examples=-(-cases // len(operations)),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        try:
            each(seed(20261126)(given(case=operation.as_strategy())(check)))()
        except Exception as error:
            error.add_note(f"{service}: {operation.label}")
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{service} answers otherwise than it says", failures)
    return next(tried)


@pytest.mark.parametrize("service", BY_NAME)
def test_a_service_answers_as_its_document_says(platform: Embedded, people: list[str], hub: str, service: str) -> None:
    assert try_all(platform, [*people, hub], service, CASES) >= CASES // 2  # equal cases are tried once


@pytest.mark.parametrize("service", [name for name in BY_NAME if name != GATEWAY])
def test_a_hub_is_answered_by_the_gateway_alone(platform: Embedded, hub: str, service: str) -> None:
    paths = httpx.get(f"{platform.base}/{service}/openapi.json").json()["paths"]
    reads = [path for path, operations in paths.items() if "{" not in path and "security" in operations.get("get", {})]
    assert reads
    for path in reads:
        url = f"{platform.base}/{service}{path}"
        refused = httpx.get(url, headers={"Authorization": f"Bearer {hub}"})
        assert (refused.status_code, refused.json()["code"]) == (403, "wrong_kind"), path


@pytest.mark.slow
@pytest.mark.parametrize("service", BY_NAME)
def test_a_service_answers_as_its_document_says_a_thousand_times(
    platform: Embedded, people: list[str], hub: str, service: str
) -> None:
    assert try_all(platform, [*people, hub], service, 2000) >= 1000
