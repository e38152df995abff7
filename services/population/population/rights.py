"""The rights of a person over what is held on him (PIPL 44-50): access, copy, correction, erasure, explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from population import store, store_files, store_people
from population.domain import erasure
from population.domain.change import changed
from population.domain.erasure import Group
from population.domain.facts import OwnRead
from population.domain.permit import STANDING
from population.domain.person import PRESENT, Person, Personal
from population.rules import BIRTH, ID, NAME, PHONE, Rules
from population.schemas import PersonOut
from population.schemas_files import FileOut, PermitOut
from population.schemas_rights import FileHeldOut, GroupOut, OwnOut, ReadOut
from suizhuan.commands import Command
from suizhuan.datamodel import Words
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

READS = 50
CORRECTABLE = (NAME, ID, PHONE)


async def own_person(tx: Tx, command: Command) -> Person:
    """Whose account this is. Errors: `wrong_kind`, `not_linked`."""
    if command.identity.kind != "resident":
        raise Refusal("wrong_kind")
    person = await store_people.linked(tx.conn, command.identity.subject)
    if person is None:
        raise Refusal("not_linked")
    return await store.people.get(tx.conn, person, lock=tx.locks)


async def read(tx: Tx, command: Command, rules: Rules, how: str) -> OwnOut:
    """Everything that is held on the caller, why, and who has read it."""
    person = await own_person(tx, command)
    personal = await store_people.personal(tx.conn, person.id)
    after = await store.people.save(tx, changed(person, OwnRead(person=person.id, how=how)), None)
    files = [
        FileHeldOut(**FileOut.of(file).model_dump(), attributes=await store_files.attributes(tx.conn, file.id))
        for file in await store_files.open_of(tx.conn, person.id)
    ]
    permit = await store_files.permit_of(tx.conn, person.id)
    reads = [
        ReadOut(at=at, org=org, power=power, purpose=purpose, fields=fields)
        for _, at, org, power, purpose, fields in await store_people.reads_of(tx.conn, person.id, READS)
    ]
    return OwnOut(
        person=PersonOut.of(after),
        name=personal.name,
        id_number=personal.id_number,
        birth_date=personal.birth_date,
        phone=personal.phone,
        details=dict(personal.details),
        groups=explained(rules, personal),
        files=files,
        permit=PermitOut.of(permit) if permit is not None else None,
        reads=reads,
    )


def explained(rules: Rules, personal: Personal) -> list[GroupOut]:
    """Why each group is held, and for how long."""
    made_of = {group.code: group for group in rules.groups()}
    return [
        GroupOut(
            code=group.code,
            name=words(group.name),
            purpose=words(group.purpose),
            basis=group.basis,
            sensitive=group.sensitive,
            keep_days=group.keep_days,
            held=made_of[group.code].held(personal),
        )
        for group in rules.population.groups
    ]


async def duties(tx: Tx, rules: Rules, person: Person) -> dict[str, Words]:
    """What the law wants of us as long as it stands: a registration, an open file, a permit; by a code for each."""
    found: dict[str, Words] = {}
    if person.state == PRESENT:
        registration = rules.registration(person.registration)
        if registration.duty is not None:
            found[f"registration.{registration.code}"] = registration.duty
    for file in await store_files.open_of(tx.conn, person.id):
        found[f"file.{file.kind}"] = rules.file_kind(file.kind).duty
    permit = await store_files.permit_of(tx.conn, person.id)
    if permit is not None and permit.state in STANDING:
        found["permit"] = rules.population.permit.duty
    return found


async def erase(
    tx: Tx, rules: Rules, person: Person, wanted: list[Group], standing: Mapping[str, Words], why: str
) -> tuple[Person, list[str], list[str]]:
    """What may go goes: (the person, the groups erased, the groups kept). Nothing is written where nothing may."""
    personal = await store_people.personal(tx.conn, person.id)
    going, kept = erasure.standing(wanted, standing, personal)
    if not going:
        return person, [], [group.code for group in kept]
    change, left = erasure.erase(person, personal, going, kept, why)
    after = await store.people.save(tx, change, None)
    id_hash = rules.id_hash(left.id_number) if left.id_number is not None else None
    await store_people.put_personal(tx, person.id, left, id_hash)
    if left == Personal():
        await store_people.unlink(tx, person.id)
        await store_files.forget_answers(tx, person.id)
    return after, [group.code for group in going], [group.code for group in kept]


def put(personal: Personal, field: str, value: str, rules: Rules, person: Person, tx: Tx) -> tuple[Personal, str]:
    """(what is held with that field as asked for, the sex that follows). Errors: `not_correctable`, `id_malformed`,
    `unknown_code`."""
    if field == ID:
        known = rules.identified(value, tx.now)
        return replace(personal, id_number=known.id_number, birth_date=known.birth_date), known.sex
    if field in CORRECTABLE:
        changes: dict[str, Any] = {field: value}
        return replace(personal, **changes), person.sex
    if field == BIRTH or rules.field(field) is None:
        raise Refusal("not_correctable", field=field)
    return replace(personal, details=rules.details({**personal.details, field: value})), person.sex


def words(both: Words) -> dict[str, str]:
    return {"zh": both.zh, "en": both.en}
