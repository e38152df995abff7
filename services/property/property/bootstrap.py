"""The founding of the registers: estates, premises, firms and contracts with which a district begins, each once.

They stand in a YAML file beside the founding document: `xiangli.property.yaml` beside `xiangli.seed.yaml`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal

import structlog
from pydantic import Field, StrictInt

from property import serving
from property.domain import contract as contracts
from property.domain import estate as estates
from property.domain import facts, facts_owners
from property.domain import firm as firms
from property.domain import premise as premises
from property.domain.change import by
from property.domain.periods import day_of
from property.schemas import Kind, Structure, Use
from property.schemas_firms import Grade
from property.store import Kept
from property.store_estates import ESTATES, PREMISES
from property.store_firms import CONTRACTS, FIRMS
from suizhuan.context import Context, derived_id
from suizhuan.datamodel import AreaCode, Count, LimitText, Slug, Text
from suizhuan.seed import Entry, Seed, SeedError, load_seed
from suizhuan.service import Service
from suizhuan.unit_of_work import Tx
from suizhuan.yamlfile import Problem, read, validate

log = structlog.get_logger(__name__)


class EstateEntry(Entry):
    """An estate."""

    id: Slug
    area: AreaCode
    name: Text
    households: Count


class PremiseEntry(Entry):
    """A premise; `size_dm2` in 0.01 m²."""

    id: Slug
    estate: Slug | None = None
    area: AreaCode
    kind: Kind
    location: Text
    size_dm2: Annotated[StrictInt, Field(ge=1)]
    structure: Structure
    use: Use
    permanent: bool = True
    title: Text | None = None
    delegation: Text | None = None


class FirmEntry(Entry):
    """A firm that is listed, by its organisation."""

    firm: Slug
    area: AreaCode
    grade: Grade


class ContractEntry(Entry):
    """A contract that runs from the founding on, for so many days."""

    id: Slug
    estate: Slug
    firm: Slug
    basis: Literal["lump_sum", "commission"]
    fee_fen: Annotated[StrictInt, Field(ge=1)]
    days: Annotated[StrictInt, Field(ge=1)]
    answer_limit: LimitText | None = None


class Founding(Entry):
    """The whole file."""

    estates: tuple[EstateEntry, ...] = ()
    premises: tuple[PremiseEntry, ...] = ()
    firms: tuple[FirmEntry, ...] = ()
    contracts: tuple[ContractEntry, ...] = ()


async def from_file(service: Service, arguments: list[str]) -> None:
    """`python -m property bootstrap FILE`: the founding document, beside which ours lies."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m property bootstrap FILE")
    done = await bootstrap(service, load_seed(arguments[0], service.parts.profile))
    log.info("founded" if done else "founded_before")


def load(seed: Seed) -> Founding:
    """What stands beside the founding document; nothing, where nothing does. Errors: `SeedError`."""
    path = seed.beside("property")
    if path is None:
        return Founding()
    document = read(path, str(path), SeedError)
    founding = validate(Founding, document, [(str(path), document)], SeedError)
    if problems := [Problem(str(path), where, why) for where, why in _wrong(founding, seed)]:
        raise SeedError(problems)
    return founding


def _wrong(founding: Founding, seed: Seed) -> list[tuple[str, str]]:
    """Everything that names what is not there."""
    areas, orgs = {area.code for area in seed.areas}, {org.id for org in seed.organisations}
    estates_, listed = {entry.id for entry in founding.estates}, {entry.firm for entry in founding.firms}
    placed: dict[str, list[str]] = {
        "estates": [entry.area for entry in founding.estates],
        "premises": [entry.area for entry in founding.premises],
        "firms": [entry.area for entry in founding.firms],
    }
    found = [
        (f"{part}.{i}.area", f"there is no area {area}")
        for part, named in placed.items()
        for i, area in enumerate(named)
        if area not in areas
    ]
    for i, firm in enumerate(founding.firms):
        if firm.firm not in orgs:
            found.append((f"firms.{i}", f"there is no organisation {firm.firm}"))
    for i, premise in enumerate(founding.premises):
        if premise.estate is not None and premise.estate not in estates_:
            found.append((f"premises.{i}.estate", f"there is no estate {premise.estate}"))
    for i, contract in enumerate(founding.contracts):
        if contract.estate not in estates_ or contract.firm not in listed:
            found.append((f"contracts.{i}", f"there is no estate {contract.estate}, or {contract.firm} is not listed"))
    return found


async def bootstrap(service: Service, seed: Seed) -> bool:
    """Enter everything that is not there yet, each in a transaction of its own; False when there was nothing."""
    founding = load(seed)
    news = False
    for kind, entries in (
        (_estate, founding.estates),
        (_premise, founding.premises),
        (_firm, founding.firms),
        (_contract, founding.contracts),
    ):
        for entry in entries:
            named: Any = entry
            cause = derived_id("founding", f"property:{kind.__name__}:{getattr(named, 'id', None) or named.firm}")
            async with service.parts.uow.begin(Context.of_system("property", cause), limited=False) as tx:
                news |= await kind(tx, named, founding)
    return news


async def _there(tx: Tx, kept: Kept[Any], key: str) -> bool:
    return await kept.find(tx.conn, key, lock=True) is not None


async def _estate(tx: Tx, entry: EstateEntry, _: Founding) -> bool:
    if await _there(tx, ESTATES, entry.id):
        return False
    await ESTATES.put(tx, estates.register(entry.id, entry.area, entry.name, entry.households, tx.now), None)
    return True


async def _premise(tx: Tx, entry: PremiseEntry, founding: Founding) -> bool:
    if await _there(tx, PREMISES, entry.id):
        return False
    home = next((estate.area for estate in founding.estates if estate.id == entry.estate), None)
    fact = facts.PremiseRegistered(premise=entry.id, **entry.model_dump(exclude={"id", "synthetic"}))
    await PREMISES.put(tx, premises.register(fact, home, tx.now), None)
    return True


async def _firm(tx: Tx, entry: FirmEntry, _: Founding) -> bool:
    if await _there(tx, FIRMS, entry.firm):
        return False
    fact = facts_owners.FirmListed(firm=entry.firm, area=entry.area, grade=entry.grade)
    await FIRMS.put(tx, by(firms.after, None, tx.now, fact), None)
    return True


async def _contract(tx: Tx, entry: ContractEntry, _: Founding) -> bool:
    if await _there(tx, CONTRACTS, entry.id):
        return False
    estate = await ESTATES.get(tx.conn, entry.estate)
    today = day_of(tx.now)
    fact = facts_owners.ContractFiled(
        contract=entry.id,
        estate=estate.id,
        area=estate.area,
        firm=entry.firm,
        basis=entry.basis,
        fee_fen=entry.fee_fen,
        starts_on=today,
        ends_on=today + timedelta(days=entry.days),
        answer_limit=str(entry.answer_limit) if entry.answer_limit is not None else None,
        meeting=None,
    )
    contract = await CONTRACTS.put(tx, by(contracts.after, None, tx.now, fact), None)
    await serving.watch(tx, contract)
    return True
