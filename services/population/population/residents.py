"""Commands on people, and what else they move: heads of households, files, permits, lifetimes."""

from __future__ import annotations

from datetime import timedelta

from population import store, store_files, store_people
from population.domain import file as files
from population.domain import household as households
from population.domain import permit as permits
from population.domain import person as people
from population.domain.person import Home, Person, Personal
from population.rules import Rules
from population.schemas import PersonalIn
from population.timers_kinds import ENDORSE, ISSUE, RETENTION, VISIT
from suizhuan.context import new_id
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx


async def register(tx: Tx, rules: Rules, home: Home, body: PersonalIn, authority: Authority) -> Person:
    """A person is known from now on. Errors: `id_malformed`, `person_known`, `unknown_code`."""
    known = rules.identified(body.id_number, tx.now)
    registration = rules.registration(body.registration).code
    id_hash = rules.id_hash(known.id_number)
    await refuse_double(tx, id_hash)
    change = people.register(new_id(), home, registration, known, body.name, band_years=rules.band_years, now=tx.now)
    personal = Personal(
        name=body.name,
        id_number=known.id_number,
        birth_date=known.birth_date,
        phone=body.phone,
        details=rules.details(body.details),
    )
    await store.people.add(tx, change, authority)
    await store_people.put_personal(tx, change.after.id, personal, id_hash)
    await store.refreshed(tx, home.grid)
    return change.after


async def refuse_double(tx: Tx, id_hash: str, person: str | None = None) -> None:
    """Nobody else has this ID. Errors: `person_known`, which tells only in which community he is registered."""
    other = await store_people.with_id(tx.conn, id_hash)
    if other is not None and other != person:
        found = await store.people.get(tx.conn, other)
        raise Refusal("person_known", area=found.grid[:12])


async def put_right(tx: Tx, rules: Rules, person: Person, body: PersonalIn, authority: Authority) -> Person:
    """What is held on the person is this from now on. Errors: as `register`, `person_departed`."""
    known = rules.identified(body.id_number, tx.now)
    id_hash = rules.id_hash(known.id_number)
    await refuse_double(tx, id_hash, person.id)
    before = await store_people.personal(tx.conn, person.id)
    after = Personal(
        name=body.name,
        id_number=known.id_number,
        birth_date=known.birth_date,
        phone=body.phone,
        details=rules.details(body.details),
    )
    registration = rules.registration(body.registration)
    change = people.correct(
        person, before, after, registration.code, band_years=rules.band_years, sex=known.sex, now=tx.now
    )
    saved = await store.people.save(tx, change, authority)
    if change.facts:
        await store_people.put_personal(tx, person.id, after, id_hash)
    if not registration.permit:
        await cancel_permit(tx, person.id, authority)
    await store.refreshed(tx, person.grid)
    return saved


async def move(tx: Tx, person: Person, home: Home, authority: Authority) -> Person:
    """The person lives elsewhere; files and permit come along. Errors: `person_departed`."""
    change = people.move(person, home, tx.now)
    await follow(tx, person, home, authority)
    await store.refreshed(tx, home.grid)
    return await store.people.save(tx, change, authority)


async def follow(tx: Tx, person: Person, home: Home, authority: Authority) -> None:
    """What is kept of somebody who moves moves with him; a household that he was the head of has none."""
    if person.household is not None and home.household != person.household:
        await leave_household(tx, person, authority)
    if home.grid != person.grid:
        for file in await store_files.open_of(tx.conn, person.id, lock=tx.locks):
            await store.files.save(tx, files.move(file, home.grid), authority)
        permit = await store_files.permit_of(tx.conn, person.id, lock=tx.locks)
        if permit is not None:
            await store.permits.save(tx, permits.move(permit, home.grid), authority)


async def depart(tx: Tx, rules: Rules, person: Person, reason: str, authority: Authority) -> Person:
    """The person lives here no longer: files are closed, a permit is cancelled, lifetimes begin."""
    change = people.depart(person, rules.departure(reason), tx.now)
    await leave_household(tx, person, authority)
    for file in await store_files.open_of(tx.conn, person.id, lock=tx.locks):
        await store.files.save(tx, files.close(file, reason), authority)
        await store_files.drop_attributes(tx, file.id)
        await tx.cancel_deadline(VISIT, file.id)
    await cancel_permit(tx, person.id, authority)
    for group in rules.population.groups:
        due_at = tx.now + timedelta(days=group.keep_days)
        await tx.deadline(RETENTION, f"{person.id}:{group.code}", due_at)
    return await store.people.save(tx, change, authority)


async def leave_household(tx: Tx, person: Person, authority: Authority) -> None:
    """Whose head has gone has none until one is named."""
    if person.household is None:
        return
    household = await store.households.find(tx.conn, person.household, lock=tx.locks)
    if household is not None:
        await store.households.save(tx, households.without_head(household, person.id), authority)


async def cancel_permit(tx: Tx, person: str, authority: Authority | None) -> None:
    """What permit the person has ends."""
    permit = await store_files.permit_of(tx.conn, person, lock=tx.locks)
    if permit is not None:
        await store.permits.save(tx, permits.cancel(permit), authority)
        await tx.cancel_deadline(ISSUE, permit.id)
        await tx.cancel_deadline(ENDORSE, permit.id)
