"""What finance publishes: the one source of its topics, schemas and documents."""

from finance.domain import facts
from suizhuan import platform_events
from suizhuan.events import EventRegistry

EVENTS = EventRegistry("finance")

TARIFF = EVENTS.topic("finance.tariff")
EVENTS.register(TARIFF, facts.TariffSet, "tariff.set")

ENTRY = EVENTS.topic("finance.entry")
EVENTS.register(ENTRY, facts.EntryPosted, "entry.posted")

EARMARK = EVENTS.topic("finance.earmark")
EVENTS.register(EARMARK, facts.EarmarkFunded, "earmark.funded")
EVENTS.register(EARMARK, facts.EarmarkRefused, "earmark.refused")
EVENTS.register(EARMARK, facts.EarmarkReturned, "earmark.returned")
EVENTS.register(EARMARK, facts.EarmarkSettled, "earmark.settled")
EVENTS.register(EARMARK, facts.ClaimBooked, "claim.booked")

# Keyed by the case: what is held, captured and paid for one case comes in order.
HOLD = EVENTS.topic("finance.hold")
EVENTS.register(HOLD, facts.HoldPlaced, "hold.placed")
EVENTS.register(HOLD, facts.HoldRefused, "hold.refused")
EVENTS.register(HOLD, facts.HoldCaptured, "hold.captured")
EVENTS.register(HOLD, facts.HoldReleased, "hold.released")
EVENTS.register(HOLD, facts.CasePaid, "case.paid")
EVENTS.register(HOLD, facts.CaseUnpaid, "case.unpaid")

# Keyed by service and bill: what becomes of one bill comes in order.
BILL = EVENTS.topic("finance.bill")
EVENTS.register(BILL, facts.BillHeld, "bill.held")
EVENTS.register(BILL, facts.BillRefused, "bill.refused")
EVENTS.register(BILL, facts.BillBooked, "bill.booked")
EVENTS.register(BILL, facts.BillPaid, "bill.paid")
EVENTS.register(BILL, facts.BillReleased, "bill.released")

platform_events.publish(EVENTS)
