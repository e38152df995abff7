"""What population publishes: the one source of its topics, schemas and documents."""

from population.domain import facts
from population.domain import facts_files as files
from population.domain import facts_rekeying as rekeying
from suizhuan import platform_events
from suizhuan.events import EventRegistry

EVENTS = EventRegistry("population")

AREA = EVENTS.topic("population.area")
EVENTS.register(AREA, facts.AreaRegistered, "area.registered")
EVENTS.register(AREA, facts.AreaRenamed, "area.renamed")
EVENTS.register(AREA, rekeying.AreaGivenUp, "area.given_up")

REKEYING = EVENTS.topic("population.rekeying")
EVENTS.register(REKEYING, rekeying.RekeyingAnnounced, "rekeying.announced")
EVENTS.register(REKEYING, rekeying.RekeyingDone, "rekeying.done")

BUILDING = EVENTS.topic("population.building")
EVENTS.register(BUILDING, facts.BuildingRegistered, "building.registered")
EVENTS.register(BUILDING, facts.DwellingRegistered, "dwelling.registered")

HOUSEHOLD = EVENTS.topic("population.household")
EVENTS.register(HOUSEHOLD, facts.HouseholdRegistered, "household.registered")
EVENTS.register(HOUSEHOLD, facts.HouseholdHeadNamed, "household.head_named")

PERSON = EVENTS.topic("population.person")
EVENTS.register(PERSON, facts.PersonRegistered, "person.registered")
EVENTS.register(PERSON, facts.PersonChanged, "person.changed")
EVENTS.register(PERSON, facts.PersonMoved, "person.moved")
EVENTS.register(PERSON, facts.PersonDeparted, "person.departed")
EVENTS.register(PERSON, facts.PersonLinked, "person.linked")
EVENTS.register(PERSON, facts.PrivateRead, "person.private_read")
EVENTS.register(PERSON, facts.OwnRead, "person.own_read")
EVENTS.register(PERSON, facts.PersonErased, "person.erased")

CORRECTION = EVENTS.topic("population.correction")
EVENTS.register(CORRECTION, facts.CorrectionAsked, "correction.asked")
EVENTS.register(CORRECTION, facts.CorrectionDecided, "correction.decided")
EVENTS.register(CORRECTION, facts.CorrectionOverdue, "correction.overdue")

IMPORT = EVENTS.topic("population.import")
EVENTS.register(IMPORT, facts.ImportStarted, "import.started")
EVENTS.register(IMPORT, facts.ImportCompleted, "import.completed")
EVENTS.register(IMPORT, facts.ImportStopped, "import.stopped")
EVENTS.register(IMPORT, facts.ImportErrorsRead, "import.errors_read")

PEOPLE = EVENTS.topic("population.people")
EVENTS.register(PEOPLE, facts.PeopleCounted, "people.counted")

FILE = EVENTS.topic("population.file")
EVENTS.register(FILE, files.FileOpened, "file.opened")
EVENTS.register(FILE, files.FileVisited, "file.visited")
EVENTS.register(FILE, files.VisitOverdue, "file.visit_overdue")
EVENTS.register(FILE, files.FileMoved, "file.moved")
EVENTS.register(FILE, files.FileClosed, "file.closed")
EVENTS.register(FILE, files.FilePrivateRead, "file.private_read")

PERMIT = EVENTS.topic("population.permit")
EVENTS.register(PERMIT, files.PermitApplied, "permit.applied")
EVENTS.register(PERMIT, files.PermitOverdue, "permit.overdue")
EVENTS.register(PERMIT, files.PermitIssued, "permit.issued")
EVENTS.register(PERMIT, files.PermitEndorsementDue, "permit.endorsement_due")
EVENTS.register(PERMIT, files.PermitEndorsed, "permit.endorsed")
EVENTS.register(PERMIT, files.PermitLapsed, "permit.lapsed")
EVENTS.register(PERMIT, files.PermitMoved, "permit.moved")
EVENTS.register(PERMIT, files.PermitCancelled, "permit.cancelled")

platform_events.publish(EVENTS)
