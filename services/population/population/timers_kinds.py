"""The kinds of deadline rows."""

from __future__ import annotations

VISIT = "file.visit"
ISSUE = "permit.issue"
ENDORSE = "permit.endorse"
RETENTION = "person.retention"
CORRECTION = "correction.answer"
STEP = "import.step"
FORGET = "import.forget"
REKEYED = "rekeying.done"
