"""Commands on an activity: planned under a mandate, its money held before anybody signs up, closed or called off."""

from __future__ import annotations

from suizhuan.commands import Command
from suizhuan.context import new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from suizhuan.unit_of_work import Authority, Tx
from volunteers import desk, money, people, store, store_service
from volunteers import tables as t
from volunteers.domain import activity as a
from volunteers.domain import shift
from volunteers.domain.activity import Activity
from volunteers.rules import Rules
from volunteers.schemas import ActivityOut, ShiftOut
from volunteers.schemas_in import ActivityIn, ShiftIn

CODE_LETTERS = 8


async def plan(tx: Tx, command: Command, rules: Rules, body: ActivityIn) -> ActivityOut:
    """Errors: `missing_power`, `mandate_not_in_force`, `unknown_word`, `not_found` (team), those of `activity.plan`."""
    org = desk.staff(command.identity)
    area = await desk.place(tx, rules, body.area)
    rules.check("activity_kinds", [body.kind])
    rules.check("skills", body.skills)
    rules.check("training", body.training)
    if body.team is not None:
        (await store.TEAM.get(tx.conn, body.team)).stands()
    grant = await tx.act(desk.RUN, body.affair, area, org)
    made_id = new_id()
    if await store.has_ended(tx.conn, grant.mandate):
        raise Refusal("mandate_not_in_force", activity=made_id, mandate=grant.mandate)
    outline = a.Outline(
        kind=body.kind,
        training=tuple(sorted(set(body.training))),
        skills=tuple(sorted(set(body.skills))),
        min_age=rules.of.least_age if body.min_age is None else body.min_age,
        max_age=body.max_age,
        team=body.team,
        dangerous=body.dangerous,
        insurance=body.insurance,
        planned_fen=body.planned_fen,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
    )
    change = a.plan(activity=made_id, grant=grant, area=area, outline=outline, adult_age=rules.of.adult_age, now=tx.now)
    made = await store.ACTIVITY.add(tx, change, Authority.of(grant))
    await store.put_title(tx, made.id, body.title)
    money.ask(tx, made, Authority.of(grant))
    return ActivityOut.of(made, body.title)


async def _take(tx: Tx, command: Command, activity: str) -> tuple[Activity, Grant]:
    org = desk.staff(command.identity)
    found = await store.ACTIVITY.take(tx, activity)
    command.check_version(found.version)
    return found, await desk.act_as_organiser(tx, found, org)


async def replan(tx: Tx, command: Command, activity: str, planned_fen: int) -> ActivityOut:
    """Ask for the money anew. Errors: `activity_state`, those of acting on an activity."""
    found, grant = await _take(tx, command, activity)
    if grant.holder != found.org:
        raise Refusal("not_organiser", org=grant.holder, activity=found.id, organiser=found.org)
    after = await store.ACTIVITY.save(tx, a.replan(found, grant, planned_fen, tx.now), Authority.of(grant))
    money.ask(tx, after, Authority.of(grant))
    return ActivityOut.of(after)


async def insure(tx: Tx, command: Command, activity: str, insurance: str) -> ActivityOut:
    """Errors: `activity_state`, those of acting on an activity."""
    found, grant = await _take(tx, command, activity)
    return ActivityOut.of(await store.ACTIVITY.save(tx, a.insure(found, insurance), Authority.of(grant)))


async def cancel(tx: Tx, command: Command, activity: str) -> ActivityOut:
    """Errors: `activity_state`, `activity_begun`, those of acting on an activity."""
    found, grant = await _take(tx, command, activity)
    return ActivityOut.of(await call_off(tx, found, a.ORGANISER, Authority.of(grant)))


async def call_off(tx: Tx, activity: Activity, reason: str, authority: Authority) -> Activity:
    """The activity, its shifts and its bill. Errors: `activity_state`, `activity_begun`."""
    change = a.cancel(activity, reason, tx.now)
    after = await store.ACTIVITY.save(tx, change, authority, activity.org)
    for one in await store.SHIFT.where(tx.conn, t.shifts.c.activity == activity.id, lock=tx.locks):
        await store.SHIFT.save(tx, shift.cancel(one), authority, activity.org)
        await store_service.free_all(tx, one.id)
    money.withdraw(tx, activity, reason, authority)
    return after


async def close(tx: Tx, command: Command, activity: str, cost_fen: int) -> ActivityOut:
    """Errors: `activity_state`, `not_over`, `above_plan`, `service_unsettled`, those of acting on an activity."""
    found, grant = await _take(tx, command, activity)
    if left := await store_service.unsettled(tx.conn, found.id):
        raise Refusal("service_unsettled", activity=found.id, places=left)
    minutes = await store_service.served(tx.conn, found.id)
    change = a.close(found, cost_fen=cost_fen, minutes=minutes, now=tx.now)
    after = await store.ACTIVITY.save(tx, change, Authority.of(grant))
    money.settle(tx, after, Authority.of(grant))
    return ActivityOut.of(after)


async def add_shift(tx: Tx, command: Command, activity: str, body: ShiftIn) -> ShiftOut:
    """Errors: `activity_state`, `outside_activity`, those of acting on an activity."""
    found, grant = await _take(tx, command, activity)
    change = shift.plan(
        shift=new_id(), activity=found, starts_at=body.starts_at, ends_at=body.ends_at, capacity=body.capacity
    )
    made = await store.SHIFT.add(tx, change, Authority.of(grant))
    await store_service.put_code(tx, made.id, people.number(CODE_LETTERS))
    return ShiftOut.of(made)


# --- what finance answers, and what becomes of mandates ---------------------------------------------------------------


async def _of_bill(tx: Tx, bill: str) -> Activity | None:
    found = await store.ACTIVITY.where(tx.conn, t.activities.c.bill == bill, lock=True)
    return found[0] if found else None


async def bill_held(tx: Tx, bill: str) -> None:
    """Its money is there: it opens, unless its mandate has ended meanwhile."""
    found = await _of_bill(tx, bill)
    if found is not None:
        await store.ACTIVITY.save(tx, a.held(found, bill), Authority(found.mandate, found.term), found.org)


async def bill_refused(tx: Tx, bill: str, reason: str, shortfall_fen: int) -> None:
    """It stays shut."""
    found = await _of_bill(tx, bill)
    if found is not None:
        change = a.not_held(found, bill, reason, shortfall_fen)
        await store.ACTIVITY.save(tx, change, Authority(found.mandate, found.term), found.org)


async def bill_paid(tx: Tx, bill: str, amount_fen: int) -> None:
    """Its organiser has its money."""
    found = await _of_bill(tx, bill)
    if found is not None:
        change = a.paid(found, bill, amount_fen)
        await store.ACTIVITY.save(tx, change, Authority(found.mandate, found.term), found.org)


async def mandate_over(tx: Tx, mandate: str) -> None:
    """What has not begun under it is called off and its money free again; what has begun goes on to its end."""
    of_it = (t.activities.c.mandate == mandate) & t.activities.c.state.in_(sorted(a.TO_COME))
    for one in await store.ACTIVITY.where(tx.conn, of_it, lock=True):
        if not a.has_begun(one, tx.now):
            await call_off(tx, one, a.MANDATE_ENDED, Authority(one.mandate, one.term))
