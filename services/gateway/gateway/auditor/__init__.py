"""The auditor: rebuilds G1–G6 from the event streams alone and reports every violation (design §2).

It shares no domain code with the services and trusts no clock but terms, offsets, outbox ids and causation, and the
age of a beat. Where a planned end makes a clock decide, it reports only what no clock error could explain.
"""

from gateway.auditor.audit import audit, judge
from gateway.auditor.history import History, Horizon
from gateway.auditor.records import AuditRecord
from gateway.auditor.report import Report
from gateway.auditor.rules import Rules
from gateway.auditor.violations import CODES, Violation

__all__ = ["CODES", "AuditRecord", "History", "Horizon", "Report", "Rules", "Violation", "audit", "judge"]
