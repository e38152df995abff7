"""What complaints publishes: the one source of its topics, schemas and documents."""

from complaints.domain import facts
from suizhuan import platform_events
from suizhuan.events import EventRegistry

EVENTS = EventRegistry("complaints")

CASE = EVENTS.topic("complaints.case")
EVENTS.register(CASE, facts.CaseReported, "case.reported")
EVENTS.register(CASE, facts.CaseRouted, "case.routed")
EVENTS.register(CASE, facts.CaseStarted, "case.started")
EVENTS.register(CASE, facts.CaseHandled, "case.handled")
EVENTS.register(CASE, facts.CaseVerified, "case.verified")
EVENTS.register(CASE, facts.CaseRejected, "case.rejected")
EVENTS.register(CASE, facts.CaseClosed, "case.closed")
EVENTS.register(CASE, facts.CaseSettled, "case.settled")
EVENTS.register(CASE, facts.CaseExtended, "case.extended")
EVENTS.register(CASE, facts.CaseSuspended, "case.suspended")
EVENTS.register(CASE, facts.CaseResumed, "case.resumed")
EVENTS.register(CASE, facts.CardRaised, "case.card_raised")
EVENTS.register(CASE, facts.HandoverRequested, "case.handover_requested")
EVENTS.register(CASE, facts.CaseHandedOver, "case.handed_over")
EVENTS.register(CASE, facts.HandoverRefused, "case.handover_refused")
EVENTS.register(CASE, facts.CaseReturned, "case.returned")
EVENTS.register(CASE, facts.CaseHoldRequested, "case.hold_requested")
EVENTS.register(CASE, facts.CaseRepointed, "case.repointed")
EVENTS.register(CASE, facts.CaseRekeyed, "case.rekeyed")
EVENTS.register(CASE, facts.SwitchHoldsDropped, "case.switch_holds_dropped")
EVENTS.register(CASE, facts.PrivateRead, "case.private_read")

# Keyed by service and referral; one answer each.
REFERRAL = EVENTS.topic("complaints.referral")
EVENTS.register(REFERRAL, facts.ReferralTaken, "referral.taken")
EVENTS.register(REFERRAL, facts.ReferralRefused, "referral.refused")

SWITCH = EVENTS.topic("complaints.switch", aggregate=False)
EVENTS.register(SWITCH, facts.CasesReady, "switch.cases_ready")

platform_events.publish(EVENTS)
