"""Queries of owners, who they are, their meetings, rolls and ballots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from property import tables_owners as t
from property.domain import meeting, owner
from property.domain.facts_owners import Motion, Result
from property.domain.meeting import Meeting
from property.domain.owner import DEVELOPER, Owner
from property.domain.tally import Vote
from property.store import Kept
from suizhuan.db.statements import upsert
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

_READ: Mapping[str, TypeAdapter[Any]] = {
    "motions": TypeAdapter(tuple[Motion, ...]),
    "results": TypeAdapter(tuple[Result, ...]),
}


class KeptMeetings(Kept[Meeting]):
    """Motions and results are lists in their columns."""

    def read(self, name: str, value: Any) -> Any:
        return _READ[name].validate_python(value) if name in _READ else value

    def written(self, name: str, value: Any) -> Any:
        return [asdict(one) for one in value] if name in _READ else value


OWNERS: Kept[Owner] = Kept(t.owners, Owner, "owner", owner.after)
MEETINGS = KeptMeetings(t.meetings, Meeting, "meeting", meeting.after)
ADD_OWNER_PRIVATE, ADD_WORDS, ADD_ROLL = insert(t.owner_private), insert(t.motion_words), insert(t.roll)
PUT_BALLOT = upsert(t.ballots, "meeting", "owner", "number")
_VOTER = (
    select(t.roll.c.owner)
    .join(t.owner_private, t.owner_private.c.owner == t.roll.c.owner)
    .where(t.roll.c.meeting == bindparam("b_meeting"), t.owner_private.c.account == bindparam("b_account"))
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who an owner is. `account` is the subject of the token with which that one votes."""

    name: str
    phone: str | None
    account: str | None


async def add_person(tx: Tx, key: str, person: Person) -> None:
    await tx.write(ADD_OWNER_PRIVATE, {"owner": key, **asdict(person)})


async def person(conn: AsyncConnection, key: str) -> Person:
    """Errors: `personal_data_lost`: a restore took the owner from the log, which never knew it."""
    row = (await conn.execute(select(t.owner_private).where(t.owner_private.c.owner == key))).one_or_none()
    if row is None:
        raise Refusal("personal_data_lost", id=key)
    return Person(row.name, row.phone, row.account)


async def account_taken(conn: AsyncConnection, estate: str, account: str) -> bool:
    """Whether an owner of that estate votes by this account already: one head, one account."""
    joined = t.owner_private.join(t.owners, t.owners.c.id == t.owner_private.c.owner)
    query = select(t.owners.c.id).select_from(joined)
    query = query.where(t.owners.c.estate == estate, t.owner_private.c.account == account).limit(1)
    return (await conn.execute(query)).first() is not None


async def of_estate(conn: AsyncConnection, estate: str) -> dict[str, int]:
    """dm² by owner, of those who own anything there."""
    query = select(t.owners.c.id, t.owners.c.size_dm2).where(t.owners.c.estate == estate, t.owners.c.units > 0)
    return {row.id: int(row.size_dm2) for row in await conn.execute(query.order_by(t.owners.c.id))}


async def developers(conn: AsyncConnection, estate: str) -> int:
    """How many developers still own something of an estate."""
    c = t.owners.c
    query = select(func.count()).where(c.estate == estate, c.kind == DEVELOPER, c.units > 0)
    return int((await conn.execute(query)).scalar_one())


async def close_roll(tx: Tx, key: str, sizes: Mapping[str, int]) -> None:
    """Who may vote, with which area, as it is now."""
    await tx.write(ADD_ROLL, [{"meeting": key, "owner": one, "size_dm2": size} for one, size in sizes.items()])


async def add_words(tx: Tx, key: str, words: Mapping[int, str]) -> None:
    await tx.write(ADD_WORDS, [{"meeting": key, "number": number, "words": said} for number, said in words.items()])


async def words(conn: AsyncConnection, keys: Collection[str]) -> dict[str, dict[int, str]]:
    """What the motions of these meetings say, by meeting and number; nothing of those that a restore brought back."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    if keys:
        for row in await conn.execute(select(t.motion_words).where(t.motion_words.c.meeting.in_(sorted(keys)))):
            found[row.meeting][int(row.number)] = row.words
    return found


async def voter(conn: AsyncConnection, key: str, account: str) -> str | None:
    """The owner on the roll of a meeting that votes by this account."""
    found: str | None = (await conn.execute(_VOTER, {"b_meeting": key, "b_account": account})).scalar_one_or_none()
    return found


async def ballot(conn: AsyncConnection, key: str, owner_: str) -> dict[int, str]:
    """How an owner has voted so far, by motion."""
    c = t.ballots.c
    query = select(c.number, c.choice).where(c.meeting == key, c.owner == owner_, c.choice.is_not(None))
    return {int(row.number): row.choice for row in await conn.execute(query)}


async def put_ballot(tx: Tx, key: str, owner_: str, choices: Mapping[int, str | None]) -> None:
    """The meeting's row is the lock: change that one in the same transaction."""
    rows = [
        {"meeting": key, "owner": owner_, "number": number, "choice": choice}
        for number, choice in sorted(choices.items())
    ]
    await tx.write(PUT_BALLOT, rows)


async def votes(conn: AsyncConnection, key: str) -> dict[int, list[Vote]]:
    """All ballots of a meeting by motion, with the area of the roll."""
    b, r = t.ballots.c, t.roll.c
    joined = t.ballots.join(t.roll, (r.meeting == b.meeting) & (r.owner == b.owner))
    query = select(b.number, b.choice, r.size_dm2).select_from(joined)
    found: dict[int, list[Vote]] = defaultdict(list)
    for row in await conn.execute(query.where(b.meeting == key, b.choice.is_not(None))):
        found[int(row.number)].append(Vote(int(row.size_dm2), row.choice))
    return found


async def lost_ballots(conn: AsyncConnection, keys: Collection[str]) -> dict[str, int]:
    """By meeting, how many owners voted and a restore lost how: they may vote again until the end."""
    if not keys:
        return {}
    b = t.ballots.c
    query = select(b.meeting, func.count(func.distinct(b.owner))).where(b.meeting.in_(sorted(keys)), b.choice.is_(None))
    return {row[0]: int(row[1]) for row in await conn.execute(query.group_by(b.meeting))}
