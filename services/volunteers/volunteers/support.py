"""Commands on pairings 一对一帮扶. Population, whose files they are about, may be away, or not be there at all: a file
is an opaque reference here."""

from __future__ import annotations

from suizhuan.commands import Command
from suizhuan.context import new_id
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx
from volunteers import desk, store, store_people
from volunteers.domain import pairing as p
from volunteers.domain.pairing import Pairing
from volunteers.rules import Rules
from volunteers.schemas_in import ArrangementIn, VisitIn
from volunteers.schemas_people import PairingFullOut, PairingOut, VisitOut


async def arrange(tx: Tx, command: Command, rules: Rules, body: ArrangementIn) -> PairingOut:
    """By a case worker. Errors: `missing_power`, `unknown_word`, `area_not_community`, `file_closed`,
    `volunteer_erased`, `not_found`."""
    org = desk.staff(command.identity)
    rules.check("needs", [body.need])
    who = await store.VOLUNTEER.take(tx, body.volunteer)
    area = await desk.place(tx, rules, trim(body.area))
    grant = await tx.act(desk.ARRANGE, desk.PAIRING, area, org)
    await _open(tx, body.file)
    change = p.arrange(pairing=new_id(), volunteer=who, org=org, need=body.need, area=area, now=tx.now)
    made = await store.PAIRING.add(tx, change, Authority.of(grant))
    await store_people.put_link(tx, made.id, body.file, body.file_consent)
    return PairingOut.of(made)


async def link(tx: Tx, command: Command, pairing_id: str, file: str, file_consent: str) -> PairingOut:
    """Say again which file it is. Errors: `missing_power`, `pairing_state`, `pairing_linked`, `file_closed`."""
    org = desk.staff(command.identity)
    found = await store.PAIRING.take(tx, pairing_id)
    command.check_version(found.version)
    grant = await tx.act(desk.ARRANGE, desk.PAIRING, found.area, org)
    await _open(tx, file)
    after = await store.PAIRING.save(tx, p.link(found), Authority.of(grant))
    await store_people.put_link(tx, found.id, file, file_consent)
    return PairingOut.of(after)


async def _open(tx: Tx, file: str) -> None:
    if await store.file_closed(tx.conn, file):
        raise Refusal("file_closed")


async def accept(tx: Tx, command: Command, pairing_id: str, consent: str) -> PairingOut:
    """By the volunteer. Errors: `not_yours`, `pairing_state`, `pairing_unlinked`."""
    found = await _mine(tx, command, pairing_id)
    after = await store.PAIRING.save(tx, p.accept(found, tx.now))
    await store_people.consent(tx, found.id, consent)
    return PairingOut.of(after)


async def visit(tx: Tx, command: Command, rules: Rules, pairing_id: str, body: VisitIn) -> VisitOut:
    """By the volunteer. Errors: `not_yours`, `unknown_word`, `pairing_state`, `pairing_unlinked`."""
    rules.check("visits", [body.finding])
    found = await _mine(tx, command, pairing_id)
    made = new_id()
    after = await store.PAIRING.save(tx, p.visit(found, visit=made, finding=body.finding, minutes=body.minutes))
    await store_people.add_visit(tx, made, found.id, body.finding, body.minutes, tx.now)
    return VisitOut(
        id=made, pairing=found.id, finding=body.finding, minutes=body.minutes, at=tx.now, version=after.version
    )


async def end(tx: Tx, command: Command, pairing_id: str, by: str) -> PairingOut:
    """By either side: the volunteer for himself, the case worker for the person or on his own account.

    Errors: `not_yours`, `missing_power`, `wrong_side`."""
    if command.identity.kind == "staff":
        org = desk.staff(command.identity)
        found = await store.PAIRING.take(tx, pairing_id)
        command.check_version(found.version)
        grant = await tx.act(desk.ARRANGE, desk.PAIRING, found.area, org)
        if by == p.BY_VOLUNTEER:
            raise Refusal("wrong_side", side=by)
        return PairingOut.of(await finish(tx, found, by, Authority.of(grant)))
    found = await _mine(tx, command, pairing_id)
    if by != p.BY_VOLUNTEER:
        raise Refusal("wrong_side", side=by)
    return PairingOut.of(await finish(tx, found, p.DECLINED if found.state == p.OFFERED else by, None))


async def finish(tx: Tx, found: Pairing, reason: str, authority: Authority | None) -> Pairing:
    """It is over, and whose file it was is forgotten here."""
    after = await store.PAIRING.save(tx, p.end(found, reason, tx.now), authority)
    await store_people.unlink(tx, found.id)
    return after


async def file_closed(tx: Tx, file: str) -> None:
    """Population has closed the file: nobody visits any more."""
    await store.note_closed(tx, file)
    for one in await store_people.pairings_of_file(tx.conn, file):
        await finish(tx, await store.PAIRING.get(tx.conn, one, lock=True), p.FILE_CLOSED, None)


async def show(tx: Tx, command: Command, pairing_id: str, purpose: str) -> PairingFullOut:
    """With the file and the consents, for who has the power; the read is recorded. Errors: `missing_power`."""
    org = desk.staff(command.identity)
    found = await store.PAIRING.take(tx, pairing_id)
    command.check_version(found.version)
    grant = await tx.act(desk.ARRANGE, desk.PAIRING, found.area, org)
    change = p.read(found, power=desk.ARRANGE, purpose=purpose)
    after = await store.PAIRING.save(tx, change, Authority.of(grant))
    link_ = (await store_people.links(tx.conn, [pairing_id])).get(pairing_id)
    return PairingFullOut(
        **PairingOut.of(after).model_dump(),
        volunteer=found.volunteer,
        purpose=purpose,
        file=link_.file if link_ else None,
        file_consent=link_.file_consent if link_ else None,
        volunteer_consent=link_.volunteer_consent if link_ else None,
    )


async def _mine(tx: Tx, command: Command, pairing_id: str) -> Pairing:
    who, _ = await desk.myself(tx, command, check=False)
    found = await store.PAIRING.take(tx, pairing_id)
    command.check_version(found.version)
    if found.volunteer != who.id:
        raise Refusal("not_yours", what="pairing", id=pairing_id)
    return found
