"""The auditor's report."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from gateway import reads, shared
from gateway.audit_runner import AuditRunner
from gateway.callers import reader, sight_of
from gateway.compose import Composer
from suizhuan.identity import Caller
from suizhuan.kernel.refusal import Refusal

router = APIRouter(tags=["audit 审计"])


@router.get("/audit", summary="审计报告 / the auditor's report, from the event streams alone")
async def audit(
    request: Request,
    identity: Caller,
    full: Annotated[bool, Query(description="Read everything again / 重新全量读取")] = False,
) -> dict[str, Any]:
    """What was read, what was found, what is on its way. `verdict`: `clean`, `violations`, or `nothing_read`, which is
    a failure. Reads only what is new since the last audit, unless `full`, for which everybody else waits: it is not for
    hubs. A hub needs a purpose that covers `gateway.audit.*`, and its answer leaves a receipt. Errors: `wrong_kind`,
    `purpose_unknown`, `not_covered`, `log_unreachable`."""
    share = reader(request, identity)
    if share is not None:
        if full:
            raise Refusal("wrong_kind")
        share.require("audit", shared.AUDITED)
    runner: AuditRunner = request.app.state.auditor
    report = await runner.report(full=full)
    if share is None:
        return report.as_dict()
    return (await share.give("/audit", shared.audit(share, report))).model_dump()


@router.get("/audit/cases/{case_id}", summary="单件审计 / one case: its chain, and what the auditor found there")
async def audit_case(
    case_id: Annotated[str, Path(max_length=64)], request: Request, identity: Caller
) -> dict[str, Any]:
    """The case's chain of authority and money with the violations in it. Errors: `not_found`, `outside_area`,
    `wrong_kind`, `purpose_unknown`, `not_covered`, `log_unreachable`."""
    share = reader(request, identity)
    if share is not None:
        share.require("audit", shared.AUDITED)
    composer: Composer = request.app.state.composer
    runner: AuditRunner = request.app.state.auditor
    async with composer.database.read() as conn:
        sight = await sight_of(conn, identity)
        case = await reads.case(conn, case_id)
        if case is None:
            raise Refusal("not_found", what="case", id=case_id)
        chain = await composer.chain(conn, case)
    if not any(sight.sees(case["area"], step.org, step.data) for step in chain.steps):
        raise Refusal("outside_area", org=identity.org, what=case_id)
    report = await runner.report()
    events = {step.event for step in chain.steps} | {entry.event for entry in chain.entries}
    found = [v for v in report.violations if v.case == case_id or v.event in events]
    answer = {
        "verdict": "violations" if found else "clean",
        "violations": [v.as_dict() for v in found],
        "read": {"events": report.events, "offsets": report.offsets},
    }
    if share is None:
        return {**answer, "chain": chain.model_dump(mode="json")}
    return (await share.give(f"/audit/cases/{case_id}", shared.audited(share, answer, chain))).model_dump()
