"""After a restore: volunteers takes over what its log knows further (authority.md §5).

What identifies people was never on the log. Of a volunteer whom the backup does not know the identity he signs in with
is kept (the event says it); name, ID, birth date and phone are lost, as is whatever was corrected since, and he
cannot sign up for a shift before he has said them again (`identity_missing`). Titles are lost, the codes of shifts are
new, and a pairing has to be told anew whose file it is about (`pairing_unlinked`). Who was erased since is erased
again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from suizhuan.cloudevents import Event
from suizhuan.reconcile import Adoption
from suizhuan.unit_of_work import Tx
from volunteers import people, store, store_people, store_service
from volunteers.activities import CODE_LETTERS
from volunteers.domain import facts as f
from volunteers.domain import facts_service as s
from volunteers.domain import recognition, shift
from volunteers.domain.adopting import after_fact, begun_by
from volunteers.domain.adopting_shifts import placed, planned
from volunteers.events import ACTIVITY, BILL, COURSE, EVENTS, PAIRING, SHIFT, TEAM, VOLUNTEER
from volunteers.store import Kept
from volunteers.store_people import Personal

Beside = Callable[[Tx, Event, Any], Awaitable[None]]
PERSONAL = ("name", "phone", "skill_note", "guardian_consent", "id_number")
_KEPT: Mapping[str, Kept[Any]] = {
    VOLUNTEER.name: store.VOLUNTEER,
    TEAM.name: store.TEAM,
    ACTIVITY.name: store.ACTIVITY,
    COURSE.name: store.COURSE,
    PAIRING.name: store.PAIRING,
}


def _fact(event: Event) -> Any:
    return TypeAdapter(EVENTS.types[event.type].data).validate_python(event.data)


def _check(version: int, event: Event) -> None:
    if version != event.sequence:
        raise ValueError(f"it is version {version} here, {event.sequence} on the log")


async def take(tx: Tx, event: Event) -> None:
    """Any fact of an aggregate that stands by itself, and what is written beside it."""
    fact, kept = _fact(event), _KEPT[event.topic]
    now = begun_by(fact, event.time)
    if now is None:
        before = await kept.find(tx.conn, event.key, lock=True)
        if before is None:
            raise ValueError(f"a {kept.what} of which nothing is known")
        now = after_fact(before, fact, event.time)
    _check(now.version, event)
    beside = _BESIDE.get(type(fact))
    if beside is not None:  # first: it may look at what stood there before
        await beside(tx, event, fact)
    await kept.put(tx, now)


async def take_shift(tx: Tx, event: Event) -> None:
    """A shift and the places in it."""
    fact = _fact(event)
    if isinstance(fact, s.ShiftPlanned):
        made = planned(fact)
        _check(made.version, event)
        await store.SHIFT.put(tx, made)
        await store_service.put_code(tx, made.id, people.number(CODE_LETTERS))
        return
    found = await store.SHIFT.find(tx.conn, event.key, lock=True)
    if found is None:
        raise ValueError("a shift of which nothing is known")
    if isinstance(fact, s.ShiftCancelled):
        now = shift.cancel(found).state
        await store_service.free_all(tx, found.id)
    else:
        place = await store_service.find_sign_up(tx.conn, found.id, fact.volunteer)
        made_ = placed(found, place, fact, event.time)
        now = made_.shift.state
        await store_service.put_sign_up(tx, made_.sign_up)
    _check(now.version, event)
    await store.SHIFT.put(tx, now)


async def take_bill(tx: Tx, event: Event) -> None:
    """What was asked of finance stands in the activity, whose own facts say it."""
    if await store.ACTIVITY.find(tx.conn, event.key.rpartition(".")[0]) is None:
        raise ValueError("a bill of an activity of which nothing is known")


async def _registered(tx: Tx, event: Event, fact: f.VolunteerRegistered) -> None:
    await store_people.put_personal(tx, Personal(fact.volunteer, event.attribute("actor") or ""))


async def _corrected(tx: Tx, _event: Event, fact: f.VolunteerCorrected) -> None:
    """What stands here of these fields was put right since: it is wrong."""
    who = await store_people.personal(tx.conn, fact.volunteer)
    if who is None:
        return
    lost: dict[str, Any] = {name: None for name in fact.fields if name in PERSONAL}
    if "id_number" in lost:
        lost["born"] = None
    await store_people.put_personal(tx, replace(who, **lost))


async def _erased(tx: Tx, _event: Event, fact: f.VolunteerErased) -> None:
    who = await store_people.personal(tx.conn, fact.volunteer)
    await store_people.keep_awards(tx, fact.volunteer)
    if who is not None:
        await store_people.forget(tx, who)


async def _trained(tx: Tx, event: Event, fact: f.TrainingAttended) -> None:
    await store_people.put_trained(tx, fact.volunteer, fact.training, fact.course, event.time, fact.valid_until)


async def _award(tx: Tx, event: Event, fact: f.AwardGiven) -> None:
    who = await store.VOLUNTEER.get(tx.conn, fact.volunteer)
    _, award = recognition.give(who, award=fact.award, kind=fact.kind, giver=fact.giver, now=event.time)
    await store_people.put_award(tx, award)


async def _consented(tx: Tx, _event: Event, fact: f.AwardConsented) -> None:
    """Under what name is lost: it is not shown under any."""
    who = await store.VOLUNTEER.get(tx.conn, fact.volunteer)
    before = await store_people.get_award(tx.conn, fact.award)
    _, award = recognition.consent(who, before, publish=fact.publish)
    await store_people.put_award(tx, award)
    await store_people.show_award(tx, award, None)


async def _certified(tx: Tx, event: Event, fact: f.CertificateIssued) -> None:
    who = await store.VOLUNTEER.get(tx.conn, fact.volunteer)
    _, made = recognition.certify(who, number=fact.number, issuer=fact.issuer, minutes=fact.minutes, now=event.time)
    await store_people.add_certificate(tx, made)


async def _joined(tx: Tx, _event: Event, fact: f.TeamJoined) -> None:
    await store_people.join(tx, fact.team, fact.volunteer)


async def _left(tx: Tx, _event: Event, fact: f.TeamLeft) -> None:
    await store_people.leave(tx, fact.team, fact.volunteer)


async def _visited(tx: Tx, event: Event, fact: f.PairingVisited) -> None:
    await store_people.add_visit(tx, fact.visit, fact.pairing, fact.finding, fact.minutes, event.time)


async def _unlink(tx: Tx, _event: Event, fact: f.PairingLinked | f.PairingEnded) -> None:
    await store_people.unlink(tx, fact.pairing)


_BESIDE: Mapping[type[Any], Beside] = {
    f.VolunteerRegistered: _registered,
    f.VolunteerCorrected: _corrected,
    f.VolunteerErased: _erased,
    f.TrainingAttended: _trained,
    f.AwardGiven: _award,
    f.AwardConsented: _consented,
    f.CertificateIssued: _certified,
    f.TeamJoined: _joined,
    f.TeamLeft: _left,
    f.PairingVisited: _visited,
    f.PairingLinked: _unlink,
    f.PairingEnded: _unlink,
}
_TAKERS = {**dict.fromkeys(_KEPT, take), SHIFT.name: take_shift, BILL.name: take_bill}
# What was never on the log, of what the backup does not know.
UNSAID = {
    "volunteers.volunteer.registered": "姓名、证件、生日与电话，须重报 / name, ID, birth date, phone: to be said again",
    "volunteers.volunteer.corrected": "更正的内容 / what was corrected",
    "volunteers.team.founded": "名称 / title",
    "volunteers.activity.planned": "名称 / title",
    "volunteers.course.planned": "名称 / title",
    "volunteers.shift.planned": "签到码（已换新）/ its code: it has a new one",
    "volunteers.pairing.arranged": "对应的档案，须重新关联 / whose file it is about: to be linked again",
}
ADOPTION = Adoption(
    facts={e.name: _TAKERS[e.topic] for e in EVENTS.types.values() if e.topic in _TAKERS}, unsaid=UNSAID
)
