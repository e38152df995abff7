"""The events that the auditor looks at, and what each must hold to be understood. Everything else is only counted."""

from __future__ import annotations

Needed = tuple[tuple[str, type], ...]

_CASE: Needed = (("case", str), ("case_term", int))
_HOLD: Needed = (("case", str), ("payer", str), ("amount_fen", int))
_MANDATE: Needed = (("mandate", str),)
_ANSWER: Needed = (("service", str), ("bill", str))

KNOWN: dict[str, Needed] = {
    "mandates.switch.opened": (("switch", str), ("slots", list)),
    "mandates.switch.done": (("switch", str), ("slots", list)),
    "mandates.switch.dropped": (("switch", str),),
    "mandates.authority.beat": (("sent_at", str),),
    "mandates.organisation.registered": (("org", str),),
    "mandates.affair.listed": (("affair", str), ("owner", str)),
    "mandates.mandate.proposed": _MANDATE,
    "mandates.mandate.admitted": _MANDATE,
    "mandates.mandate.refused": _MANDATE,
    "mandates.mandate.funded": _MANDATE,
    "mandates.mandate.activated": (*_MANDATE, ("holder", str), ("term", int), ("amount_fen", int)),
    "mandates.mandate.suspended": _MANDATE,
    "mandates.mandate.ending": _MANDATE,
    "mandates.mandate.ended": _MANDATE,
    "mandates.mandate.settled": _MANDATE,
    "mandates.mandate.rekeyed": (*_MANDATE, ("from_area", str), ("area", str)),
    "finance.tariff.set": (("affair", str), ("price_fen", int)),
    "finance.entry.posted": (("entry", str), ("kind", str), ("lines", list)),
    "finance.earmark.funded": (*_MANDATE, ("payer", str), ("holder", str), ("amount_fen", int)),
    "finance.earmark.refused": _MANDATE,
    "finance.earmark.returned": (*_MANDATE, ("amount_fen", int)),
    "finance.earmark.settled": (*_MANDATE, ("captured_fen", int), ("returned_fen", int)),
    "finance.claim.booked": (*_MANDATE, ("amount_fen", int)),
    "finance.hold.placed": (*_HOLD, ("hold", str), ("ref", str)),
    "finance.hold.refused": (("case", str), ("ref", str)),
    "finance.hold.captured": (*_HOLD, ("hold", str), ("payee", str)),
    "finance.hold.released": (*_HOLD, ("hold", str), ("reason", str)),
    "finance.case.paid": (*_CASE, ("payee", str), ("amount_fen", int), ("price_fen", int)),
    "finance.case.unpaid": (*_CASE, ("payee", str), ("price_fen", int), ("shortfall_fen", int)),
    "complaints.case.reported": (("case", str), ("affair", str), ("area", str)),
    "complaints.case.routed": (
        *_CASE,
        ("affair", str),
        ("area", str),
        ("responsible", str),
        ("mandate", str),
        ("term", int),
        ("price_fen", int),
    ),
    "complaints.case.started": (*_CASE, ("org", str)),
    "complaints.case.handled": (*_CASE, ("org", str)),
    "complaints.case.verified": (*_CASE, ("responsible", str), ("verified_by", str), ("price_fen", int)),
    "complaints.case.rejected": (*_CASE, ("responsible", str), ("verified_by", str)),
    "complaints.case.closed": (*_CASE, ("responsible", str), ("outcome", str)),
    "complaints.case.settled": (("case", str), ("paid_fen", int), ("price_fen", int)),
    "complaints.case.extended": (("case", str),),
    "complaints.case.suspended": (("case", str),),
    "complaints.case.resumed": (("case", str),),
    "complaints.case.card_raised": (("case", str), ("card", str)),
    "complaints.case.handover_requested": (*_CASE, ("handover", str), ("giver", str), ("receiver", str)),
    "complaints.case.handed_over": (
        *_CASE,
        ("handover", str),
        ("giver", str),
        ("receiver", str),
        ("mandate", str),
        ("term", int),
        ("price_fen", int),
    ),
    "complaints.case.handover_refused": (*_CASE, ("handover", str)),
    "complaints.case.returned": (*_CASE, ("from_org", str), ("to", str), ("mandate", str), ("term", int)),
    "complaints.case.hold_requested": (*_CASE, ("switch", str)),
    "complaints.case.repointed": (*_CASE, ("from_org", str), ("to", str), ("mandate", str), ("term", int)),
    "complaints.case.rekeyed": (*_CASE, ("switch", str), ("mandate", str), ("term", int), ("area", str)),
    "complaints.case.switch_holds_dropped": (("case", str), ("switch", str)),
    "complaints.case.private_read": (("case", str), ("power", str)),
    "complaints.switch.cases_ready": (("switch", str),),
    "finance.bill.held": (*_ANSWER, *_MANDATE, ("amount_fen", int)),
    "finance.bill.refused": (*_ANSWER, ("reason", str)),
    "finance.bill.booked": (*_ANSWER, ("org", str), ("amount_fen", int)),
    "finance.bill.paid": (*_ANSWER, ("payee", str), ("amount_fen", int)),
    "finance.bill.released": (*_ANSWER, ("amount_fen", int)),
}

# Of whatever department it is: what every service says, and what it may ask of finance.
OF_ANY: dict[str, Needed] = {
    "replica.joined": (("replica", str),),
    "replica.acknowledged": (("replica", str), ("switch", str)),
    "bill.income_due": (("bill", str), ("org", str), ("amount_fen", int)),
    "bill.income_received": (("bill", str),),
    "bill.cost_planned": (("bill", str), *_MANDATE, ("amount_fen", int)),
    "bill.cost_incurred": (("bill", str), ("payee", str), ("amount_fen", int)),
    "bill.withdrawn": (("bill", str),),
}


def needed(name: str) -> Needed | None:
    """What an event must hold to be understood; None for one that is only counted."""
    return KNOWN.get(name) or OF_ANY.get(name.partition(".")[2])


# What people do under a mandate, and the power that each needs (None: one of several).
ACTS: dict[str, str | None] = {
    "complaints.case.started": "complaints.case.handle",
    "complaints.case.handled": "complaints.case.handle",
    "complaints.case.handover_requested": "complaints.case.handle",
    "complaints.case.verified": "complaints.case.verify",
    "complaints.case.rejected": "complaints.case.verify",
    "mandates.mandate.proposed": None,
    "mandates.mandate.admitted": None,
}
