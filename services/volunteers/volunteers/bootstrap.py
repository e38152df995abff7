"""The founding of voluntary service: the teams and the first courses with which a district begins, each once.

They stand in a YAML file beside the founding document: `xiangli.volunteers.yaml` beside `xiangli.seed.yaml`. No person
does: a volunteer registers himself.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import structlog

from suizhuan.context import Context, derived_id
from suizhuan.datamodel import AreaCode, Count, Slug, Text
from suizhuan.seed import Entry, Seed, SeedError, load_seed
from suizhuan.service import Service
from suizhuan.unit_of_work import Tx
from suizhuan.yamlfile import Problem, read, validate
from volunteers import desk, store
from volunteers.domain import course, team
from volunteers.rules import Rules

log = structlog.get_logger(__name__)


class TeamEntry(Entry):
    """A team."""

    id: Slug
    org: Slug
    area: AreaCode
    kind: Slug
    project: Slug | None = None
    title: Text


class CourseEntry(Entry):
    """A course; `from_h` and `to_h` are hours after the founding."""

    id: Slug
    org: Slug
    area: AreaCode
    training: Slug
    title: Text
    from_h: Count
    to_h: Count


class Founding(Entry):
    """The whole file."""

    teams: tuple[TeamEntry, ...] = ()
    courses: tuple[CourseEntry, ...] = ()


async def from_file(service: Service, arguments: list[str]) -> None:
    """`python -m volunteers bootstrap FILE`: the founding document, beside which ours lies."""
    if len(arguments) != 1:
        raise SystemExit("usage: python -m volunteers bootstrap FILE")
    done = await bootstrap(service, load_seed(arguments[0], service.parts.profile))
    log.info("founded" if done else "founded_before")


def load(seed: Seed, rules: Rules) -> Founding:
    """What stands beside the founding document; nothing, where nothing does. Errors: `SeedError`."""
    path = seed.beside("volunteers")
    if path is None:
        return Founding()
    document = read(path, str(path), SeedError)
    founding = validate(Founding, document, [(str(path), document)], SeedError)
    if problems := [Problem(str(path), where, why) for where, why in _wrong(founding, seed, rules)]:
        raise SeedError(problems)
    return founding


def _wrong(founding: Founding, seed: Seed, rules: Rules) -> Iterator[tuple[str, str]]:
    """Everything that names what is not there, and who founds what he has no power to lead or to give."""
    holds = {(m.holder, m.area, power) for m in seed.mandates for power in m.powers}
    kinds = {kind.code for kind in rules.of.team_kinds}
    trainings = {kind.code for kind in rules.of.training}
    for i, one in enumerate(founding.teams):
        if one.kind not in kinds:
            yield f"teams.{i}.kind", f"there is no kind of team {one.kind}"
        if (one.org, one.area, desk.LEAD_TEAM) not in holds:
            yield f"teams.{i}.org", f"{one.org} does not hold {desk.LEAD_TEAM} in {one.area}"
    for i, given in enumerate(founding.courses):
        if given.training not in trainings:
            yield f"courses.{i}.training", f"there is no training {given.training}"
        if (given.org, given.area, desk.TRAIN) not in holds:
            yield f"courses.{i}.org", f"{given.org} does not hold {desk.TRAIN} in {given.area}"
        if given.to_h <= given.from_h:
            yield f"courses.{i}.to_h", "must come after from_h"


async def bootstrap(service: Service, seed: Seed) -> bool:
    """Enter everything that is not there yet; False when there was nothing."""
    parts = service.parts
    founding = load(seed, Rules(parts.profile))
    context = Context.of_system(parts.name, derived_id("founding", parts.name))
    async with parts.uow.begin(context, limited=False) as tx:
        news = [await _team(tx, entry) for entry in founding.teams]
        news += [await _course(tx, entry) for entry in founding.courses]
    return any(news)


async def _team(tx: Tx, entry: TeamEntry) -> bool:
    if await store.TEAM.find(tx.conn, entry.id) is not None:
        return False
    change = team.found(team=entry.id, org=entry.org, kind=entry.kind, project=entry.project, area=entry.area)
    await store.TEAM.add(tx, change, org=entry.org)
    await store.put_title(tx, entry.id, entry.title)
    return True


async def _course(tx: Tx, entry: CourseEntry) -> bool:
    if await store.COURSE.find(tx.conn, entry.id) is not None:
        return False
    change = course.plan(
        course=entry.id,
        org=entry.org,
        area=entry.area,
        training=entry.training,
        starts_at=tx.now + timedelta(hours=entry.from_h),
        ends_at=tx.now + timedelta(hours=entry.to_h),
    )
    await store.COURSE.add(tx, change, org=entry.org)
    await store.put_title(tx, entry.id, entry.title)
    return True
