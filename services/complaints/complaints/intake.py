"""A matter is taken in: by somebody who reports it, or by another department that refers it."""

from __future__ import annotations

from complaints import desk, store
from complaints.domain.case import Case
from complaints.domain.intake import report
from complaints.rules import Rules
from complaints.tables import organisations
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Authority, Tx


async def take_in(
    tx: Tx, rules: Rules, *, case: str, category: str, area: str, channel: str, personal: store.Personal
) -> Case:
    """A new case, routed if somebody answers for its affair there, else later.

    Errors: `unknown_category`, `unknown_channel`, `unknown_area`."""
    kind = rules.category(category)
    rules.check_channel(channel)
    area = (await tx.codes()).now(area)  # who reports may still know the old code
    if not await organisations.area_known(tx.conn, area, rules.profile.root_area):
        raise Refusal("unknown_area", area=area)
    reported = report(
        case=case,
        category=kind.code,
        affair=kind.affair,
        area=area,
        channel=channel,
        limit=rules.limit_of(kind),
        price_fen=rules.price(kind.affair, None),
        now=tx.now,
        clockwork=rules.clockwork,
    )
    found = await desk.try_to_route(tx, rules, reported.case)
    if found is None:
        await store.add_case(tx, [(reported, None, None)], personal)
        await tx.deadline(desk.ROUTE, reported.case.id, tx.now)
        return reported.case
    routed, grant = found
    await store.add_case(tx, [(reported, None, None), (routed, Authority.of(grant), None)], personal)
    await desk.watch_cards(tx, routed.case)
    await desk.watch_end(tx, rules, grant)
    return routed.case
