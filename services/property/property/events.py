"""What property publishes: the one source of its topics, schemas and documents."""

from property.domain import facts, facts_owners
from suizhuan import bills, platform_events, referrals
from suizhuan.events import EventRegistry

EVENTS = EventRegistry("property")

ESTATE = EVENTS.topic("property.estate")
EVENTS.register(ESTATE, facts.EstateRegistered, "estate.registered")
EVENTS.register(ESTATE, facts.EstateRevised, "estate.revised")

PREMISE = EVENTS.topic("property.premise")
EVENTS.register(PREMISE, facts.PremiseRegistered, "premise.registered")
EVENTS.register(PREMISE, facts.PremisePaperFiled, "premise.paper_filed")
EVENTS.register(PREMISE, facts.PremiseUseChanged, "premise.use_changed")
EVENTS.register(PREMISE, facts.PremiseWithdrawn, "premise.withdrawn")

LEASE = EVENTS.topic("property.lease")
EVENTS.register(LEASE, facts.LeaseConcluded, "lease.concluded")
EVENTS.register(LEASE, facts.RentDue, "lease.rent_due")
EVENTS.register(LEASE, facts.RentReceived, "lease.rent_received")
EVENTS.register(LEASE, facts.LeaseCut, "lease.cut")
EVENTS.register(LEASE, facts.LeaseEnded, "lease.ended")
EVENTS.register(LEASE, facts.LesseeCorrected, "lease.lessee_corrected")
EVENTS.register(LEASE, facts.LesseeRead, "lease.private_read")

REPAIR = EVENTS.topic("property.repair")
EVENTS.register(REPAIR, facts.RepairRequested, "repair.requested")
EVENTS.register(REPAIR, facts.RepairAnswered, "repair.answered")
EVENTS.register(REPAIR, facts.RepairDone, "repair.done")
EVENTS.register(REPAIR, facts.RepairConfirmed, "repair.confirmed")
EVENTS.register(REPAIR, facts.RepairReferred, "repair.referred")
EVENTS.register(REPAIR, facts.RepairTaken, "repair.taken")
EVENTS.register(REPAIR, facts.RepairTurnedAway, "repair.turned_away")
EVENTS.register(REPAIR, facts.RepairClosed, "repair.closed")
EVENTS.register(REPAIR, facts.RepairRead, "repair.private_read")

FIRM = EVENTS.topic("property.firm")
EVENTS.register(FIRM, facts_owners.FirmListed, "firm.listed")
EVENTS.register(FIRM, facts_owners.FirmStruck, "firm.struck")

CONTRACT = EVENTS.topic("property.contract")
EVENTS.register(CONTRACT, facts_owners.ContractFiled, "contract.filed")
EVENTS.register(CONTRACT, facts_owners.ContractNoticed, "contract.noticed")
EVENTS.register(CONTRACT, facts_owners.ContractContinued, "contract.continued")
EVENTS.register(CONTRACT, facts_owners.ContractEnded, "contract.ended")

OWNER = EVENTS.topic("property.owner")
EVENTS.register(OWNER, facts_owners.OwnerRegistered, "owner.registered")
EVENTS.register(OWNER, facts_owners.OwnerRevised, "owner.revised")
EVENTS.register(OWNER, facts_owners.OwnerCorrected, "owner.corrected")
EVENTS.register(OWNER, facts_owners.OwnerRead, "owner.private_read")

MEETING = EVENTS.topic("property.meeting")
EVENTS.register(MEETING, facts_owners.MeetingCalled, "meeting.called")
EVENTS.register(MEETING, facts_owners.BallotCast, "meeting.ballot_cast")
EVENTS.register(MEETING, facts_owners.MeetingClosed, "meeting.closed")
EVENTS.register(MEETING, facts_owners.CommitteeFiled, "meeting.committee_filed")
EVENTS.register(MEETING, facts_owners.FilingOverdue, "meeting.filing_overdue")

BILL = bills.publish(EVENTS)
REFERRAL = referrals.publish(EVENTS)

platform_events.publish(EVENTS)
