"""What commands have in common: who calls, the volunteer that he is, and the power under which an organisation acts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

from suizhuan.commands import Command
from suizhuan.identity import Identity
from suizhuan.kernel.area import trim
from suizhuan.kernel.clock import SHANGHAI
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from suizhuan.unit_of_work import Tx
from volunteers import store, store_people
from volunteers.domain.activity import Activity
from volunteers.domain.volunteer import Volunteer
from volunteers.rules import Rules
from volunteers.store_people import Personal
from volunteers.tables import organisations

SERVICE, PAIRING = "volunteers.service", "volunteers.pairing"
"""The affairs of everything but activities, which any affair may run that gives the power."""
RUN, LEAD_TEAM, TRAIN = "volunteers.activity.run", "volunteers.team.lead", "volunteers.training.give"
GIVE_AWARD, READ, ARRANGE = "volunteers.award.give", "volunteers.record.read", "volunteers.pairing.arrange"
SELF = "self"
BIRTHDAY, MANDATE_OVER = "volunteer.birthday", "mandate.over"


def staff(identity: Identity) -> str:
    """The organisation for which the caller works. Errors: `wrong_kind`."""
    if identity.kind != "staff" or identity.org is None:
        raise Refusal("wrong_kind")
    return identity.org


def resident(identity: Identity) -> str:
    """Who calls for himself. Errors: `wrong_kind`."""
    if identity.kind != "resident":
        raise Refusal("wrong_kind")
    return identity.subject


async def myself(tx: Tx, command: Command, *, check: bool = True) -> tuple[Volunteer, Personal]:
    """The volunteer who calls, to be changed. Errors: `wrong_kind`, `not_registered`, `version_conflict` (`check`)."""
    who = await store_people.by_subject(tx.conn, resident(command.identity))
    if who is None:
        raise Refusal("not_registered")
    volunteer = await store.VOLUNTEER.take(tx, who.volunteer)
    if check:
        command.check_version(volunteer.version)
    return volunteer, who


async def place(tx: Tx, rules: Rules, area: str) -> str:
    """An area in which something may be. Errors: `area_malformed`, `unknown_area`."""
    trimmed = trim(area)
    if not await organisations.area_known(tx.conn, trimmed, rules.profile.root_area):
        raise Refusal("unknown_area", area=trimmed)
    return trimmed


async def act_as_organiser(tx: Tx, activity: Activity, org: str) -> Grant:
    """`org` acts on an activity that it runs, under the mandate of the activity.

    Where that mandate is over, whoever holds its power there now sees to what is left of it. Errors: `not_organiser`,
    `missing_power`, and those of every act."""
    grant = await tx.grant(activity.mandate)
    if grant is None or not grant.in_time(tx.now):
        return await tx.act(RUN, activity.affair, activity.area, org)
    if org != activity.org:
        raise Refusal("not_organiser", org=org, activity=activity.id, organiser=activity.org)
    return await tx.act_under(grant, RUN, activity.area)


async def in_force(tx: Tx, activity: Activity) -> None:
    """The activity's mandate is in force, and stays so until this transaction has ended: nobody begins to serve under
    one that is suspended or over. Errors: `mandate_not_in_force`."""
    grant = await tx.grant(activity.mandate)
    if grant is None or not grant.in_time(tx.now):
        raise Refusal("mandate_not_in_force", activity=activity.id, mandate=activity.mandate)
    await tx.pin(grant)


def unremembered(command: Command) -> Command:
    """The same command, whose answer is personal and therefore not kept for a repeat."""
    return replace(command, key=None)


def today(now: datetime) -> date:
    """The day it is in Shanghai."""
    return now.astimezone(SHANGHAI).date()


async def watch_birthday(tx: Tx, rules: Rules, who: Personal) -> None:
    """Have the band moved on the birthday that moves it next."""
    coming = rules.ages.next_band_on(who.born, today(tx.now)) if who.born is not None else None
    if coming is None:
        await tx.cancel_deadline(BIRTHDAY, who.volunteer)
    else:
        due = datetime.combine(coming, time(), SHANGHAI).astimezone(UTC)
        await tx.deadline(BIRTHDAY, who.volunteer, due)
