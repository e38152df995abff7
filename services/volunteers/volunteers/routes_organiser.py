"""Commands of organisations: activities and their shifts, teams, courses, awards, pairings. Each under a power."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep
from suizhuan.identity import caller
from volunteers import activities, groups, people, places, support
from volunteers.routes import key_of, rules_of
from volunteers.schemas import ActivityOut, CourseOut, ShiftOut, SignUpOut, TeamOut
from volunteers.schemas_in import (
    ActIn,
    ActivityIn,
    ArrangementIn,
    AwardIn,
    ClosureIn,
    ConfirmationIn,
    CourseIn,
    FundingIn,
    HoursIn,
    InsuranceIn,
    LinkIn,
    ShiftIn,
    TeamIn,
    VolunteerIn,
)
from volunteers.schemas_people import AwardOut, PairingOut, TrainedOut

router = APIRouter(tags=["organisers 组织方"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/activities", status_code=201, response_model=ActivityOut, summary="开展活动 / Plan an activity")
async def plan(request: Request, command: CommandDep, body: ActivityIn) -> Response:
    """依据委托；费用从该委托的专项冻结后才能报名 / under a mandate, from whose earmark its cost is held first."""
    rules = rules_of(request)
    return await command.decide(lambda tx: activities.plan(tx, command, rules, body), status=201)


@router.post(
    "/activities/{activity_id}/funding", response_model=ActivityOut, summary="重新申请经费 / Ask for its money anew"
)
async def replan(command: CommandDep, activity_id: str, body: FundingIn) -> Response:
    """经费未落实时 / when it could not be held."""
    return await command.run(lambda tx: activities.replan(tx, command, key_of(activity_id), body.planned_fen))


@router.post("/activities/{activity_id}/insurance", response_model=ActivityOut, summary="登记保险 / Note its insurance")
async def insure(command: CommandDep, activity_id: str, body: InsuranceIn) -> Response:
    """危险活动须先投保 / before anybody serves where it is dangerous."""
    return await command.run(lambda tx: activities.insure(tx, command, key_of(activity_id), body.insurance))


@router.post("/activities/{activity_id}/cancellation", response_model=ActivityOut, summary="取消活动 / Call it off")
async def cancel(command: CommandDep, activity_id: str, body: ActIn) -> Response:
    """尚未有人签到时；经费解冻 / before anybody has checked in; its money is free again."""
    return await command.run(lambda tx: activities.cancel(tx, command, key_of(activity_id)))


@router.post("/activities/{activity_id}/closure", response_model=ActivityOut, summary="结项 / Close it")
async def close(command: CommandDep, activity_id: str, body: ClosureIn) -> Response:
    """服务全部确认后；按实际费用支付，余款解冻 / once all service is settled; its real cost is paid."""
    return await command.run(lambda tx: activities.close(tx, command, key_of(activity_id), body.cost_fen))


@router.post(
    "/activities/{activity_id}/shifts", status_code=201, response_model=ShiftOut, summary="设置班次 / Add a shift"
)
async def add_shift(command: CommandDep, activity_id: str, body: ShiftIn) -> Response:
    """名额之内，自愿报名 / volunteers sign up for it, as many as it has places."""
    return await command.run(lambda tx: activities.add_shift(tx, command, key_of(activity_id), body), status=201)


@router.post("/shifts/{shift_id}/arrivals", response_model=SignUpOut, summary="组织方签到 / Check somebody in")
async def receive(request: Request, command: CommandDep, shift_id: str, body: VolunteerIn) -> Response:
    """已报名者 / who has signed up."""
    rules = rules_of(request)
    return await command.run(lambda tx: places.receive(tx, command, rules, key_of(shift_id), body.volunteer))


@router.post("/shifts/{shift_id}/departures", response_model=SignUpOut, summary="组织方签退 / Check somebody out")
async def release(command: CommandDep, shift_id: str, body: VolunteerIn) -> Response:
    """计时不超出班次 / minutes are counted inside the shift."""
    return await command.run(lambda tx: places.release(tx, command, key_of(shift_id), body.volunteer))


@router.post("/shifts/{shift_id}/confirmations", response_model=SignUpOut, summary="确认服务 / Confirm service")
async def confirm(request: Request, command: CommandDep, shift_id: str, body: ConfirmationIn) -> Response:
    """时长随即记入志愿者记录 / the minutes are credited at once."""
    rules = rules_of(request)
    return await command.run(lambda tx: places.confirm(tx, command, rules, key_of(shift_id), body))


@router.post("/shifts/{shift_id}/corrections", response_model=SignUpOut, summary="更正时长 / Put minutes right")
async def put_right(request: Request, command: CommandDep, shift_id: str, body: HoursIn) -> Response:
    """应志愿者要求更正，不超过计时 / on request, at most what was counted; the volunteer's sum follows."""
    rules = rules_of(request)
    return await command.run(lambda tx: places.put_right(tx, command, rules, key_of(shift_id), body))


@router.post("/teams", status_code=201, response_model=TeamOut, summary="成立服务队 / Found a team")
async def found(request: Request, command: CommandDep, body: TeamIn) -> Response:
    """按类别或按项目 / by kind of work, or for a project."""
    rules = rules_of(request)
    return await command.decide(lambda tx: groups.found(tx, command, rules, body), status=201)


@router.post("/teams/{team_id}/dissolution", response_model=TeamOut, summary="解散服务队 / Dissolve a team")
async def dissolve(command: CommandDep, team_id: str, body: ActIn) -> Response:
    """由成立它的组织 / by the organisation that founded it."""
    return await command.run(lambda tx: groups.dissolve(tx, command, key_of(team_id)))


@router.post("/courses", status_code=201, response_model=CourseOut, summary="开设课程 / Plan a course")
async def plan_course(request: Request, command: CommandDep, body: CourseIn) -> Response:
    """免费 / free of charge."""
    rules = rules_of(request)
    return await command.decide(lambda tx: groups.plan_course(tx, command, rules, body), status=201)


@router.post("/courses/{course_id}/cancellation", response_model=CourseOut, summary="取消课程 / Call a course off")
async def cancel_course(command: CommandDep, course_id: str, body: ActIn) -> Response:
    """开始之前 / before it begins."""
    return await command.run(lambda tx: groups.cancel_course(tx, command, key_of(course_id)))


@router.post("/courses/{course_id}/attendance", response_model=TrainedOut, summary="记录参训 / Note who attended")
async def attended(request: Request, command: CommandDep, course_id: str, body: VolunteerIn) -> Response:
    """有效期按辖区配置 / it counts for as long as the profile says."""
    rules = rules_of(request)
    return await command.run(lambda tx: groups.attended(tx, command, rules, key_of(course_id), body.volunteer))


@router.post(
    "/volunteers/{volunteer_id}/awards", status_code=201, response_model=AwardOut, summary="授予荣誉 / Give an award"
)
async def give_award(request: Request, command: CommandDep, volunteer_id: str, body: AwardIn) -> Response:
    """本人同意后方可公布 / published only if the volunteer consents."""
    rules = rules_of(request)
    return await command.run(
        lambda tx: people.give_award(tx, command, rules, key_of(volunteer_id), body.kind), status=201
    )


@router.post("/pairings", status_code=201, response_model=PairingOut, summary="安排结对 / Arrange a pairing")
async def arrange(request: Request, command: CommandDep, body: ArrangementIn) -> Response:
    """须双方同意；志愿者不知档案 / both consent; the volunteer never learns whose file it is."""
    rules = rules_of(request)
    return await command.run(lambda tx: support.arrange(tx, command, rules, body), status=201)


@router.post(
    "/pairings/{pairing_id}/link", response_model=PairingOut, summary="重新说明档案 / Say again which file it is"
)
async def link(command: CommandDep, pairing_id: str, body: LinkIn) -> Response:
    """恢复后 / after a restore."""
    return await command.run(lambda tx: support.link(tx, command, key_of(pairing_id), body.file, body.file_consent))
