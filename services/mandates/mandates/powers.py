"""By which grant somebody places, suspends, ends or decides on a mandate."""

from __future__ import annotations

from mandates.domain.mandate import Mandate
from mandates.domain.organisation import Organisation
from suizhuan.authority import grants as granted
from suizhuan.kernel.area import overlap
from suizhuan.kernel.refusal import Refusal
from suizhuan.kernel.term import Grant
from suizhuan.unit_of_work import Tx

PLACE, SUSPEND, END = "mandates.mandate.place", "mandates.mandate.suspend", "mandates.mandate.end"
ADMIT, ADMISSION = "mandates.mandate.admit", "gov.admission"
REGISTER, LIST, REGISTERS = "mandates.organisation.register", "mandates.affair.list", "gov.register"


async def act_as_giver(tx: Tx, power: str, affair: str, area: str) -> Grant:
    """The caller's organisation uses `power` over mandates for `affair` in `area`.

    The place of such an act is the giver's own slot, not the mandate's: there the giver yields to whom it gave it.
    Errors: `missing_power`, and those of an act.
    """
    acting = tx.context.org or ""
    found = [g for g in await granted.covering(tx.conn, affair, area) if power in g.powers and g.in_time(tx.now)]
    found.sort(key=lambda g: -len(g.area))
    own = next((g for g in found if g.holder == acting), None)
    holder = found[0].holder if found else None
    if own is None:
        raise Refusal(
            "missing_power", power=power, affair=affair, area=area, org=acting or tx.context.actor, holder=holder
        )
    return await tx.act_under(own, power, own.area, holder=holder)


async def act_on_admission(tx: Tx, mandate: Mandate, holder: Organisation) -> Grant:
    """The caller decides on work for `holder`, where that organisation is. Errors: those of an act."""
    place = next((area for area in holder.areas if overlap(area, mandate.area)), holder.areas[0])
    return await tx.act(ADMIT, ADMISSION, place)


async def act_to_end(tx: Tx, mandate: Mandate, holder: Organisation) -> Grant:
    """Ending is the giver's, or of who decides on admission there (residents widely disapprove).

    Errors: `missing_power`, and those of an act.
    """
    try:
        return await act_as_giver(tx, END, mandate.affair, mandate.area)
    except Refusal as refusal:
        if refusal.code != "missing_power":
            raise
        try:
            return await act_on_admission(tx, mandate, holder)
        except Refusal as second:
            if second.code != "missing_power":
                raise
            raise refusal from None
