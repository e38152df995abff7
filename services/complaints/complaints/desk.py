"""What every command on a case has in common: taking it, and the power under which somebody acts on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from complaints import store, store_switches
from complaints.domain.case import HANDLE, SUPERVISE, VERIFICATION, Case, Change, answers_for
from complaints.domain.facts import CasesReady
from complaints.domain.intake import route, route_case
from complaints.domain.limits import next_card
from complaints.domain.verification import independent
from complaints.rules import Rules
from suizhuan.commands import Command
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import LEAD, Grant, holding
from suizhuan.unit_of_work import Authority, Tx

CARD, ROUTE, END = "case.card", "case.route", "mandate.end"
CASES_READY_SEQUENCE = 1


def staff(command: Command) -> str:
    """The organisation for which the caller works. Errors: `wrong_kind`."""
    if command.identity.kind != "staff" or command.identity.org is None:
        raise Refusal("wrong_kind")
    return command.identity.org


async def take(tx: Tx, command: Command, case: str, case_term: int | None = None) -> Case:
    """The case; locked, or looked at again when it is written.

    Errors: `not_found`, `version_conflict`, `case_term_passed`."""
    if tx.locks:
        await store.lock_grant_of(tx.conn, case)
    found = await store.get_case(tx.conn, case, lock=tx.locks)
    command.check_version(found.version)
    found.at_term(case_term)
    return found


def place_of(case: Case, grant: Grant) -> str:
    """Where the responsible organisation acts: at the case, or as owner of the whole if it took the case itself."""
    return grant.area if case.taken else case.area


async def act_as_responsible(tx: Tx, case: Case, org: str) -> Grant:
    """`org` acts on a case that it answers for, under the very grant by which it holds it.

    Errors: `missing_power` (naming who holds it), `not_responsible`, `not_routed`, and those of every act."""
    covering = await tx.covering(case.affair, case.area)
    if org != case.responsible:
        if holding(covering, org, HANDLE, case.affair, case.area, tx.now) is None:
            raise Refusal(
                "missing_power", power=HANDLE, affair=case.affair, area=case.area, org=org, holder=case.responsible
            )
        answers_for(case)
        raise Refusal("not_responsible", org=org, case=case.id, responsible=case.responsible)
    _, mandate, term = answers_for(case)
    grant = next((g for g in covering if g.mandate == mandate), None)
    if grant is None:
        grant = await tx.grant(mandate)
    now_with = route_case(covering, case.affair, case.area, tx.now)
    holder = now_with.holder if now_with else None
    if grant is None:
        raise Refusal("missing_power", power=HANDLE, affair=case.affair, area=case.area, org=org, holder=holder)
    if grant.term != term:
        raise Refusal("term_passed", term=term, current=grant.term, holder=holder)
    return await tx.act_under(grant, HANDLE, place_of(case, grant), holder=holder)


async def act_as_checker(tx: Tx, case: Case, power: str, org: str) -> Grant:
    """`org`, which must not answer for the case, checks it or signs for it.

    Where the slot's holder answers for the case itself, the next broader holder does it, as holder of the broader
    area. Errors: `self_verification`, and those of every act."""
    covering = await tx.covering(VERIFICATION, case.area)
    others = _checkers(covering, case, tx.now)
    independent(case, org, others=others[0].holder if others else None)
    slot = route_case(covering, VERIFICATION, case.area, tx.now)
    if slot is not None and slot.holder in case.workers and others and others[0].holder == org:
        return await tx.act_under(others[0], power, others[0].area, holder=org)
    return await tx.act(power, VERIFICATION, case.area, org)


async def act_as_responsible_or_supervisor(tx: Tx, case: Case, org: str) -> Grant:
    """The responsible organisation, or who supervises it. Errors: those of acting on the case."""
    if org != case.responsible:
        try:
            return await act_as_checker(tx, case, SUPERVISE, org)
        except Refusal as refusal:
            if refusal.code != "missing_power":
                raise
    return await act_as_responsible(tx, case, org)


def _checkers(covering: Sequence[Grant], case: Case, now: datetime) -> list[Grant]:
    """Who may check this case: lead holders that do not answer for it, the narrowest first."""
    leading = [g for g in covering if g.role == LEAD and g.in_time(now) and g.holder not in case.workers]
    return sorted(leading, key=lambda g: -len(g.area))


async def save(tx: Tx, change: Change, grant: Grant | None, *, org: str | None = None) -> Case:
    """Write the case, and keep its card and its grant's end in mind."""
    authority = Authority.of(grant) if grant is not None else authority_of(change.case)
    return await store.save(tx, change, authority, org=org)


def authority_of(case: Case) -> Authority | None:
    """The grant under which the case is held."""
    if case.mandate is None or case.term is None:
        return None
    return Authority(case.mandate, case.term)


async def watch_cards(tx: Tx, case: Case) -> None:
    """Have the next card raised in time; none while nobody is at work."""
    card = next_card(case)
    if card is None:
        await tx.cancel_deadline(CARD, case.id)
    else:
        await tx.deadline(CARD, case.id, card[1])


async def watch_end(tx: Tx, rules: Rules, grant: Grant) -> None:
    """A grant with a planned end holds open cases: its holds are asked for ahead, its cases move when it is over."""
    if grant.ends_at is None:
        return
    ahead, after = grant.ends_at - rules.end_lead, grant.ends_at + rules.timing.handover_gap
    await tx.deadline(END, grant.mandate, ahead if tx.now < ahead else after)


async def try_to_route(tx: Tx, rules: Rules, case: Case) -> tuple[Change, Grant] | None:
    """Who answers for a case that nobody answers for yet; None while nobody holds its affair.

    The grant is kept as it is until this transaction ends, so that a switch which moves it sees this case, too."""
    grant = None
    while True:
        covering = await tx.covering(case.affair, case.area)
        found = route_case(covering, case.affair, case.area, tx.now)
        if found is None:
            return None
        if grant is not None and (found.mandate, found.term) == (grant.mandate, grant.term):
            break
        await tx.pin(found)
        grant = found
        if not tx.locks:
            break
    price = rules.price(case.affair, await store.price_of(tx.conn, case.affair))
    return route(case, grant, price, tx.now), grant


async def leave_switch(tx: Tx, before: Case) -> None:
    """The case ended while a switch waited for its hold: the switch waits for one answer less."""
    if before.switch is not None:
        tx.require_locks()
        await answered(tx, before.switch, before.id, store_switches.GONE, None)


async def answered(tx: Tx, ref: str, case: str, state: str, hold: str | None) -> None:
    """Note an answer; with the last one the switch may go on."""
    cases = await store_switches.answer(tx.conn, ref, case, state, hold)
    if cases is not None and not ref.startswith("end:"):
        tx.emit(CasesReady(switch=ref, cases=cases), key=ref, sequence=CASES_READY_SEQUENCE)
