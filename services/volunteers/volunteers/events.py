"""What volunteers publishes: the one source of its topics, schemas and documents."""

from suizhuan import bills, platform_events
from suizhuan.events import EventRegistry
from volunteers.domain import facts, facts_service

EVENTS = EventRegistry("volunteers")

VOLUNTEER = EVENTS.topic("volunteers.volunteer")
EVENTS.register(VOLUNTEER, facts.VolunteerRegistered, "volunteer.registered")
EVENTS.register(VOLUNTEER, facts.VolunteerCorrected, "volunteer.corrected")
EVENTS.register(VOLUNTEER, facts.VolunteerAged, "volunteer.aged")
EVENTS.register(VOLUNTEER, facts.VolunteerErased, "volunteer.erased")
EVENTS.register(VOLUNTEER, facts.RecordRead, "volunteer.record_read")
EVENTS.register(VOLUNTEER, facts.TrainingAttended, "volunteer.training_attended")
EVENTS.register(VOLUNTEER, facts.HoursCredited, "volunteer.hours_credited")
EVENTS.register(VOLUNTEER, facts.HoursCorrected, "volunteer.hours_corrected")
EVENTS.register(VOLUNTEER, facts.StarAwarded, "volunteer.star_awarded")
EVENTS.register(VOLUNTEER, facts.AwardGiven, "volunteer.award_given")
EVENTS.register(VOLUNTEER, facts.AwardConsented, "volunteer.award_consented")
EVENTS.register(VOLUNTEER, facts.CertificateIssued, "volunteer.certificate_issued")

TEAM = EVENTS.topic("volunteers.team")
EVENTS.register(TEAM, facts.TeamFounded, "team.founded")
EVENTS.register(TEAM, facts.TeamJoined, "team.joined")
EVENTS.register(TEAM, facts.TeamLeft, "team.left")
EVENTS.register(TEAM, facts.TeamDissolved, "team.dissolved")

ACTIVITY = EVENTS.topic("volunteers.activity")
EVENTS.register(ACTIVITY, facts_service.ActivityPlanned, "activity.planned")
EVENTS.register(ACTIVITY, facts_service.ActivityOpened, "activity.opened")
EVENTS.register(ACTIVITY, facts_service.ActivityUnfunded, "activity.unfunded")
EVENTS.register(ACTIVITY, facts_service.ActivityReplanned, "activity.replanned")
EVENTS.register(ACTIVITY, facts_service.ActivityInsured, "activity.insured")
EVENTS.register(ACTIVITY, facts_service.ActivityBegun, "activity.begun")
EVENTS.register(ACTIVITY, facts_service.ActivityCancelled, "activity.cancelled")
EVENTS.register(ACTIVITY, facts_service.ActivityClosed, "activity.closed")
EVENTS.register(ACTIVITY, facts_service.ActivitySettled, "activity.settled")

SHIFT = EVENTS.topic("volunteers.shift")
EVENTS.register(SHIFT, facts_service.ShiftPlanned, "shift.planned")
EVENTS.register(SHIFT, facts_service.SignedUp, "shift.signed_up")
EVENTS.register(SHIFT, facts_service.SignUpWithdrawn, "shift.sign_up_withdrawn")
EVENTS.register(SHIFT, facts_service.CheckedIn, "shift.checked_in")
EVENTS.register(SHIFT, facts_service.CheckedOut, "shift.checked_out")
EVENTS.register(SHIFT, facts_service.ServiceConfirmed, "shift.service_confirmed")
EVENTS.register(SHIFT, facts_service.ServiceCorrected, "shift.service_corrected")
EVENTS.register(SHIFT, facts_service.VolunteerAbsent, "shift.volunteer_absent")
EVENTS.register(SHIFT, facts_service.ShiftCancelled, "shift.cancelled")

COURSE = EVENTS.topic("volunteers.course")
EVENTS.register(COURSE, facts_service.CoursePlanned, "course.planned")
EVENTS.register(COURSE, facts_service.CourseCancelled, "course.cancelled")

PAIRING = EVENTS.topic("volunteers.pairing")
EVENTS.register(PAIRING, facts.PairingArranged, "pairing.arranged")
EVENTS.register(PAIRING, facts.PairingBegun, "pairing.begun")
EVENTS.register(PAIRING, facts.PairingVisited, "pairing.visited")
EVENTS.register(PAIRING, facts.PairingLinked, "pairing.linked")
EVENTS.register(PAIRING, facts.PairingRead, "pairing.read")
EVENTS.register(PAIRING, facts.PairingEnded, "pairing.ended")

BILL = bills.publish(EVENTS)

platform_events.publish(EVENTS)
