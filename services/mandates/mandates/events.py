"""What mandates publishes: the one source of its topics, schemas and documents."""

from mandates.domain import facts
from suizhuan import platform_events
from suizhuan.authority.records import BEAT, DONE, DROPPED, OPENED, TOPIC
from suizhuan.events import EventRegistry

EVENTS = EventRegistry("mandates")

# One partition, one writer. Only beats share a key; the lag keeps every beat that a lease may still rest on.
AUTHORITY = EVENTS.topic(TOPIC, partitions=1, compacted=True, lag_s=2 * 3600, aggregate=False)
EVENTS.register(AUTHORITY, facts.SwitchOpened, OPENED.removeprefix("mandates."))
EVENTS.register(AUTHORITY, facts.SwitchDone, DONE.removeprefix("mandates."))
EVENTS.register(AUTHORITY, facts.SwitchDropped, DROPPED.removeprefix("mandates."))
EVENTS.register(AUTHORITY, facts.Beat, BEAT.removeprefix("mandates."))

ORGANISATION = EVENTS.topic("mandates.organisation")
EVENTS.register(ORGANISATION, facts.OrganisationRegistered, "organisation.registered")

AFFAIR = EVENTS.topic("mandates.affair")
EVENTS.register(AFFAIR, facts.AffairListed, "affair.listed")

MANDATE = EVENTS.topic("mandates.mandate")
EVENTS.register(MANDATE, facts.MandateProposed, "mandate.proposed")
EVENTS.register(MANDATE, facts.MandateAdmitted, "mandate.admitted")
EVENTS.register(MANDATE, facts.MandateRefused, "mandate.refused")
EVENTS.register(MANDATE, facts.MandateFunded, "mandate.funded")
EVENTS.register(MANDATE, facts.MandateActivated, "mandate.activated")
EVENTS.register(MANDATE, facts.MandateSuspended, "mandate.suspended")
EVENTS.register(MANDATE, facts.MandateEnding, "mandate.ending")
EVENTS.register(MANDATE, facts.MandateEnded, "mandate.ended")
EVENTS.register(MANDATE, facts.MandateSettled, "mandate.settled")
EVENTS.register(MANDATE, facts.MandateRekeyed, "mandate.rekeyed")

platform_events.publish(EVENTS)
