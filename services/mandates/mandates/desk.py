"""The commands on registers and mandates: what routes and the founding call, each inside one transaction."""

from __future__ import annotations

from datetime import datetime

from mandates import store, store_rekeyings
from mandates.domain.catalogue import Affair, check_placing, list_affair
from mandates.domain.mandate import FUNDED, PROPOSED, ROOT_PREFIX, Change, Mandate
from mandates.domain.organisation import Organisation, Person, area_is_known, register
from mandates.domain.proposal import propose
from mandates.schemas import OrganisationIn, ProposalIn, StaffIn
from suizhuan.adapters.china_calendar import ChinaCalendar
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.worktime import Limit, due
from suizhuan.profile import Profile
from suizhuan.unit_of_work import Tx


def person(entry: StaffIn, org: str) -> Person:
    return Person(
        id=entry.id,
        org=org,
        name_zh=entry.name.zh,
        name_en=entry.name.en,
        duty_zh=entry.duty.zh,
        duty_en=entry.duty.en,
    )


def organisation(entry: OrganisationIn) -> Organisation:
    """Errors: `area_malformed`."""
    areas = tuple(dict.fromkeys(trim(area) for area in entry.areas))
    return Organisation(
        id=entry.id,
        name_zh=entry.name.zh,
        name_en=entry.name.en,
        kind=entry.kind,
        parent=entry.parent,
        areas=areas,
    )


async def register_organisation(tx: Tx, org: Organisation, people: list[Person], profile: Profile) -> None:
    """Errors: `unknown_organisation` (the parent), `unknown_area`, `power_in_transition`, `area_given_up`,
    `organisation_exists`, `staff_exists`."""
    fact = register(org, root_area=profile.root_area)
    await store_rekeyings.check_area(tx.conn, *org.areas)
    if org.parent is not None:
        await store.organisation(tx.conn, org.parent)
    await store.add_organisation(tx, org, fact)
    await store.add_staff(tx, people)


async def add_affair(tx: Tx, entry: Affair, profile: Profile) -> Mandate | None:
    """List an affair; returns its root as it stands before its switch, or None where nothing is ever placed.

    Errors: `unknown_organisation`, `affair_exists`, and those of `list_affair`.
    """
    owner = await store.organisation(tx.conn, entry.owner)
    banned = [name for words in profile.forbidden_certificates for name in (words.zh, words.en)]
    fact = list_affair(entry, owner_holds_root=profile.root_area in owner.areas, banned_names=banned)
    await store.add_affair(tx, entry, fact, profile.root_area)
    return root(entry, profile.root_area, tx.now) if entry.placeable else None


def root(affair: Affair, area: str, now: datetime) -> Mandate:
    """The mandate by which an affair's owner holds the root: no end, paid by its own budget."""
    return Mandate(
        id=f"{ROOT_PREFIX}{affair.code}",
        affair=affair.code,
        area=area,
        role="lead",
        giver=affair.owner,
        holder=affair.owner,
        powers=affair.root_powers,
        staff=(),
        starts_at=now,
        ends_at=None,
        basis="lump",
        amount_fen=0,
        replaces=None,
        emergency=None,
        state=FUNDED,
        version=0,
        created_at=now,
    )


async def draft(tx: Tx, entry: ProposalIn, *, giver: str, profile: Profile, mandate: str) -> Change:
    """The proposal that an entry asks for; not stored yet.

    Errors: `unknown_affair`, `unknown_organisation`, `area_malformed`, `unknown_area`, `emergency_unknown`,
    `replaces_mismatch`, `slot_taken`, and those of `check_placing` and `propose`.
    """
    affair = await store.affair(tx.conn, entry.affair)
    holder = await store.organisation(tx.conn, entry.holder)
    area = trim(entry.area)
    await store_rekeyings.check_area(tx.conn, area)
    if not area_is_known(area, await store.areas_around(tx.conn, area), profile.root_area):
        raise Refusal("unknown_area", area=area)
    check_placing(affair, role=entry.role, holder=holder.id, holder_kind=holder.kind, powers=entry.powers)
    if entry.emergency is not None and entry.emergency not in profile.emergency.kinds:
        raise Refusal("emergency_unknown", kind=entry.emergency)
    starts_at = max(entry.starts_at or tx.now, tx.now)
    wanted = Mandate(
        id=mandate,
        affair=affair.code,
        area=area,
        role=entry.role,
        giver=giver,
        holder=holder.id,
        powers=tuple(sorted(set(entry.powers))),
        staff=tuple(sorted(set(entry.staff))),
        starts_at=tx.now if entry.emergency else starts_at,
        ends_at=entry.ends_at,
        basis=entry.basis or affair.basis,
        amount_fen=entry.amount_fen,  # type: ignore[arg-type]  # judged by `propose`
        replaces=entry.replaces,
        emergency=entry.emergency,
        state=PROPOSED,
        version=0,
        created_at=tx.now,
    )
    change = propose(
        wanted,
        now=tx.now,
        earliest=earliest_start(profile, tx.now),
        priced=is_priced(profile, affair.code),
        employed=await store.employed(tx.conn, holder.id, wanted.staff),
    )
    await check_slot(tx, change.mandate)
    return change


async def check_slot(tx: Tx, wanted: Mandate) -> None:
    """The slot is free within the mandate's time, but for the mandate that it replaces.

    Errors: `replaces_mismatch`, `slot_taken`.
    """
    if wanted.replaces is not None:
        old = await store.find_mandate(tx.conn, wanted.replaces)
        same = old is not None and (old.affair, old.area, old.role) == (wanted.affair, wanted.area, wanted.role)
        if old is None or not same or not old.holds_slot or old.is_root:
            raise Refusal("replaces_mismatch", replaces=wanted.replaces)
    for rival in await store.rivals(tx.conn, wanted):
        if rival.id != wanted.replaces:
            raise Refusal("slot_taken", affair=wanted.affair, area=wanted.area, mandate=rival.id)


def is_priced(profile: Profile, affair: str) -> bool:
    """Whether a case of the affair has a price: then there is no mandate for 0."""
    return profile.price_fen(affair) > 0


def earliest_start(profile: Profile, now: datetime) -> datetime:
    """By when the profile's lead time is over."""
    days = profile.admission.lead_time_workdays
    return due(now, Limit(days, "WD"), ChinaCalendar(profile.working_hours)) if days else now


def as_it_stands(mandate: Mandate) -> Change:
    """A mandate that nothing has happened to yet, for the store."""
    return Change(mandate, ())
