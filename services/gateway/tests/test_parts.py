"""Every field of a composed answer says where its value comes from, and is masked when any of that is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Table, select

from gateway import schemas, shared
from gateway import tables as t
from gateway.domain import parts
from gateway.domain.parts import CASE, EARMARK, ENTRY, GRANT, HOLD, MANDATE, MONEY, ORGANISATION, Part, Source, topic_of
from gateway.domain.purposes import Purpose, Shown
from gateway.domain.sight import fits
from gateway.inbound import declared
from gateway.receipts import READ, Receipts
from gateway.share import Share
from suizhuan.authority.records import DONE, TOPIC
from suizhuan.cloudevents import decode
from suizhuan.context import Context
from suizhuan.db.database import Database
from suizhuan.inbox import Subscription
from suizhuan.kernel.clock import SystemClock, utc_text
from suizhuan.metrics import Metrics
from suizhuan.service import Service
from suizhuan.testing import record

from .conftest import World
from .story import BANK

pytestmark = pytest.mark.either_database

SCHEMAS = Path(__file__).parents[3] / "docs" / "schemas"
NOW = SystemClock().now()


def share_of(purpose: Purpose) -> Share:
    database, metrics = Database("sqlite+aiosqlite:///:memory:"), Metrics(CollectorRegistry(), "gateway")
    return Share(purpose, Receipts(database, SystemClock(), metrics, "hub-1", "p", READ))


SHOWN = [
    (ORGANISATION, schemas.OrganisationOut),
    (MANDATE, schemas.ChainMandateOut),
    (GRANT, schemas.GrantOut),
    (CASE, schemas.CaseOut),
    (HOLD, schemas.HoldOut),
    (ENTRY, schemas.EntryOut),
    (MONEY, schemas.MoneyOut),
    (EARMARK, schemas.EarmarkOut),
]


@pytest.mark.parametrize(("part", "model"), SHOWN)
def test_every_field_says_where_its_value_comes_from(part: Part, model: type[schemas.Out]) -> None:
    assert set(part.fields) == set(model.model_fields) - {"earmarks"}


@dataclass(frozen=True)
class Kept:
    """The rows of a part: in which table, the field of its events that names one, and the event that makes one."""

    part: Part
    table: Table
    key: str
    begins: str


KEPT = [
    Kept(ORGANISATION, t.organisation, "org", "mandates.organisation.registered"),
    Kept(MANDATE, t.mandate, "mandate", "mandates.mandate.proposed"),
    Kept(CASE, t.cases, "case", "complaints.case.reported"),
    Kept(HOLD, t.hold, "hold", "finance.hold.placed"),
    Kept(EARMARK, t.earmark, "mandate", "finance.earmark.funded"),
    Kept(ENTRY, t.entry, "entry", "finance.entry.posted"),
]


@pytest.mark.parametrize("kept", KEPT, ids=lambda kept: kept.part.topic)
async def test_what_a_field_says_of_its_sources_is_what_the_handlers_write(world: World, kept: Kept) -> None:
    """Of two events that differ in one field, the columns that differ come from it."""
    gateway = world.gateway()
    await gateway.migrate()
    columns = [column.name for column in kept.table.c if not column.primary_key]
    found: dict[str, set[Source]] = {name: set() for name in kept.part.fields if name in columns}
    heard = declared().subscriptions
    for subscription in heard.values():
        fields = subscription.view.model_fields
        for name in fields if subscription.topic == kept.part.topic and kept.key in fields else ():
            if name == kept.key:
                continue
            one, other = [
                await written(gateway, kept, heard[kept.begins], subscription, name, variant) for variant in "ab"
            ]
            for column, sources in found.items():
                if one[column] != other[column]:
                    sources.add((f"{subscription.name}.v1", name))
    assert found == {name: set(kept.part.fields[name]) for name in found}


async def written(
    service: Service, kept: Kept, begins: Subscription, subscription: Subscription, differs: str, variant: str
) -> dict[str, Any]:
    """The row that these two events leave, the second with another value in one field for each variant."""
    id_ = f"{subscription.name}:{differs}:{variant}"
    for number, one in enumerate(dict.fromkeys((begins, subscription)), 1):
        fields = {name: of.annotation for name, of in one.view.model_fields.items()}
        last = one is subscription
        data = {n: value(type_, variant if last and n == differs else "a") for n, type_ in fields.items()}
        made = record(
            f"{one.name}.v1",
            {**data, kept.key: id_},
            key=id_,
            time=NOW,
            topic=one.topic,
            event_id="same",
            sequence=number,
        )
        event = decode(made)
        async with service.parts.uow.begin(Context.of_event("gateway", event), limited=False) as tx:
            await declared().handle(tx, event)
    async with service.parts.database.read() as conn:
        column = next(iter(kept.table.primary_key))
        return dict((await conn.execute(select(kept.table).where(column == id_))).mappings().one())


def value(type_: Any, variant: str) -> Any:
    """Some value of this type."""
    kinds = [kind for kind in get_args(type_) if kind is not NoneType]
    if get_origin(type_) is list:
        return [value(kinds[0], variant)]
    if kinds:
        return value(kinds[0], variant)
    if issubclass(type_, BaseModel):
        return {name: value(of.annotation, variant) for name, of in type_.model_fields.items()}
    if issubclass(type_, datetime):
        return utc_text(NOW + timedelta(days=ord(variant)))
    return ord(variant) if type_ is int else variant


def test_every_event_is_known_by_its_topic() -> None:
    known = {f"{name}.v1": subscription.topic for name, subscription in declared().subscriptions.items()}
    known |= {f"{DONE}.v1": TOPIC}
    assert {type_: topic_of(type_) for type_ in known} == known


def test_every_source_is_a_field_of_an_event_that_there_is() -> None:
    known = [part for part in vars(parts).values() if isinstance(part, Part) and part is not parts.AUDIT]
    sources = {source for part in known for of_field in part.fields.values() for source in of_field}
    fields = {type_: set(json.loads((SCHEMAS / f"{type_}.json").read_text())["properties"]) for type_, _ in sources}
    for name, subscription in declared().subscriptions.items():  # all three of the terms of a mandate are read alike
        fields.get(f"{name}.v1", set()).update(subscription.view.model_fields)
    assert [(type_, field) for type_, field in sorted(sources) if field not in fields[type_]] == []


@pytest.mark.parametrize("part", [part for part, _ in SHOWN])
def test_a_field_is_masked_when_any_event_that_it_may_come_from_is(part: Part) -> None:
    sources = {source for of_field in part.fields.values() for source in of_field}
    for hidden in sources:
        shows = [Shown((type_,), frozenset({f for t, f in sources - {hidden} if t == type_})) for type_, _ in sources]
        row = dict.fromkeys(part.fields, BANK)
        shown = share_of(Purpose("p", tuple(shows))).row(part, row)
        masked = sorted(name for name, of_field in part.fields.items() if hidden in of_field)
        assert shown.get("masked") == masked
        assert {name for name, value in shown.items() if value is None} == set(masked)


def test_a_field_that_nobody_has_said_anything_of_is_masked() -> None:
    whole = Purpose("p", (Shown(("*",), None),))
    assert share_of(whole).row(CASE, {"id": "c1", "new": 1}) == {"id": "c1", "new": None, "masked": ["new"]}


WHOLE = Purpose("whole", (Shown(("*",), None),))
CASES_OUT = {"by_state": {"closed": 1}, "yellow": 0, "red": 0, "open": []}
STEP = {"event": "e1", "type": "complaints.case.started.v1", "topic": "complaints.case", "data": {"case": "c1"}}


def test_what_nobody_has_said_anything_of_is_masked_at_every_level() -> None:
    """A field is added to an answer, and nobody has thought of hubs."""
    whole = {"as_of": {}, "missing": [], "new": BANK}
    lists = dict.fromkeys(("organisations", "mandates", "grants", "money", "departments"), ())
    parts_ = {"area": "32", **lists, "cases": {**CASES_OUT, "new": BANK}}
    overview = shared.overview(share_of(WHOLE), _Newer.of(**whole, **parts_))
    assert overview["masked"] == ["new"]
    assert overview["cases"]["masked"] == ["new"]
    step = {**dict.fromkeys(schemas.StepOut.model_fields), **STEP, "new": BANK}
    of_case = {"case": {"id": "c1"}, "mandates": {}, "holds": [], "entries": [], "paid_fen": None, "steps": [step]}
    chain = shared.chain(share_of(WHOLE), _Newer.of(**whole, **of_case))
    assert chain["masked"] == ["new"]
    rows = {"cursor": "x", "truncated": False, "mandates": [], "cases": []}
    snapshot = shared.snapshot(share_of(WHOLE), _Newer.of(**whole, **rows))
    figures = shared.figures(share_of(WHOLE), _Newer.of(**whole, next=None, items=[]), ())
    for made in (overview, overview["cases"], chain, chain["steps"][0], snapshot, figures):
        assert "new" in made
        assert BANK not in repr(made)


class _Newer(BaseModel):
    """An answer as it may be one day."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def of(cls, **fields: Any) -> Any:
        return cls(**fields)


def test_what_a_purpose_hides_is_worked_out_once_and_not_for_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def counted(pattern: str, type_: str) -> bool:
        looked.append(type_)
        return fits(pattern, type_)

    monkeypatch.setattr("gateway.domain.purposes.fits", counted)
    share = share_of(Purpose("p", (Shown(("complaints.case.*",), frozenset({"area"})),)))
    row = dict.fromkeys(CASE.fields, BANK)
    first = share.row(CASE, row)
    once = len(looked)
    assert [share.row(CASE, row) for _ in range(1000)] == [first] * 1000
    assert once
    assert len(looked) == once
