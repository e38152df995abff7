"""Who may do what where: every endpoint, by every kind of caller, at home and elsewhere. Every cell is tried."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from suizhuan.kernel.clock import ManualClock
from suizhuan.testing_databases import Databases
from suizhuan.testing_world import played

from .conftest import COMMUNITY, GRID, GRID_2, NANGUAN, OTHER, OWNER, XIANGLI, World, id_number, made
from .test_imports import as_csv, line

pytestmark = pytest.mark.either_database

OK, POWER, KIND, LINK = 0, "missing_power", "wrong_kind", "not_linked"
# Who asks. `owner` holds the root and yields to the communities; `mine` lives there; `resident` lives elsewhere.
CALLERS: dict[str, tuple[str | None, str, str]] = {
    "community": (COMMUNITY, "staff", "staff-1"),
    "other community": (OTHER, "staff", "staff-2"),
    "owner": (OWNER, "staff", "staff-3"),
    "mine": (None, "resident", "resident-mine"),
    "resident": (None, "resident", "resident-other"),
    "hub": (None, "hub", "hub"),
}
HOME = dict.fromkeys(CALLERS, KIND) | {"community": OK, "other community": POWER, "owner": POWER}
STAFF = dict.fromkeys(CALLERS, KIND) | {"community": OK, "other community": OK, "owner": OK}
ANYBODY = dict.fromkeys(CALLERS, OK) | {"hub": KIND}  # which reads at the gateway alone
SELF = dict.fromkeys(CALLERS, KIND) | {"mine": OK, "resident": LINK}

Body = Callable[[dict[str, str]], Any]
Cell = tuple[str, str, Body | None, dict[str, Any]]


def nothing(_: dict[str, str]) -> Any:
    return {}


ROWS: list[Cell] = [
    ("POST", "/areas", lambda _: {"area": NANGUAN + "050", "name": "新", "name_en": "New"}, HOME),
    ("POST", "/areas/{grid}/names", lambda _: {"name": "新", "name_en": "New"}, HOME),
    ("POST", "/rekeyings", lambda _: {"moves": [{"old": GRID_2, "new": NANGUAN + "060"}]}, HOME),
    ("GET", "/rekeyings", None, ANYBODY),
    ("GET", "/rekeyings/{rekeying}", None, ANYBODY),
    ("GET", "/areas", None, ANYBODY),
    ("GET", "/areas/{grid}", None, ANYBODY),
    ("POST", "/buildings", lambda _: {"grid": GRID, "name": "新楼"}, HOME),
    ("POST", "/buildings/{building}/dwellings", lambda _: {"room": "9"}, HOME),
    ("GET", "/buildings", None, ANYBODY),
    ("GET", "/buildings/{building}", None, ANYBODY),
    ("GET", "/buildings/{building}/dwellings", None, ANYBODY),
    ("POST", "/households", lambda _: {"grid": GRID, "number": "new"}, HOME),
    ("POST", "/households/{household}/head", lambda ids: {"person": ids["person"]}, HOME),
    ("GET", "/households", None, STAFF),
    ("GET", "/households/{household}", None, STAFF),
    (
        "POST",
        "/people",
        lambda _: {"grid": GRID, "registration": "floating", "name": "新人", "id_number": id_number(990)},
        HOME,
    ),
    ("GET", "/people", None, STAFF),
    ("GET", "/people/{person}", None, STAFF),
    ("GET", "/people/{person}/private?purpose=visit", None, HOME),
    ("GET", "/people/private?purpose=visit&area={community}", None, HOME),
    (
        "POST",
        "/people/search",
        lambda _: {"area": NANGUAN, "id_number": id_number(1), "purpose": "visit"},
        HOME,
    ),
    (
        "POST",
        "/people/{person}/data",
        lambda _: {"registration": "registered", "name": "改名", "id_number": id_number(1)},
        HOME,
    ),
    ("POST", "/people/{person}/home", lambda _: {"grid": GRID_2}, HOME),
    ("POST", "/people/{migrant}/departure", lambda _: {"reason": "moved"}, HOME),
    ("POST", "/people/{migrant}/account", lambda _: {"subject": "somebody"}, HOME),
    ("POST", "/imports?area={community}", lambda _: as_csv([line(50)]), HOME),
    ("GET", "/imports", None, STAFF),
    ("GET", "/imports/template", None, ANYBODY),
    ("GET", "/imports/{import}", None, STAFF),
    ("GET", "/imports/{import}/errors", None, HOME),
    (
        "POST",
        "/files",
        lambda ids: {"person": ids["migrant"], "kind": "destitute", "attributes": {"care": "scattered"}},
        HOME,
    ),
    ("GET", "/files?area={community}", None, HOME),
    ("GET", "/files/{file}", None, HOME),
    ("GET", "/files/{file}/private?purpose=visit", None, HOME),
    ("GET", "/files/{file}/visits", None, HOME),
    ("POST", "/files/{file}/visits", lambda _: {"outcome": "seen"}, HOME),
    ("POST", "/files/{file}/closure", lambda _: {"reason": "mistaken"}, HOME),
    ("POST", "/permits", lambda ids: {"person": ids["newcomer"], "ground": "job", "lived_since": "2020-01-01"}, HOME),
    ("GET", "/permits?area={community}", None, HOME),
    ("GET", "/permits/{permit}", None, HOME),
    ("POST", "/permits/{permit}/issue", nothing, HOME),
    ("POST", "/permits/{lapsed}/endorsement", nothing, HOME),
    ("GET", "/me", None, SELF),
    ("GET", "/me/copy", None, SELF),
    ("POST", "/me/corrections", lambda _: {"field": "name", "value": "新名"}, SELF),
    ("GET", "/me/corrections/{correction}", None, SELF),
    ("POST", "/me/erasure", nothing, SELF),
    ("GET", "/corrections?area={community}", None, HOME),
    ("GET", "/corrections/{correction}/private?purpose=rights", None, HOME),
    ("POST", "/corrections/{correction}/decision", lambda _: {"accepted": False, "answer": "否"}, HOME),
    ("GET", "/coverage", None, STAFF),
    ("GET", "/codes", None, ANYBODY),
]


async def furnish(world: World) -> dict[str, str]:
    """One of everything, at home."""
    await world.log.beat()
    ids = {"grid": GRID, "community": NANGUAN}
    ids["building"] = (await world.building())["id"]
    ids["household"] = (await world.household())["id"]
    ids["person"] = (await world.person(household=ids["household"], id_number=id_number(1)))["id"]
    ids["migrant"] = (await world.person(registration="floating"))["id"]
    ids["newcomer"] = (await world.person(registration="floating"))["id"]
    other = (await world.person(registration="floating"))["id"]
    await world.post(f"/people/{ids['person']}/account", COMMUNITY, {"subject": "resident-mine"})
    body = {"person": ids["person"], "kind": "disabled", "attributes": {"type": "limbs", "grade": "g1"}}
    ids["file"] = (await world.post("/files", COMMUNITY, body))["id"]
    body = {"person": ids["migrant"], "ground": "job", "lived_since": "2020-01-01"}
    ids["permit"] = (await world.post("/permits", COMMUNITY, body))["id"]
    ids["lapsed"] = (await world.post("/permits", COMMUNITY, {**body, "person": other}))["id"]
    await world.post(f"/permits/{ids['lapsed']}/issue", COMMUNITY, {})
    headers = {"Content-Type": "text/csv"}
    begun = await world.post("/imports", COMMUNITY, content=as_csv([line(40, 姓名="")]), headers=headers, area=NANGUAN)
    ids["import"] = begun["id"]
    await world.later(340 * 86_400.0)
    begun = await world.post("/imports", COMMUNITY, content=as_csv([line(40, 姓名="")]), headers=headers, area=NANGUAN)
    ids["import"] = begun["id"]
    await world.deadlines()
    moves = [{"old": XIANGLI + "001", "new": XIANGLI + "061"}]
    announced = await world.post("/rekeyings", OTHER, {"moves": moves})
    await world.log.rekey(announced["moves"], rekeying=announced["id"])
    ids["rekeying"] = announced["id"]
    asked = {"field": "name", "value": "x"}
    answer = await world.ask("POST", "/me/corrections", None, asked, caller="resident", subject="resident-mine")
    ids["correction"] = answer.json()["id"]
    return ids


@pytest.fixture
async def furnished(
    databases: Databases, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[tuple[World, dict[str, str]]]:
    world, ids = await played("population, furnished", databases, lambda url: made(url, tmp_path, clock), furnish)
    await world.events()
    yield world, ids
    await world.close()


async def call(world: World, caller: str, row: Cell, ids: dict[str, str]) -> Any:
    org, kind, subject = CALLERS[caller]
    method, path, body, _ = row
    content = body(ids) if body is not None else None
    more: dict[str, Any] = (
        {"content": content, "headers": {"Content-Type": "text/csv"}} if isinstance(content, bytes) else {}
    )
    return await world.ask(
        method, path.format_map(ids), org, None if more else content, caller=kind, subject=subject, **more
    )


@pytest.mark.parametrize("row", ROWS, ids=[f"{row[0]} {row[1].partition('?')[0]}" for row in ROWS])
async def test_every_cell(furnished: tuple[World, dict[str, str]], row: Cell) -> None:
    world, ids = furnished
    for caller, expected in sorted(row[3].items(), key=lambda cell: cell[1] == OK):  # who may comes last
        answer = await call(world, caller, row, ids)
        if expected == OK:
            assert answer.status_code < 300, (caller, answer.text)
            continue
        assert answer.status_code in (403, 404), (caller, answer.status_code, answer.text)
        assert answer.json()["code"] == expected, caller
        assert await world.events() == [], caller


async def test_nobody_is_let_in_without_a_token(furnished: tuple[World, dict[str, str]]) -> None:
    world, ids = furnished
    for method, path, body, _ in ROWS:
        content = body(ids) if body is not None else None
        kind = {"content": content} if isinstance(content, bytes) else {"json": content}
        answer = await world.http.request(method, path.format_map(ids), **kind)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path


def test_the_table_has_a_row_for_every_endpoint(empty_app: Callable[[], Any]) -> None:
    known = {(method, _shape(path.partition("?")[0])) for method, path, _, _ in ROWS}
    served = set()
    for path, methods in empty_app().openapi()["paths"].items():
        if path.startswith(
            ("/health", "/metrics", "/dead-letters", "/reconciliation", "/log-ahead", "/asyncapi.json", "/schemas")
        ):
            continue  # those of every service, tried in the library
        served |= {(method.upper(), _shape(path)) for method in methods}
    assert served == known


def _shape(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "{}", path)


@pytest.fixture
def empty_app(tmp_path: Any) -> Callable[[], Any]:
    from population.app import build
    from suizhuan.settings import ServiceSettings, load_settings

    from .conftest import NoLog

    def made() -> Any:
        settings = load_settings(ServiceSettings, "population", data_dir=tmp_path)
        return build(settings, broker=NoLog()).app  # type: ignore[arg-type]

    return made


async def test_a_stale_replica_lets_nobody_act(world: World) -> None:
    person = await world.person()
    world.clock.advance(901)
    assert await world.refused("/people", COMMUNITY, world.someone()) == (503, "replica_stale")
    assert await world.not_got(f"/people/{person['id']}/private", purpose="visit") == (503, "replica_stale")
    assert await world.not_got("/files", area=NANGUAN) == (503, "replica_stale")
