"""What every command has in common: who acts, under which power, and where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import Response
from pydantic import BaseModel
from sqlalchemy.exc import IntegrityError

from population import store
from population.domain.area import needs_grid
from population.domain.person import Home
from suizhuan.commands import Command
from suizhuan.identity import Identity
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx


def staff_of(identity: Identity) -> str:
    """The organisation for which the caller works. Errors: `wrong_kind`."""
    if identity.kind != "staff" or identity.org is None:
        raise Refusal("wrong_kind")
    return identity.org


async def act(tx: Tx, command: Command, power: str, affair: str, place: str) -> Authority:
    """The caller's organisation uses its power there. Errors: `wrong_kind`, and those of every act."""
    return Authority.of(await tx.act(power, affair, place, staff_of(command.identity)))


async def carry_out(command: Command, work: Callable[[Tx], Awaitable[BaseModel]], *, status: int = 200) -> Response:
    """Do it. Where somebody else has just written what may stand there once, look again: then it is refused by name."""
    try:
        return await command.decide(work, status=status)
    except IntegrityError:
        return await command.decide(work, status=status)


async def known_grid(tx: Tx, code: str) -> str:
    """A grid that is in use, trimmed. Errors: `area_malformed`, `not_a_grid`, `unknown_area`, `area_given_up`."""
    grid = needs_grid(trim(code))
    found = await store.areas.find(tx.conn, grid)
    if found is None:
        raise Refusal("unknown_area", area=grid)
    if found.now is not None:
        raise Refusal("area_given_up", area=grid, now=found.now)
    return grid


async def home(tx: Tx, grid: str, dwelling: str | None, household: str | None) -> Home:
    """Where somebody is said to live, as the register knows it. Errors: `not_found`, `elsewhere`, `unknown_area`."""
    place = await known_grid(tx, grid)
    building = None
    if dwelling is not None:
        found = await store.get_dwelling(tx.conn, key_of(dwelling, "dwelling"))
        if found.grid != place:
            raise Refusal("elsewhere", what="dwelling", id=found.id, grid=place)
        building = found.building
    if household is not None:
        one = await store.households.get(tx.conn, key_of(household, "household"))
        if one.grid != place:
            raise Refusal("elsewhere", what="household", id=one.id, grid=place)
    return Home(grid=place, building=building, dwelling=dwelling, household=household)


def key_of(value: str, what: str) -> str:
    """An id as it may stand in a path. Errors: `not_found` for what cannot be one."""
    if len(value) > 80 or not value.isascii() or not value.isprintable():
        raise Refusal("not_found", what=what, id="?")
    return value
