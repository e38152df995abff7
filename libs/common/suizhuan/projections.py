"""Projections: what a consumer group makes of the log alone, so that it can be made anew at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table

from suizhuan.authority import records
from suizhuan.authority.replica import Replica
from suizhuan.authority.target import AuthorityTarget
from suizhuan.db.database import Database
from suizhuan.db.tables import authority_state, grants, open_switch
from suizhuan.handling import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Its tables hold nothing but what `target` makes of `topics` from their beginning on.

    `target` is made for the database that is being built; it tells nobody what it does. `keeps` are columns of a table
    of one row that are not from the log. `skips`: what cannot be handled becomes a dead letter; else it stops there.
    `placed` are columns that hold codes of areas."""

    name: str
    group: str
    topics: tuple[str, ...]
    target: Callable[[Database], Target]
    tables: tuple[Table, ...]
    keeps: tuple[Table, tuple[str, ...]] | None = None
    skips: bool = True
    placed: tuple[Column[Any], ...] = ()


def authority_replica(service: str) -> Projection:
    """The replica of the grants, which every service has. Who it is, is not from the log."""
    return Projection(
        name="authority",
        group=f"{service}.authority",
        topics=(records.TOPIC,),
        target=lambda database: AuthorityTarget(Replica(service, database)),
        tables=(grants, authority_state, open_switch),
        keeps=(authority_state, ("replica", "joined_at")),
        skips=False,
    )
