"""Commands on teams and courses."""

from __future__ import annotations

from datetime import timedelta

from suizhuan.commands import Command
from suizhuan.context import new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx
from volunteers import desk, store, store_people
from volunteers.domain import course, team
from volunteers.domain import volunteer as v
from volunteers.domain.team import Team
from volunteers.rules import Rules
from volunteers.schemas import CourseOut, TeamOut
from volunteers.schemas_in import CourseIn, TeamIn
from volunteers.schemas_people import TrainedOut


async def found(tx: Tx, command: Command, rules: Rules, body: TeamIn) -> TeamOut:
    """Errors: `missing_power`, `unknown_word`, `unknown_area`."""
    org = desk.staff(command.identity)
    rules.check("team_kinds", [body.kind])
    area = await desk.place(tx, rules, body.area)
    grant = await tx.act(desk.LEAD_TEAM, desk.SERVICE, area, org)
    change = team.found(team=new_id(), org=org, kind=body.kind, project=body.project, area=area)
    made = await store.TEAM.add(tx, change, Authority.of(grant))
    await store.put_title(tx, made.id, body.title)
    return TeamOut.of(made, body.title)


async def dissolve(tx: Tx, command: Command, team_id: str) -> TeamOut:
    """Errors: `not_organiser`, `missing_power`, `team_dissolved`."""
    org = desk.staff(command.identity)
    standing = await _of(tx, command, team_id)
    if standing.org != org:
        raise Refusal("not_organiser", org=org, activity=team_id, organiser=standing.org)
    grant = await tx.act(desk.LEAD_TEAM, desk.SERVICE, standing.area, org)
    return TeamOut.of(await store.TEAM.save(tx, team.dissolve(standing), Authority.of(grant)))


async def join(tx: Tx, command: Command, team_id: str) -> TeamOut:
    """By the volunteer himself. Errors: `not_registered`, `team_dissolved`."""
    who, _ = await desk.myself(tx, command, check=False)
    standing = await _of(tx, command, team_id)
    member = await store_people.is_member(tx.conn, team_id, who.id)
    change = team.join(standing, who, member=member)
    if not member:
        await store_people.join(tx, team_id, who.id)
    return TeamOut.of(await store.TEAM.save(tx, change))


async def leave(tx: Tx, command: Command, team_id: str) -> TeamOut:
    """By the volunteer himself. Errors: `not_registered`."""
    who, _ = await desk.myself(tx, command, check=False)
    standing = await _of(tx, command, team_id)
    member = await store_people.is_member(tx.conn, team_id, who.id)
    await store_people.leave(tx, team_id, who.id)
    return TeamOut.of(await store.TEAM.save(tx, team.leave(standing, who.id, member=member)))


async def _of(tx: Tx, command: Command, team_id: str) -> Team:
    standing = await store.TEAM.take(tx, team_id)
    command.check_version(standing.version)
    return standing


async def plan_course(tx: Tx, command: Command, rules: Rules, body: CourseIn) -> CourseOut:
    """Errors: `missing_power`, `unknown_word`, `unknown_area`, `times_wrong`."""
    org = desk.staff(command.identity)
    rules.training(body.training)
    area = await desk.place(tx, rules, body.area)
    grant = await tx.act(desk.TRAIN, desk.SERVICE, area, org)
    change = course.plan(
        course=new_id(),
        org=org,
        area=area,
        training=body.training,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
    )
    made = await store.COURSE.add(tx, change, Authority.of(grant))
    await store.put_title(tx, made.id, body.title)
    return CourseOut.of(made, body.title)


async def cancel_course(tx: Tx, command: Command, course_id: str) -> CourseOut:
    """Errors: `not_organiser`, `missing_power`, `course_cancelled`, `course_begun`."""
    org = desk.staff(command.identity)
    planned = await store.COURSE.take(tx, course_id)
    command.check_version(planned.version)
    if planned.org != org:
        raise Refusal("not_organiser", org=org, activity=course_id, organiser=planned.org)
    grant = await tx.act(desk.TRAIN, desk.SERVICE, planned.area, org)
    return CourseOut.of(await store.COURSE.save(tx, course.cancel(planned, tx.now), Authority.of(grant)))


async def attended(tx: Tx, command: Command, rules: Rules, course_id: str, volunteer_id: str) -> TrainedOut:
    """The organiser notes who was there; from the end of the course on it counts for as long as the profile says.

    Errors: `not_organiser`, `missing_power`, `course_cancelled`, `not_begun`, `volunteer_erased`."""
    org = desk.staff(command.identity)
    who = await store.VOLUNTEER.take(tx, volunteer_id)
    given = await store.COURSE.take(tx, course_id)
    if given.org != org:
        raise Refusal("not_organiser", org=org, activity=course_id, organiser=given.org)
    grant = await tx.act(desk.TRAIN, desk.SERVICE, given.area, org)
    given.attendable(tx.now)
    until = given.ends_at + timedelta(days=rules.training(given.training).valid_days)
    known = {row["training"]: row for row in await store_people.trained(tx.conn, who.id)}
    before = known.get(given.training)
    if before is not None and before["valid_until"] >= until:
        return TrainedOut.model_validate(before)  # this course again, or an older one: nothing is new
    change = v.attend(who, training=given.training, course=given.id, valid_until=until)
    await store.VOLUNTEER.save(tx, change, Authority.of(grant))
    await store_people.put_trained(tx, who.id, given.training, given.id, tx.now, until)
    return TrainedOut(volunteer=who.id, training=given.training, course=given.id, attended_at=tx.now, valid_until=until)
