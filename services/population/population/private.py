"""Personal data of people: read under the power over the grid where each lives, for a purpose of the profile; every
read is an event, and the person can see it."""

from __future__ import annotations

from collections.abc import Sequence

from population import desk, store, store_people
from population.domain.change import changed
from population.domain.facts import PrivateRead
from population.domain.person import ERASED, Person, Personal
from population.domain.powers import READ_PERSON, REGISTER
from population.rules import Rules
from population.schemas import PrivateOut
from suizhuan.commands import Command
from suizhuan.kernel.area import contains
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx


async def read(tx: Tx, command: Command, rules: Rules, person_id: str, purpose: str) -> PrivateOut:
    """One person's. Errors: `not_found`, `unknown_code`, `personal_data_gone`, and those of every act."""
    person = await store.people.get(tx.conn, person_id, lock=tx.locks)
    (found,) = await reveal(tx, command, rules, [person], purpose)
    return found


async def search(tx: Tx, command: Command, rules: Rules, area: str, id_number: str, purpose: str) -> PrivateOut:
    """Whoever has exactly this ID in the area. Errors: as `read`; also of an ID that nobody has there: without the
    power nobody learns whether there is one."""
    await desk.act(tx, command, READ_PERSON, REGISTER, area)
    checked = rules.purpose(purpose)
    known = rules.identified(id_number, tx.now)
    found = await store_people.with_id(tx.conn, rules.id_hash(known.id_number))
    person = await store.people.find(tx.conn, found, lock=tx.locks) if found is not None else None
    if person is None or not contains(area, person.grid):
        raise Refusal("not_found", what="person", id="?")
    (one,) = await reveal(tx, command, rules, [person], checked)
    return one


async def reveal(tx: Tx, command: Command, rules: Rules, people: Sequence[Person], purpose: str) -> list[PrivateOut]:
    """What identifies these, each read noted. Errors: `missing_power` for the first grid where the caller has none."""
    org = desk.staff_of(command.identity)
    why = rules.purpose(purpose)
    authorities = {
        grid: await desk.act(tx, command, READ_PERSON, REGISTER, grid) for grid in sorted({p.grid for p in people})
    }
    found = []
    for person in people:
        person.needs_data()
        personal = await store_people.personal(tx.conn, person.id)
        fact = PrivateRead(person=person.id, power=READ_PERSON, purpose=why, fields=held(personal))
        after = await store.people.save(tx, changed(person, fact), authorities[person.grid])
        await store_people.note_read(tx, after.version, fact, org)
        found.append(_out(after, personal, why))
    return found


def readable(person: Person) -> bool:
    """Whether anything is left to read."""
    return person.state != ERASED and not person.lost


def held(personal: Personal) -> list[str]:
    """The names of the fields that are held."""
    plain = [name for name in ("name", "id_number", "birth_date", "phone") if getattr(personal, name) is not None]
    return [*plain, *sorted(personal.details)]


def _out(person: Person, personal: Personal, purpose: str) -> PrivateOut:
    return PrivateOut(
        person=person.id,
        purpose=purpose,
        name=personal.name,
        id_number=personal.id_number,
        birth_date=personal.birth_date,
        phone=personal.phone,
        details=dict(personal.details),
        version=person.version,
    )
