"""The affairs of population and the powers that hang on them (deploy/seed)."""

from __future__ import annotations

DIVISIONS, REGISTER = "gov.divisions", "population.register"
FILES, PERMITS = "welfare.files", "population.permits"
AFFAIRS = (DIVISIONS, REGISTER, FILES, PERMITS)

# The refusals by which whoever acts by a row or for a file learns that it has no power any more.
POWERLESS = frozenset({"missing_power", "term_passed", "area_given_up"})

REGISTER_AREA = "population.area.register"
REKEY_AREA = "population.area.rekey"
REGISTER_BUILDING = "population.building.register"
REGISTER_HOUSEHOLD = "population.household.register"
REGISTER_PERSON = "population.person.register"
READ_PERSON = "population.person.read"
IMPORT = "population.person.import"
DECIDE_REQUEST = "population.request.decide"
KEEP_FILE = "population.file.keep"
VISIT_FILE = "population.file.visit"
ISSUE_PERMIT = "population.permit.issue"
