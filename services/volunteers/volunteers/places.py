"""Commands on a shift: signing up, checking in and out, and the organiser's word for the minutes.

Rows are locked in one order everywhere, so that nobody waits in a circle: volunteer, activity, shift."""

from __future__ import annotations

import hmac
from datetime import datetime

from suizhuan.commands import Command
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx
from volunteers import desk, store, store_people, store_service
from volunteers.domain import activity as a
from volunteers.domain import fitness, shift, volunteer
from volunteers.domain.activity import Activity
from volunteers.domain.shift import Shift, SignUp
from volunteers.domain.volunteer import Volunteer
from volunteers.rules import Rules
from volunteers.schemas import CodeOut, SignUpOut
from volunteers.schemas_in import ConfirmationIn, HoursIn


async def sign_up(tx: Tx, command: Command, rules: Rules, shift_id: str) -> SignUpOut:
    """Of one's own will. Errors: `not_registered`, `activity_state`, `insurance_missing`, `mandate_not_in_force`, those
    of `fitness.fits` and of `shift.sign_up`."""
    who, personal = await desk.myself(tx, command, check=False)
    found, activity = await _shift_of(tx, shift_id)
    activity.takes()
    await desk.in_force(tx, activity)
    rows = await store_people.trained(tx.conn, who.id)
    trained: dict[str, datetime] = {row["training"]: row["valid_until"] for row in rows}
    member = activity.team is not None and await store_people.is_member(tx.conn, activity.team, who.id)
    known = fitness.Known(personal.born, trained, member)
    fitness.fits(who, known, activity, found, training_first=rules.of.training_first)
    before = await store_service.find_sign_up(tx.conn, shift_id, who.id)
    elsewhere = await store_service.overlapping(tx.conn, who.id, found.starts_at, found.ends_at, besides=shift_id)
    made = shift.sign_up(found, before, who.id, elsewhere, tx.now)
    return await _keep(tx, made, Authority(activity.mandate, activity.term), activity.org)


async def withdraw(tx: Tx, command: Command, shift_id: str) -> SignUpOut:
    """Errors: `not_registered`, `not_signed_up`, `sign_up_state`."""
    who, _ = await desk.myself(tx, command, check=False)
    found = await store.SHIFT.take(tx, shift_id)
    place = await store_service.get_sign_up(tx.conn, shift_id, who.id)
    return await _keep(tx, shift.withdraw(found, place), None, None)


async def check_in(tx: Tx, command: Command, rules: Rules, shift_id: str, code: str) -> SignUpOut:
    """By the volunteer, with the code that is shown at the site. Errors: `wrong_code`, those of `_arrive`."""
    who, _ = await desk.myself(tx, command, check=False)
    found, activity = await _shift_of(tx, shift_id)
    await _check_code(tx, shift_id, code)
    return await _arrive(tx, rules, who, found, activity, shift.CODE, None)


async def receive(tx: Tx, command: Command, rules: Rules, shift_id: str, volunteer_id: str) -> SignUpOut:
    """By the organiser. Errors: those of acting on an activity and of `_arrive`."""
    org = desk.staff(command.identity)
    who = await store.VOLUNTEER.take(tx, volunteer_id)
    found, activity = await _shift_of(tx, shift_id)
    grant = await desk.act_as_organiser(tx, activity, org)
    return await _arrive(tx, rules, who, found, activity, shift.ORGANISER, Authority.of(grant))


async def _arrive(
    tx: Tx, rules: Rules, who: Volunteer, found: Shift, activity: Activity, by: str, authority: Authority | None
) -> SignUpOut:
    """Errors: `volunteer_erased`, `activity_state`, `insurance_missing`, `not_signed_up`, those of `shift.check_in`."""
    who.active()
    activity.takes()
    place = await store_service.get_sign_up(tx.conn, found.id, who.id)
    elsewhere = await store_service.serving_elsewhere(tx.conn, who.id, tx.now, besides=found.id)
    made = shift.check_in(found, place, elsewhere, by=by, early=rules.early, now=tx.now)
    under = authority or Authority(activity.mandate, activity.term)
    await store.ACTIVITY.save(tx, a.begin(activity), under, activity.org)
    return await _keep(tx, made, under, activity.org)


async def check_out(tx: Tx, command: Command, shift_id: str, code: str) -> SignUpOut:
    """By the volunteer, with the code. Errors: `wrong_code`, `not_signed_up`, `sign_up_state`."""
    who, _ = await desk.myself(tx, command, check=False)
    found, activity = await _shift_of(tx, shift_id)
    await _check_code(tx, shift_id, code)
    place = await store_service.get_sign_up(tx.conn, shift_id, who.id)
    made = shift.check_out(found, place, by=shift.CODE, now=tx.now)
    return await _keep(tx, made, Authority(activity.mandate, activity.term), activity.org)


async def release(tx: Tx, command: Command, shift_id: str, volunteer_id: str) -> SignUpOut:
    """By the organiser. Errors: those of acting on an activity, `not_signed_up`, `sign_up_state`."""
    org = desk.staff(command.identity)
    found, activity = await _shift_of(tx, shift_id)
    grant = await desk.act_as_organiser(tx, activity, org)
    place = await store_service.get_sign_up(tx.conn, shift_id, volunteer_id)
    made = shift.check_out(found, place, by=shift.ORGANISER, now=tx.now)
    return await _keep(tx, made, Authority.of(grant), activity.org)


async def confirm(tx: Tx, command: Command, rules: Rules, shift_id: str, body: ConfirmationIn) -> SignUpOut:
    """The organiser's word: served, and for how long, or absent. Hours are credited at once.

    Errors: those of `_judge`, those of `shift.confirm` and `shift.absent`."""
    who, found, activity, place, authority = await _judge(tx, command, shift_id, body.volunteer)
    if body.outcome == shift.ABSENT:
        return await _keep(tx, shift.absent(found, place, tx.now), authority, activity.org)
    made = shift.confirm(found, place, body.minutes)
    minutes = made.sign_up.confirmed_minutes
    credited = volunteer.credit(who, activity=activity.id, shift=shift_id, minutes=minutes, stars_h=rules.of.stars_h)
    await store.VOLUNTEER.save(tx, credited, authority)
    return await _keep(tx, made, authority, activity.org)


async def put_right(tx: Tx, command: Command, rules: Rules, shift_id: str, body: HoursIn) -> SignUpOut:
    """The organiser puts its word right, on request; the sum follows. Errors: those of `_judge`, of `shift.correct`."""
    who, found, activity, place, authority = await _judge(tx, command, shift_id, body.volunteer)
    made = shift.correct(found, place, body.minutes)
    difference = body.minutes - place.confirmed_minutes
    corrected = volunteer.put_right(
        who, activity=activity.id, shift=shift_id, minutes=difference, stars_h=rules.of.stars_h
    )
    await store.VOLUNTEER.save(tx, corrected, authority)
    return await _keep(tx, made, authority, activity.org)


async def _judge(
    tx: Tx, command: Command, shift_id: str, volunteer_id: str
) -> tuple[Volunteer, Shift, Activity, SignUp, Authority]:
    """The organiser judges the service of somebody else. Errors: those of acting on an activity, `self_confirmation`,
    `not_signed_up`."""
    org = desk.staff(command.identity)
    who = await store.VOLUNTEER.take(tx, volunteer_id)
    found, activity = await _shift_of(tx, shift_id)
    grant = await desk.act_as_organiser(tx, activity, org)
    personal = await store_people.personal(tx.conn, who.id)
    if personal is not None and personal.subject == command.identity.subject:
        raise Refusal("self_confirmation")
    place = await store_service.get_sign_up(tx.conn, shift_id, who.id)
    return who, found, activity, place, Authority.of(grant)


async def show_code(tx: Tx, command: Command, shift_id: str) -> CodeOut:
    """For who shows it at the site. Errors: those of acting on an activity."""
    org = desk.staff(command.identity)
    found = await store.SHIFT.get(tx.conn, shift_id)
    activity = await store.ACTIVITY.get(tx.conn, found.activity)
    await desk.act_as_organiser(tx, activity, org)
    return CodeOut(shift=shift_id, code=await store_service.code_of(tx.conn, shift_id) or "")


async def _shift_of(tx: Tx, shift_id: str) -> tuple[Shift, Activity]:
    """The shift and its activity, locked in their order. Errors: `not_found`."""
    activity = await store.ACTIVITY.take(tx, (await store.SHIFT.get(tx.conn, shift_id)).activity)
    return await store.SHIFT.take(tx, shift_id), activity


async def _check_code(tx: Tx, shift_id: str, code: str) -> None:
    shown = await store_service.code_of(tx.conn, shift_id)
    if shown is None or not hmac.compare_digest(shown.encode(), code.strip().upper().encode()):
        raise Refusal("wrong_code", shift=shift_id)


async def _keep(tx: Tx, made: shift.Placing, authority: Authority | None, org: str | None) -> SignUpOut:
    await store.SHIFT.save(tx, made.shift, authority, org)
    await store_service.put_sign_up(tx, made.sign_up)
    return SignUpOut.of(made.sign_up, made.shift.state.version)
