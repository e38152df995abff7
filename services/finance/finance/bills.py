"""Bills in a transaction: what other departments ask by event, and finance's answers."""

from __future__ import annotations

from dataclasses import replace

from finance import store, store_bills
from finance.domain import bill as b
from finance.domain import facts, ledger
from finance.domain.bill import Bill
from finance.domain.earmark import ACTIVE
from finance.domain.facts import Line
from finance.money import Money
from suizhuan import bills as asked
from suizhuan.unit_of_work import Tx


class Bills:
    """The rules of bills. An event that does not fit the state of its bill, or comes again, changes nothing."""

    def __init__(self, money: Money) -> None:
        self.money = money

    # --- income -------------------------------------------------------------------------------------------------

    async def income_due(self, tx: Tx, service: str, said: asked.IncomeDue) -> None:
        """It is receivable, and income. Errors: `unknown_organisation`."""
        if await store_bills.find(tx.conn, service, said.bill) is not None:
            return
        await store.organisation(tx.conn, said.org)
        made = Bill(service, said.bill, b.INCOME, said.org, None, said.what, said.amount_fen, b.BOOKED, version=1)
        entry = await self._post(
            tx, made, "due", ledger.income_due(self.money.roles, said.org, said.what, said.amount_fen)
        )
        await self._say(
            tx,
            made,
            facts.BillBooked(service=service, bill=made.bill, org=made.org, amount_fen=made.amount_fen, entry=entry),
        )

    async def income_received(self, tx: Tx, service: str, bill: str) -> None:
        """What was receivable is in the bank."""
        found = await store_bills.find(tx.conn, service, bill)
        if found is None or found.state != b.BOOKED:
            return
        lines = ledger.income_received(self.money.roles, found.org, found.amount_fen)
        entry = await self._post(tx, found, "received", lines)
        paid = found.now(b.PAID, found.amount_fen)
        await self._say(tx, paid, _paid(paid, found.org, entry))

    # --- cost ---------------------------------------------------------------------------------------------------

    async def cost_planned(
        self, tx: Tx, service: str, said: asked.CostPlanned, *, org: str | None, under: str | None
    ) -> None:
        """Hold it from the earmark, or say why not. `org` and `under` are the event's own: who said it, under what."""
        if await store_bills.find(tx.conn, service, said.bill) is not None:
            return
        earmark = await store.earmark(tx.conn, said.mandate, lock=True)
        asker, amount = org or "", said.amount_fen
        made = Bill(service, said.bill, b.COST, asker, said.mandate, said.what, amount, b.HELD, version=1)
        if under != said.mandate or (earmark is not None and earmark.holder != org):
            await self._refuse(tx, made, b.NOT_UNDER_MANDATE)
        elif earmark is None or earmark.state != ACTIVE:
            await self._refuse(tx, made, b.NO_EARMARK)
        elif earmark.available_fen < amount:
            await self._refuse(tx, made, b.SHORT, amount - earmark.available_fen)
        else:
            await store.save_earmark(tx, earmark.hold(amount))
            held = facts.BillHeld(service=service, bill=made.bill, mandate=said.mandate, amount_fen=amount)
            await self._say(tx, made, held)

    async def cost_incurred(self, tx: Tx, service: str, said: asked.CostIncurred) -> None:
        """Who did the work gets what it cost, at most what is held; the rest is free again.

        Errors: `unknown_organisation`."""
        found = await store_bills.find(tx.conn, service, said.bill)
        if found is None or found.state != b.HELD:
            return
        if said.amount_fen > found.amount_fen:
            more = said.amount_fen - found.amount_fen
            stays = replace(found, version=found.version + 1)
            await self._say(tx, stays, _refused(stays, b.ABOVE_HOLD, more))
            return
        await store.organisation(tx.conn, said.payee)
        earmark = await store.earmark(tx.conn, found.mandate, lock=True)
        assert earmark is not None  # it was held from it
        paid = found.now(b.PAID, said.amount_fen)
        lines = (
            ledger.pay_from_earmark(self.money.roles, earmark.holder, earmark.mandate, said.payee, said.amount_fen)
            if said.amount_fen
            else []
        )
        entry = await self._post(tx, found, "incurred", lines, kind="capture")
        await self._say(tx, paid, _paid(paid, said.payee, entry))
        left = earmark.capture(said.amount_fen, held=True).release(found.amount_fen - said.amount_fen)
        await self.money.after(tx, left, cause=f"return:bill:{found.key}")

    async def withdrawn(self, tx: Tx, service: str, bill: str) -> None:
        """What is held is free again, what is receivable is reversed."""
        found = await store_bills.find(tx.conn, service, bill)
        if found is None or not found.open:
            return
        entry: str | None = None
        if found.state == b.BOOKED:
            due = ledger.income_due(self.money.roles, found.org, found.what, found.amount_fen)
            entry = await self._post(tx, found, "withdrawn", ledger.reversed_lines(due), kind="reversal")
        released = found.now(b.RELEASED)
        await self._say(
            tx,
            released,
            facts.BillReleased(service=service, bill=bill, amount_fen=found.amount_fen, entry=entry),
        )
        earmark = await store.earmark(tx.conn, found.mandate, lock=True)
        if earmark is not None:
            await self.money.after(tx, earmark.release(found.amount_fen), cause=f"return:bill:{found.key}")

    # --- both ---------------------------------------------------------------------------------------------------

    async def _refuse(self, tx: Tx, wanted: Bill, reason: str, shortfall_fen: int = 0) -> None:
        refused = replace(wanted, state=b.REFUSED)
        await self._say(tx, refused, _refused(refused, reason, shortfall_fen))

    async def _post(self, tx: Tx, bill: Bill, step: str, lines: list[Line], *, kind: str = "bill") -> str | None:
        cause = f"bill:{bill.key}:{step}"
        return await store.post(tx, lines, kind=kind, cause=cause, memo=MEMOS[step], mandate=bill.mandate)

    async def _say(self, tx: Tx, bill: Bill, fact: object) -> None:
        await store_bills.save(tx, bill)
        tx.emit(fact, key=bill.key, sequence=bill.version)


MEMOS = {"due": "应收收入", "received": "收到应收款", "incurred": "办结付费", "withdrawn": "冲销应收收入"}


def _paid(bill: Bill, payee: str, entry: str | None) -> facts.BillPaid:
    return facts.BillPaid(
        service=bill.service,
        bill=bill.bill,
        payee=payee,
        mandate=bill.mandate,
        amount_fen=bill.paid_fen,
        entry=entry,
    )


def _refused(bill: Bill, reason: str, shortfall_fen: int) -> facts.BillRefused:
    return facts.BillRefused(service=bill.service, bill=bill.bill, reason=reason, shortfall_fen=shortfall_fen)
