"""Earmarks, holds and payments in a transaction: what the events of others do to the ledger (authority.md §4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from finance import store
from finance.domain import facts, ledger
from finance.domain.earmark import ACTIVE, CLAIM, ENDED, LUMP, SETTLED, Earmark
from suizhuan.unit_of_work import Authority, Tx


class Money:
    """The rules of the money, for the chart of one profile."""

    def __init__(self, roles: ledger.Roles) -> None:
        self.roles = roles

    # --- earmarks -----------------------------------------------------------------------------------------------

    async def fund(self, tx: Tx, wanted: Earmark, *, emergency: bool) -> None:
        """Set the money of a mandate aside, or say what is short."""
        if await store.earmark(tx.conn, wanted.mandate, lock=True) is not None:
            return
        free = await store.available(tx.conn, wanted.payer, self.roles.bank, lock=True)
        amount = wanted.amount_fen
        if free < amount:
            fact: object = facts.EarmarkRefused(
                mandate=wanted.mandate,
                payer=wanted.payer,
                amount_fen=amount,
                available_fen=free,
                shortfall_fen=amount - free,
            )
            claim = replace(wanted, amount_fen=0, state=CLAIM if emergency else SETTLED, version=1)
            await self._keep(tx, claim, fact)
            if emergency:
                booked = facts.ClaimBooked(
                    mandate=wanted.mandate, payer=wanted.payer, holder=wanted.holder, amount_fen=amount, entry=None
                )
                await self._keep(tx, replace(claim, version=2), booked)
            return
        lines = ledger.fund(self.roles, wanted.payer, wanted.holder, wanted.mandate, amount) if amount else []
        entry = await store.post(
            tx, lines, kind="earmark", cause=f"fund:{wanted.mandate}", memo="专项设立", mandate=wanted.mandate
        )
        funded = facts.EarmarkFunded(
            earmark=wanted.mandate,
            mandate=wanted.mandate,
            payer=wanted.payer,
            holder=wanted.holder,
            amount_fen=amount,
            basis=wanted.basis,
            entry=entry,
        )
        await self._keep(tx, replace(wanted, version=1), funded)

    async def end(
        self, tx: Tx, mandate: str, *, starts_at: datetime, ends_at: datetime | None, ended_at: datetime
    ) -> None:
        """The mandate has ended: the holder keeps what it has earned, the rest goes back to the payer."""
        found = await store.earmark(tx.conn, mandate, lock=True)
        if found is None or found.state not in (ACTIVE, CLAIM):
            return
        earned = found.earned_fen(starts_at, ends_at, ended_at) if found.basis == LUMP else 0
        if earned:
            lines = ledger.pay_from_earmark(self.roles, found.holder, mandate, found.holder, earned)
            await store.post(tx, lines, kind="capture", cause=f"earned:{mandate}", memo="包干经费结算", mandate=mandate)
            found = found.capture(earned, held=False)
        await self.settle(tx, replace(found, state=ENDED), cause=f"return:{mandate}")

    async def settle(self, tx: Tx, ended: Earmark, *, cause: str) -> None:
        """Return what is left of an ended earmark; it is settled when nothing is held any more."""
        left = ended.available_fen
        if left > 0:
            lines = ledger.give_back(self.roles, ended.payer, ended.holder, ended.mandate, left)
            entry = await store.post(tx, lines, kind="return", cause=cause, memo="专项余额退回", mandate=ended.mandate)
            ended = replace(ended.give_back(left), version=ended.version + 1)
            returned = facts.EarmarkReturned(
                earmark=ended.mandate,
                mandate=ended.mandate,
                payer=ended.payer,
                holder=ended.holder,
                amount_fen=left,
                entry=entry or "",
            )
            await self._keep(tx, ended, returned)
        if ended.held_fen == 0:
            ended = replace(ended, state=SETTLED, version=ended.version + 1)
            settled = facts.EarmarkSettled(
                earmark=ended.mandate,
                mandate=ended.mandate,
                captured_fen=ended.captured_fen,
                returned_fen=ended.returned_fen,
            )
            await self._keep(tx, ended, settled)
        else:
            await store.save_earmark(tx, ended)

    async def _keep(self, tx: Tx, earmark: Earmark, fact: object) -> None:
        await store.save_earmark(tx, earmark)
        tx.emit(fact, key=earmark.mandate, sequence=earmark.version)

    # --- holds --------------------------------------------------------------------------------------------------

    async def hold(
        self, tx: Tx, *, purpose: str, ref: str, case: str, case_term: int, payer: str, mandate: str | None, amount: int
    ) -> bool:
        """Hold `amount` for one movement of a case, or say what is short; True when it was placed.

        From the earmark `mandate` if it has one, else from `payer`'s budget: never from the community's own purse.
        """
        if await store.is_answered(tx.conn, ref, case):
            return True
        earmark = await store.earmark(tx.conn, mandate, lock=True)
        if earmark is not None and earmark.state not in (ACTIVE, ENDED):
            earmark = None
        if earmark is not None:
            free, payer = earmark.available_fen, earmark.holder
        else:
            free = await store.available(tx.conn, payer, self.roles.bank, lock=True)
        source = earmark.mandate if earmark else None
        if free < amount:
            if purpose == "switch" and source is not None:
                return False  # the affair owner's budget is asked next
            refused = facts.HoldRefused(
                purpose=purpose,
                ref=ref,
                case=case,
                case_term=case_term,
                payer=payer,
                mandate=source,
                amount_fen=amount,
                available_fen=free,
                shortfall_fen=amount - free,
            )
            await self._say(tx, case, refused)
            return True
        hold = tx.context.event_id(f"hold:{ref}:{case}", 0)
        await store.add_hold(
            tx,
            id=hold,
            purpose=purpose,
            ref=ref,
            case=case,
            case_term=case_term,
            payer=payer,
            mandate=source,
            amount_fen=amount,
        )
        if earmark is not None:
            await store.save_earmark(tx, earmark.hold(amount))
        placed = facts.HoldPlaced(
            hold=hold,
            purpose=purpose,
            ref=ref,
            case=case,
            case_term=case_term,
            payer=payer,
            mandate=source,
            amount_fen=amount,
        )
        await self._say(tx, case, placed)
        return True

    async def give_up(self, tx: Tx, ref: str, case: str, reason: str) -> None:
        """A movement was refused: release what is held for it, and hold nothing for it later."""
        await store.give_up(tx, ref, case)
        for row in await store.holds(tx.conn, case, ref=ref):
            await self.release(tx, row, reason)

    async def release(self, tx: Tx, row: Any, reason: str) -> None:
        """The held money is free again; from an ended earmark it goes back to the payer."""
        await store.end_hold(tx, row.id, store.RELEASED)
        released = facts.HoldReleased(
            hold=row.id, case=row.case, payer=row.payer, mandate=row.mandate, amount_fen=row.amount_fen, reason=reason
        )
        await self._say(tx, row.case, released)
        earmark = await store.earmark(tx.conn, row.mandate, lock=True)
        if earmark is not None:
            await self.after(tx, earmark.release(row.amount_fen), cause=f"return:{row.id}")

    async def after(self, tx: Tx, earmark: Earmark, *, cause: str) -> None:
        """Less is held of this earmark: write it, and return the rest if its mandate has ended."""
        if earmark.state == ENDED:
            await self.settle(tx, earmark, cause=cause)
        else:
            await store.save_earmark(tx, earmark)

    async def _say(self, tx: Tx, case: str, fact: object, authority: Authority | None = None) -> None:
        tx.emit(fact, key=case, sequence=await store.next_of_case(tx, case), authority=authority)

    # --- payment ------------------------------------------------------------------------------------------------

    async def pay(self, tx: Tx, *, case: str, case_term: int, payee: str, mandate: str, owner: str, price: int) -> None:
        """A verified case is paid, once: open holds first, then the earmark, then the owner's budget."""
        if not await store.take_payment(tx, case):
            return
        left, used, entry = price, [], None
        for row in await store.holds(tx.conn, case):
            if left <= 0:
                await self.release(tx, row, "surplus")
                continue
            entry = await self._capture(tx, row, payee, min(left, row.amount_fen)) or entry
            used.append(row.id)
            left -= min(left, row.amount_fen)
        source: str | None = None
        if left > 0:
            source, paid = await self._pay_rest(tx, case, payee, mandate, owner, left)
            entry = paid or entry
            left = 0 if source is not None or paid is not None or owner == payee else left
        if left > 0:
            unpaid = facts.CaseUnpaid(
                case=case,
                case_term=case_term,
                payee=payee,
                payer=owner,
                mandate=mandate,
                price_fen=price,
                shortfall_fen=left,
            )
            await self._say(tx, case, unpaid)
            return
        done = facts.CasePaid(
            case=case,
            case_term=case_term,
            payee=payee,
            mandate=source,
            holds=used,
            amount_fen=price,
            price_fen=price,
            entry=entry,
        )
        await self._say(tx, case, done)

    async def _capture(self, tx: Tx, row: Any, payee: str, amount: int) -> str | None:
        """The held money becomes the worker's; what the price does not need is free again."""
        earmark = await store.earmark(tx.conn, row.mandate, lock=True)
        if earmark is not None:
            lines = ledger.pay_from_earmark(self.roles, earmark.holder, earmark.mandate, payee, amount)
        else:
            lines = ledger.pay_from_budget(self.roles, row.payer, payee, amount)
        entry = await store.post(
            tx, lines, kind="capture", cause=f"capture:{row.id}", memo="办结付费", case=row.case, mandate=row.mandate
        )
        await store.end_hold(tx, row.id, store.CAPTURED)
        captured = facts.HoldCaptured(
            hold=row.id,
            case=row.case,
            payer=row.payer,
            payee=payee,
            mandate=row.mandate,
            amount_fen=amount,
            entry=entry,
        )
        await self._say(tx, row.case, captured)
        if earmark is not None:
            rest = row.amount_fen - amount
            await self.after(tx, earmark.capture(amount, held=True).release(rest), cause=f"return:{row.id}")
        return entry

    async def _pay_rest(
        self, tx: Tx, case: str, payee: str, mandate: str, owner: str, amount: int
    ) -> tuple[str | None, str | None]:
        """(the mandate whose earmark paid, the entry); (None, None) when neither earmark nor owner can."""
        earmark = await store.earmark(tx.conn, mandate, lock=True)
        if earmark is not None and earmark.state == ACTIVE and earmark.available_fen >= amount:
            lines = ledger.pay_from_earmark(self.roles, earmark.holder, mandate, payee, amount)
            entry = await store.post(
                tx, lines, kind="capture", cause=f"pay:{case}", memo="办结付费", case=case, mandate=mandate
            )
            await store.save_earmark(tx, earmark.capture(amount, held=False))
            return mandate, entry
        if owner != payee and await store.available(tx.conn, owner, self.roles.bank, lock=True) >= amount:
            lines = ledger.pay_from_budget(self.roles, owner, payee, amount)
            return None, await store.post(tx, lines, kind="capture", cause=f"pay:{case}", memo="办结付费", case=case)
        return None, None
