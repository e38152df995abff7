"""A volunteer's own reads, and what is open to everybody: published awards, and whether a certificate is genuine."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from suizhuan import paging
from suizhuan.commands import CommandDep, etag
from suizhuan.identity import Caller, Identity, caller
from suizhuan.kernel.refusal import Refusal
from volunteers import desk, people, store, store_people, store_views
from volunteers.domain.pairing import Pairing
from volunteers.routes import key_of, parts_of
from volunteers.schemas import SignUpOut, SignUpPage
from volunteers.schemas_people import (
    AwardOut,
    AwardPage,
    CertificateDocument,
    CertificateOut,
    CertificatePage,
    PairingOut,
    PairingPage,
    PrivateOut,
    TrainedOut,
    TrainedPage,
    VisitOut,
    VisitPage,
    VolunteerOut,
)
from volunteers.store_people import Personal

router = APIRouter(dependencies=[Depends(caller)])
open_router = APIRouter(tags=["certificates 证明"])


async def _me(request: Request, identity: Identity) -> Personal:
    """Errors: `wrong_kind`, `not_registered`."""
    subject = desk.resident(identity)
    async with parts_of(request).database.read() as conn:
        found = await store_people.by_subject(conn, subject)
    if found is None:
        raise Refusal("not_registered")
    return found


@router.get("/volunteers/me", response_model=VolunteerOut, tags=["me 本人"], summary="本人记录 / One's own record")
async def get_me(request: Request, response: Response, identity: Caller) -> VolunteerOut:
    """不含个人信息 / without personal data. `ETag` is its version."""
    me = await _me(request, identity)
    async with parts_of(request).database.read() as conn:
        found = await store.VOLUNTEER.get(conn, me.volunteer)
    response.headers["ETag"] = etag(found.version)
    return VolunteerOut.of(found)


@router.get(
    "/volunteers/me/private", response_model=PrivateOut, tags=["me 本人"], summary="本人的个人信息 / What is kept of me"
)
async def get_my_private(command: CommandDep) -> Response:
    """本人随时可查阅（留痕）/ everybody may see what is kept of him; the read is recorded."""
    once = desk.unremembered(command)
    return await once.decide(lambda tx: people.read_own(tx, once))


@router.get("/volunteers/me/training", response_model=TrainedPage, tags=["me 本人"], summary="本人的培训 / My training")
async def list_my_training(request: Request, identity: Caller) -> TrainedPage:
    """每种培训一条 / one of each kind: the list is as short as the profile's."""
    me = await _me(request, identity)
    async with parts_of(request).database.read() as conn:
        found = await store_people.trained(conn, me.volunteer)
    return TrainedPage(items=[TrainedOut(**row) for row in found])


@router.get("/volunteers/me/service", response_model=SignUpPage, tags=["me 本人"], summary="本人的服务 / My service")
async def list_my_service(
    request: Request, identity: Caller, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> SignUpPage:
    """报名与服务，新的在前 / places and service, newest first."""
    before = paging.decode(cursor)
    me = await _me(request, identity)
    async with parts_of(request).database.read() as conn:
        found = await store_views.service_of(conn, me.volunteer, before=before, limit=limit + 1)
    page, following = paging.cut(found, limit, lambda one: one.shift)
    return SignUpPage(items=[SignUpOut.of(one) for one in page], next=following)


@router.get("/volunteers/me/awards", response_model=AwardPage, tags=["me 本人"], summary="本人的荣誉 / My awards")
async def list_my_awards(
    request: Request, identity: Caller, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> AwardPage:
    """含未公布的 / also those that are not published."""
    before = paging.decode(cursor)
    me = await _me(request, identity)
    async with parts_of(request).database.read() as conn:
        found = await store_views.awards(conn, before=before, limit=limit + 1, volunteer=me.volunteer)
    page, following = paging.cut(found, limit, lambda one: one[0].id)
    return AwardPage(items=[AwardOut.of(*one) for one in page], next=following)


@router.get(
    "/volunteers/me/certificates",
    response_model=CertificatePage,
    tags=["me 本人"],
    summary="本人的证明 / My certificates",
)
async def list_my_certificates(
    request: Request, identity: Caller, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> CertificatePage:
    """按编号 / by number."""
    after = paging.decode(cursor)
    me = await _me(request, identity)
    async with parts_of(request).database.read() as conn:
        found = await store_views.certificates(conn, me.volunteer, after=after, limit=limit + 1)
    page, following = paging.cut(found, limit, lambda one: one.number)
    return CertificatePage(items=[CertificateOut.of(one) for one in page], next=following)


@router.get("/awards", response_model=AwardPage, tags=["awards 荣誉"], summary="已公布的荣誉 / Published awards")
async def list_awards(request: Request, cursor: paging.Cursor = "", limit: paging.Limit = 50) -> AwardPage:
    """仅限本人同意公布的 / only those whose holders consent."""
    before = paging.decode(cursor)
    async with parts_of(request).database.read() as conn:
        found = await store_views.awards(conn, before=before, limit=limit + 1)
    page, following = paging.cut(found, limit, lambda one: one[0].id)
    return AwardPage(items=[AwardOut.of(*one) for one in page], next=following)


@open_router.get("/certificates/{number}", response_model=CertificateOut, summary="验证证明 / Is it genuine")
async def get_certificate(request: Request, number: str) -> CertificateOut:
    """无需登录；只有时长与日期，没有姓名 / for everybody, without a token; its hours and date, no name.

    A number that is not found is not genuine."""
    async with parts_of(request).database.read() as conn:
        return CertificateOut.of(await store_people.get_certificate(conn, key_of(number)))


@router.get(
    "/certificates/{number}/document",
    response_model=CertificateDocument,
    tags=["certificates 证明"],
    summary="证明全文 / The whole certificate",
)
async def get_document(command: CommandDep, number: str) -> Response:
    """仅给本人 / for the volunteer alone; the read is recorded."""
    once = desk.unremembered(command)
    return await once.decide(lambda tx: people.document(tx, once, key_of(number)))


@router.get("/shifts/{shift_id}/sign-ups", response_model=SignUpPage, tags=["shifts 班次"], summary="报名 / Its places")
async def list_sign_ups(
    request: Request, identity: Caller, shift_id: str, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> SignUpPage:
    """仅限组织方 / for its organiser. Ids only."""
    after = paging.decode(cursor)
    org = desk.staff(identity)
    async with parts_of(request).database.read() as conn:
        shift = await store.SHIFT.get(conn, key_of(shift_id))
        activity = await store.ACTIVITY.get(conn, shift.activity)
        if activity.org != org:
            raise Refusal("not_organiser", org=org, activity=activity.id, organiser=activity.org)
        found = await store_views.sign_ups(conn, shift_id, after=after, limit=limit + 1)
    page, following = paging.cut(found, limit, lambda one: one.volunteer)
    return SignUpPage(items=[SignUpOut.of(one) for one in page], next=following)


@router.get("/pairings", response_model=PairingPage, tags=["pairings 结对"], summary="结对列表 / Pairings")
async def list_pairings(
    request: Request, identity: Caller, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> PairingPage:
    """志愿者本人的，或本组织安排的 / one's own, or those that one's organisation has arranged. Without the files."""
    before = paging.decode(cursor)
    whose = (
        {"org": desk.staff(identity)}
        if identity.kind == "staff"
        else {"volunteer": (await _me(request, identity)).volunteer}
    )
    async with parts_of(request).database.read() as conn:
        found = await store.PAIRING.page(conn, before=before, limit=limit + 1, **whose)
    page, following = paging.cut(found, limit, lambda one: one.id)
    return PairingPage(items=[PairingOut.of(one) for one in page], next=following)


@router.get(
    "/pairings/{pairing_id}/visits", response_model=VisitPage, tags=["pairings 结对"], summary="走访记录 / Its visits"
)
async def list_visits(
    request: Request, identity: Caller, pairing_id: str, cursor: paging.Cursor = "", limit: paging.Limit = 50
) -> VisitPage:
    """志愿者本人，或安排结对的组织 / for the volunteer, and for the organisation that arranged it."""
    before = paging.decode(cursor)
    async with parts_of(request).database.read() as conn:
        pairing = await store.PAIRING.get(conn, key_of(pairing_id))
    await _party(request, identity, pairing)
    async with parts_of(request).database.read() as conn:
        found = await store_views.visits(conn, pairing.id, before=before, limit=limit + 1)
    rows = [VisitOut(**row) for row in found]
    page, following = paging.cut(rows, limit, lambda one: one.id)
    return VisitPage(items=page, next=following)


async def _party(request: Request, identity: Identity, pairing: Pairing) -> None:
    if identity.kind == "staff":
        if identity.org != pairing.org:
            raise Refusal("not_yours", what="pairing", id=pairing.id)
    elif (await _me(request, identity)).volunteer != pairing.volunteer:
        raise Refusal("not_yours", what="pairing", id=pairing.id)
