"""Movements of a case: handover and return."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from complaints.handovers import Handovers
from complaints.routes import key_of as case_key
from complaints.schemas import ActIn, CaseOut, HandoverAccepted, HandoverIn
from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep
from suizhuan.identity import caller
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["movements 转移"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post(
    "/cases/{case_id}/handovers", status_code=202, response_model=HandoverAccepted, summary="转办 / Hand a case over"
)
async def hand_over(request: Request, command: CommandDep, case_id: str, body: HandoverIn) -> Response:
    """先冻结经费，后转移责任；此前原组织负责（首接负责） / its money is held before the duty moves."""
    handovers: Handovers = request.app.state.handovers

    async def work_(tx: Tx) -> HandoverAccepted:
        case, made = await handovers.request(tx, command, case_key(case_id), body.to, body.affair, body.case_term)
        return HandoverAccepted.accepted(made, case)

    return await command.decide(work_, status=202)


@router.post("/cases/{case_id}/return", response_model=CaseOut, summary="回退 / Return a wrongly dispatched case")
async def give_back(request: Request, command: CommandDep, case_id: str, body: ActIn) -> Response:
    """转办有误的退回转出方并解冻经费，派遣有误的退回事项主管 / a handover goes back to its giver, and the money held
    for it is released; a routing to the affair's owner."""
    handovers: Handovers = request.app.state.handovers

    async def work_(tx: Tx) -> CaseOut:
        return CaseOut.of(await handovers.give_back(tx, command, case_key(case_id), body.case_term))

    return await command.decide(work_)
