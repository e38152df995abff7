"""Personal data of a case: read under a power on that very case and for a purpose, and every read is an event."""

from __future__ import annotations

from complaints import desk, store
from complaints.domain.case import HANDLE, VERIFY, Case
from complaints.domain.facts import PrivateRead
from complaints.schemas import PrivateOut
from suizhuan.commands import Command
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from suizhuan.unit_of_work import Tx


async def read(tx: Tx, command: Command, case_id: str, purpose: str) -> PrivateOut:
    """Errors: `missing_power`, `wrong_kind`, and those of every act."""
    org = desk.staff(command)
    case = await desk.take(tx, command, case_id)
    grant, power = await _reader(tx, case, org)
    fact = PrivateRead(case=case.id, case_term=case.case_term, power=power, purpose=purpose)
    after = await desk.save(tx, case.after(fact), grant)
    found = await store.personal(tx.conn, case_id)
    return PrivateOut(
        case=case.id,
        purpose=purpose,
        reporter=found.reporter,
        contact_name=found.contact_name,
        contact_phone=found.contact_phone,
        address=found.address,
        description=found.description,
        version=after.version,
    )


async def _reader(tx: Tx, case: Case, org: str) -> tuple[Grant, str]:
    if org == case.responsible:
        return await desk.act_as_responsible(tx, case, org), HANDLE
    try:
        return await desk.act_as_checker(tx, case, VERIFY, org), VERIFY
    except Refusal as refusal:
        if refusal.code != "missing_power":
            raise
    raise Refusal("missing_power", power=HANDLE, affair=case.affair, area=case.area, org=org, holder=case.responsible)
