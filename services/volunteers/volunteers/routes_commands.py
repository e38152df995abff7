"""Commands of volunteers: for themselves, in teams, shifts, awards, certificates and pairings."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.exc import IntegrityError

from suizhuan.command_route import CommandRoute
from suizhuan.commands import CommandDep
from suizhuan.identity import caller
from suizhuan.kernel.refusal import Refusal
from volunteers import groups, people, places, support
from volunteers.routes import key_of, rules_of
from volunteers.schemas import SignUpOut, TeamOut
from volunteers.schemas_in import (
    AcceptanceIn,
    ActIn,
    AwardConsentIn,
    CertificateIn,
    CheckIn,
    CorrectionIn,
    EndIn,
    RegistrationIn,
    VisitIn,
)
from volunteers.schemas_people import AwardOut, CertificateOut, PairingOut, VisitOut, VolunteerOut

router = APIRouter(tags=["me 本人"], dependencies=[Depends(caller)], route_class=CommandRoute)


@router.post("/volunteers", status_code=201, response_model=VolunteerOut, summary="注册 / Register")
async def register(request: Request, command: CommandDep, body: RegistrationIn) -> Response:
    """居民本人注册；未成年人须监护人同意 / a resident himself; minors with a guardian's consent."""
    rules = rules_of(request)
    try:
        return await command.decide(lambda tx: people.register(tx, command, rules, body), status=201)
    except IntegrityError:  # two at once, of one person
        raise Refusal("already_registered") from None


@router.post("/volunteers/me/correction", response_model=VolunteerOut, summary="更正 / Correct one's record")
async def correct(request: Request, command: CommandDep, body: CorrectionIn) -> Response:
    """本人更正，免费 / at the volunteer's request, free of charge."""
    rules = rules_of(request)
    try:
        return await command.run(lambda tx: people.correct(tx, command, rules, body))
    except IntegrityError:
        raise Refusal("already_registered") from None


@router.post("/volunteers/me/erasure", response_model=VolunteerOut, summary="注销 / Be erased")
async def erase(command: CommandDep, body: ActIn) -> Response:
    """删除个人信息；服务时长匿名保留 / personal data is deleted; the hours stay, without a name."""
    return await command.run(lambda tx: people.erase(tx, command))


@router.post("/teams/{team_id}/membership", response_model=TeamOut, summary="加入服务队 / Join a team")
async def join(command: CommandDep, team_id: str, body: ActIn) -> Response:
    """本人自愿 / of one's own will."""
    return await command.run(lambda tx: groups.join(tx, command, key_of(team_id)))


@router.post("/teams/{team_id}/departure", response_model=TeamOut, summary="退出服务队 / Leave a team")
async def leave(command: CommandDep, team_id: str, body: ActIn) -> Response:
    """随时可退出 / at any time."""
    return await command.run(lambda tx: groups.leave(tx, command, key_of(team_id)))


@router.post("/shifts/{shift_id}/sign-up", response_model=SignUpOut, summary="报名 / Sign up")
async def sign_up(request: Request, command: CommandDep, shift_id: str, body: ActIn) -> Response:
    """本人自愿；须先培训，年龄与技能相符 / of one's own will; trained, and of fitting age and skill."""
    rules = rules_of(request)
    return await command.run(lambda tx: places.sign_up(tx, command, rules, key_of(shift_id)))


@router.post("/shifts/{shift_id}/withdrawal", response_model=SignUpOut, summary="取消报名 / Withdraw")
async def withdraw(command: CommandDep, shift_id: str, body: ActIn) -> Response:
    """签到前随时可取消 / at any time before checking in."""
    return await command.run(lambda tx: places.withdraw(tx, command, key_of(shift_id)))


@router.post("/shifts/{shift_id}/check-in", response_model=SignUpOut, summary="签到 / Check in")
async def check_in(request: Request, command: CommandDep, shift_id: str, body: CheckIn) -> Response:
    """凭现场出示的签到码 / with the code that is shown at the site."""
    rules = rules_of(request)
    return await command.run(lambda tx: places.check_in(tx, command, rules, key_of(shift_id), body.code))


@router.post("/shifts/{shift_id}/check-out", response_model=SignUpOut, summary="签退 / Check out")
async def check_out(command: CommandDep, shift_id: str, body: CheckIn) -> Response:
    """计时到签退为止，不超出班次 / minutes are counted until now, inside the shift."""
    return await command.run(lambda tx: places.check_out(tx, command, key_of(shift_id), body.code))


@router.post("/awards/{award_id}/consent", response_model=AwardOut, summary="是否公布荣誉 / May an award be published")
async def consent(command: CommandDep, award_id: str, body: AwardConsentIn) -> Response:
    """本人同意后方可公布，可随时撤回 / published only if the volunteer agrees, who may change his mind."""
    return await command.run(lambda tx: people.consent_to_award(tx, command, key_of(award_id), body.shown_as))


@router.post("/certificates", status_code=201, response_model=CertificateOut, summary="申请证明 / Get a certificate")
async def certify(command: CommandDep, body: CertificateIn) -> Response:
    """由记录服务的组织出具，免费 / of what that organisation has recorded, free of charge."""
    return await command.run(lambda tx: people.certify(tx, command, body.org), status=201)


@router.post("/pairings/{pairing_id}/acceptance", response_model=PairingOut, summary="接受结对 / Accept a pairing")
async def accept(command: CommandDep, pairing_id: str, body: AcceptanceIn) -> Response:
    """志愿者自愿接受 / the volunteer accepts of his own will."""
    return await command.run(lambda tx: support.accept(tx, command, key_of(pairing_id), body.consent))


@router.post(
    "/pairings/{pairing_id}/visits", status_code=201, response_model=VisitOut, summary="记录走访 / Note a visit"
)
async def visit(request: Request, command: CommandDep, pairing_id: str, body: VisitIn) -> Response:
    """只用配置的词 / in words of the profile."""
    rules = rules_of(request)
    return await command.run(lambda tx: support.visit(tx, command, rules, key_of(pairing_id), body), status=201)


@router.post("/pairings/{pairing_id}/end", response_model=PairingOut, summary="结束结对 / End a pairing")
async def end(command: CommandDep, pairing_id: str, body: EndIn) -> Response:
    """任何一方均可；对方由经办组织代为提出 / either side may; for the other one its case worker does."""
    return await command.run(lambda tx: support.end(tx, command, key_of(pairing_id), body.by))
