"""Volunteers' own commands: registering, correcting, going; and the reads of what is personal."""

from __future__ import annotations

import secrets
from dataclasses import replace

from suizhuan.commands import Command
from suizhuan.context import new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from suizhuan.unit_of_work import Authority, Tx
from volunteers import desk, identity_card, store, store_people, store_service
from volunteers.domain import pairing as pairings
from volunteers.domain import recognition, shift, team
from volunteers.domain import volunteer as v
from volunteers.rules import Rules
from volunteers.schemas_in import CorrectionIn, RegistrationIn
from volunteers.schemas_people import AwardOut, CertificateDocument, CertificateOut, PrivateOut, VolunteerOut
from volunteers.store_people import Personal

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # without what is easily misread


def number(letters: int = 16) -> str:
    """A random number that nobody guesses: five bits a letter."""
    return "".join(secrets.choice(ALPHABET) for _ in range(letters))


async def register(tx: Tx, command: Command, rules: Rules, body: RegistrationIn) -> VolunteerOut:
    """Errors: `wrong_kind`, `id_number_wrong`, `already_registered`, `too_young`, `guardian_missing`, `unknown_word`,
    `unknown_area`."""
    subject = desk.resident(command.identity)
    rules.check("skills", body.skills)
    area = v.coarse(await desk.place(tx, rules, body.area))
    id_number, born = identity_card.checked(body.id_number)
    if await store_people.taken(tx.conn, subject, id_number):
        raise Refusal("already_registered")
    age = v.age_on(born, desk.today(tx.now))
    v.check_age(rules.ages, age, guardian=body.guardian_consent)
    change = v.register(
        volunteer=new_id(), area=area, age_band=rules.ages.band(age), skills=_words(body.skills), now=tx.now
    )
    who = Personal(
        volunteer=change.state.id,
        subject=subject,
        name=body.name,
        id_number=id_number,
        born=born,
        phone=body.phone,
        skill_note=body.skill_note,
        guardian_consent=body.guardian_consent,
    )
    made = await store.VOLUNTEER.add(tx, change)
    await store_people.add_personal(tx, who)
    await desk.watch_birthday(tx, rules, who)
    return VolunteerOut.of(made)


async def correct(tx: Tx, command: Command, rules: Rules, body: CorrectionIn) -> VolunteerOut:
    """What is not said stays as it is. Errors: those of registering, `nothing_to_correct`."""
    volunteer, who = await desk.myself(tx, command)
    said = {name: value for name, value in body.model_dump().items() if value is not None}
    if not said:
        raise Refusal("nothing_to_correct")
    area = v.coarse(await desk.place(tx, rules, body.area)) if body.area is not None else volunteer.area
    skills = _words(body.skills) if body.skills is not None else volunteer.skills
    rules.check("skills", skills)
    kept = {n: value for n, value in said.items() if n in ("name", "phone", "skill_note", "guardian_consent")}
    if body.id_number is not None:
        kept["id_number"], kept["born"] = identity_card.checked(body.id_number)
        other = await store_people.of_number(tx.conn, kept["id_number"])
        if other not in (None, volunteer.id):
            raise Refusal("already_registered")
    now = replace(who, **kept)
    band = volunteer.age_band
    if now.born is not None:
        age = v.age_on(now.born, desk.today(tx.now))
        v.check_age(rules.ages, age, guardian=now.guardian_consent)
        band = rules.ages.band(age)
    change = v.correct(volunteer, area=area, age_band=band, skills=skills, fields=sorted(said))
    after = await store.VOLUNTEER.save(tx, change)
    await store_people.put_personal(tx, now)
    await desk.watch_birthday(tx, rules, now)
    return VolunteerOut.of(after)


async def erase(tx: Tx, command: Command) -> VolunteerOut:
    """Everything personal goes, and whatever is to come with it: places, teams, pairings, published awards.

    Errors: `service_under_way`."""
    volunteer, who = await desk.myself(tx, command)
    if serving := await store_service.places_of(tx.conn, volunteer.id, shift.IN):
        raise Refusal("service_under_way", shift=serving[0].shift)
    after = await store.VOLUNTEER.save(tx, v.erase(volunteer))
    for of_team in await store_people.teams_of(tx.conn, volunteer.id):
        await store.TEAM.save(tx, team.leave(await store.TEAM.take(tx, of_team), volunteer.id, member=True))
        await store_people.leave(tx, of_team, volunteer.id)
    for place in await store_service.places_of(tx.conn, volunteer.id, shift.SIGNED):
        placing = shift.withdraw(await store.SHIFT.take(tx, place.shift), place)
        await store.SHIFT.save(tx, placing.shift)
        await store_service.put_sign_up(tx, placing.sign_up)
    for one in await store_people.open_pairings(tx.conn, volunteer.id):
        ending = pairings.end(await store.PAIRING.take(tx, one), pairings.ERASED, tx.now)
        await store.PAIRING.save(tx, ending)
        await store_people.unlink(tx, one)
    await store_people.keep_awards(tx, volunteer.id)
    await store_people.forget(tx, who)
    await tx.cancel_deadline(desk.BIRTHDAY, volunteer.id)
    return VolunteerOut.of(after)


async def read_own(tx: Tx, command: Command) -> PrivateOut:
    """PIPL 45: everybody may see what is kept of him. It is recorded like every other read."""
    volunteer, who = await desk.myself(tx, command)
    after = await store.VOLUNTEER.save(tx, v.read(volunteer, power=desk.SELF, purpose="access"))
    return _private(who, "access", after.version)


async def read(tx: Tx, command: Command, volunteer_id: str, purpose: str) -> PrivateOut:
    """By an organisation, under its power where the volunteer lives, or as organiser of an activity for which he has
    signed up. Errors: `missing_power`, `wrong_kind`, `not_found`, `volunteer_erased`, `identity_missing`."""
    org = desk.staff(command.identity)
    volunteer = await store.VOLUNTEER.take(tx, volunteer_id)
    command.check_version(volunteer.version)
    grant, power = await _reader(tx, volunteer, org)
    after = await store.VOLUNTEER.save(tx, v.read(volunteer, power=power, purpose=purpose), Authority.of(grant))
    who = await store_people.personal(tx.conn, volunteer_id)
    if who is None:
        raise Refusal("identity_missing")
    return _private(who, purpose, after.version)


async def _reader(tx: Tx, volunteer: v.Volunteer, org: str) -> tuple[Grant, str]:
    try:
        return await tx.act(desk.READ, desk.SERVICE, volunteer.area, org), desk.READ
    except Refusal as refusal:
        serving = await store_service.activity_with(tx.conn, volunteer.id, org)
        if refusal.code != "missing_power" or serving is None:
            raise
    return await desk.act_as_organiser(tx, await store.ACTIVITY.get(tx.conn, serving), org), desk.RUN


async def give_award(tx: Tx, command: Command, rules: Rules, volunteer_id: str, kind: str) -> AwardOut:
    """Errors: `missing_power`, `unknown_word`, `volunteer_erased`."""
    org = desk.staff(command.identity)
    rules.check("awards", [kind])
    volunteer = await store.VOLUNTEER.take(tx, volunteer_id)
    command.check_version(volunteer.version)
    grant = await tx.act(desk.GIVE_AWARD, desk.SERVICE, volunteer.area, org)
    change, award = recognition.give(volunteer, award=new_id(), kind=kind, giver=org, now=tx.now)
    await store.VOLUNTEER.save(tx, change, Authority.of(grant))
    await store_people.put_award(tx, award)
    return AwardOut.of(award)


async def consent_to_award(tx: Tx, command: Command, award_id: str, shown_as: str | None) -> AwardOut:
    """Under that name it is published; without one it is not. Errors: `not_yours`, `not_found`."""
    volunteer, _ = await desk.myself(tx, command, check=False)
    award = await store_people.get_award(tx.conn, award_id)
    change, award = recognition.consent(volunteer, award, publish=shown_as is not None)
    await store.VOLUNTEER.save(tx, change)
    await store_people.put_award(tx, award)
    await store_people.show_award(tx, award, shown_as)
    return AwardOut.of(award)


async def certify(tx: Tx, command: Command, org: str) -> CertificateOut:
    """On the volunteer's request, of all that `org` has recorded; it need not be asked: the record is its word.

    Errors: `nothing_to_certify`."""
    volunteer, _ = await desk.myself(tx, command)
    minutes = await store_service.recorded_by(tx.conn, volunteer.id, org)
    change, certificate = recognition.certify(volunteer, number=number(), issuer=org, minutes=minutes, now=tx.now)
    await store.VOLUNTEER.save(tx, change)
    await store_people.add_certificate(tx, certificate)
    return CertificateOut.of(certificate)


async def document(tx: Tx, command: Command, certificate_number: str) -> CertificateDocument:
    """The certificate with the identity, for the volunteer himself. Errors: `not_yours`, `identity_missing`."""
    volunteer, who = await desk.myself(tx, command, check=False)
    certificate = await store_people.get_certificate(tx.conn, certificate_number)
    if certificate.volunteer != volunteer.id:
        raise Refusal("not_yours", what="certificate", id=certificate_number)
    if who.name is None or who.id_number is None:
        raise Refusal("identity_missing")
    await store.VOLUNTEER.save(tx, v.read(volunteer, power=desk.SELF, purpose="certificate"))
    return CertificateDocument(**CertificateOut.of(certificate).model_dump(), name=who.name, id_number=who.id_number)


def _words(skills: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(skills)))


def _private(who: Personal, purpose: str, version: int) -> PrivateOut:
    return PrivateOut(
        volunteer=who.volunteer,
        purpose=purpose,
        name=who.name,
        id_number=who.id_number,
        born=who.born,
        phone=who.phone,
        skill_note=who.skill_note,
        guardian_consent=who.guardian_consent,
        version=version,
    )
