"""Contracts and time: when the last day of one comes, it ends by its notice or goes on without."""

from __future__ import annotations

from property.domain import contract as contracts
from property.domain.contract import ENDED, Contract
from property.domain.periods import moment
from property.store_firms import CONTRACTS
from suizhuan.unit_of_work import Tx

END = "contract.end"


async def watch(tx: Tx, contract: Contract) -> None:
    """Have its last day come."""
    if contract.ends_on is None or contract.state == ENDED:
        await tx.cancel_deadline(END, contract.id)
    else:
        await tx.deadline(END, contract.id, moment(contract.ends_on))


async def time_is_over(tx: Tx, contract: Contract) -> None:
    change = contracts.run_out(contract, tx.now)
    await watch(tx, await CONTRACTS.put(tx, change, None) if change is not None else contract)
