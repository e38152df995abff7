"""Owners' meetings: called, voted in, and their committees put on file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from property import desk, voting
from property import store_meetings as meetings_store
from property.domain import facts_owners as facts
from property.domain import meeting as meetings
from property.domain.meeting import STATES, Meeting
from property.queries import AreaQuery, Word, page, parts, rules
from property.schemas_meetings import BallotIn, BallotOut, FilingIn, MeetingIn, MeetingOut, MeetingPage
from property.store_estates import ESTATES
from property.store_meetings import MEETINGS
from property.tables import organisations
from suizhuan import paging
from suizhuan.command_route import CommandRoute
from suizhuan.commands import Command, CommandDep, etag
from suizhuan.context import new_id
from suizhuan.identity import caller
from suizhuan.kernel.area import contains
from suizhuan.kernel.refusal import Refusal
from suizhuan.unit_of_work import Tx

router = APIRouter(tags=["meetings 业主大会"], dependencies=[Depends(caller)], route_class=CommandRoute)
COMMUNITY = "community"


@router.post("/meetings", status_code=201, response_model=MeetingOut, summary="召集业主大会 / Call a meeting")
async def call(request: Request, command: CommandDep, body: MeetingIn) -> Response:
    """两成以上业主召集、提前 15 日、告知居委会（以辖区配置为准）；名册当日封存 / the roll is closed now."""
    conditions = voting.conditions(rules(request))

    async def work(tx: Tx) -> MeetingOut:
        estate = await ESTATES.get(tx.conn, body.estate, lock=True)
        authority = await desk.act(tx, command, desk.CALL_MEETING, desk.ESTATES, estate.area)
        await _told(tx, body.told, estate.area)
        roll = await meetings_store.of_estate(tx.conn, estate.id)
        callers = set(body.callers)
        if strangers := len(callers - set(roll)):
            raise Refusal("not_an_owner", estate=estate.id, strangers=strangers)
        fact = facts.MeetingCalled(
            meeting=new_id(),
            estate=estate.id,
            area=estate.area,
            callers=len(callers),
            heads=len(roll),
            size_dm2=sum(roll.values()),
            told=body.told,
            opens_at=body.opens_at,
            closes_at=body.closes_at,
            motions=[facts.Motion(number=n, item=motion.item) for n, motion in enumerate(body.motions, 1)],
        )
        meeting = await MEETINGS.put(tx, meetings.call(fact, conditions, tx.now), authority)
        words = {n: motion.words for n, motion in enumerate(body.motions, 1)}
        await meetings_store.close_roll(tx, meeting.id, roll)
        await meetings_store.add_words(tx, meeting.id, words)
        await voting.watch(tx, meeting)
        return MeetingOut.of(meeting, words)

    return await command.run(work, status=201)


async def _told(tx: Tx, org: str, area: str) -> None:
    """The residents' committee 居委会 of that place was told. Errors: `unknown_organisation`, `committee_not_told`."""
    registered = await organisations.kind_and_areas(tx.conn, org)
    if registered is None:
        raise Refusal("unknown_organisation", org=org)
    kind, areas = registered
    if kind != COMMUNITY or not any(contains(place, area) for place in areas):
        raise Refusal("committee_not_told", org=org, area=area)


@router.post("/meetings/{meeting_id}/ballot", response_model=BallotOut, summary="表决 / Vote")
async def vote(command: CommandDep, meeting_id: str, body: BallotIn) -> Response:
    """名册上的业主本人；结束前可更改，不公开 / owners of the roll; changeable until the end, and secret."""

    async def work(tx: Tx) -> BallotOut:
        meeting, owner = await _voter(tx, command, meeting_id)
        before = await meetings_store.ballot(tx.conn, meeting.id, owner)
        change = meetings.cast(meeting, owner, body.choices, changed=bool(before), now=tx.now)
        now = await MEETINGS.put(tx, change, None)
        await meetings_store.put_ballot(tx, now.id, owner, dict(body.choices))
        return BallotOut(meeting=now.id, owner=owner, choices={**before, **body.choices}, version=now.version)

    return await command.decide(work)


async def _voter(tx: Tx, command: Command, key: str) -> tuple[Meeting, str]:
    """Errors: `not_found`, `not_on_the_roll`."""
    meeting = await MEETINGS.get(tx.conn, desk.key_of(key, "meeting"), lock=tx.locks)
    command.check_version(meeting.version)
    owner = await meetings_store.voter(tx.conn, meeting.id, command.identity.subject)
    if owner is None:
        raise Refusal("not_on_the_roll", meeting=meeting.id)
    return meeting, owner


@router.post("/meetings/{meeting_id}/filing", response_model=MeetingOut, summary="备案业委会 / File the committee")
async def file_committee(command: CommandDep, meeting_id: str, body: FilingIn) -> Response:
    """选举产生后 30 日内（以辖区配置为准）；逾期仍可补 / within the profile's days; late is better than never."""

    async def work(tx: Tx) -> MeetingOut:
        meeting = await MEETINGS.get(tx.conn, desk.key_of(meeting_id, "meeting"), lock=tx.locks)
        authority = await desk.act(tx, command, desk.FILE_COMMITTEE, desk.ESTATES, meeting.area)
        command.check_version(meeting.version)
        now = await MEETINGS.put(tx, meetings.file_committee(meeting, body.reference, tx.now), authority)
        await voting.watch(tx, now)
        return (await _shown(tx.conn, [now]))[0]

    return await command.decide(work)


@router.get("/meetings", response_model=MeetingPage, summary="业主大会列表 / List meetings")
async def list_meetings(
    request: Request,
    area: AreaQuery | None = None,
    estate: Word | None = None,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(STATES))] = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> MeetingPage:
    """按区域、小区、状态筛选，新的在前 / by area, estate and state, newest first."""
    if state is not None and state not in STATES:
        raise Refusal("invalid_request", reason="state")
    found, following = await page(
        request, MEETINGS, lambda one: one, cursor=cursor, limit=limit, area=area, estate=estate, state=state
    )
    async with parts(request).database.read() as conn:
        return MeetingPage(items=await _shown(conn, found), next=following)


@router.get("/meetings/{meeting_id}", response_model=MeetingOut, summary="业主大会 / A meeting")
async def get_meeting(request: Request, response: Response, meeting_id: str) -> MeetingOut:
    """结果在表决结束后给出 / results come with its end. `ETag` is its version."""
    async with parts(request).database.read() as conn:
        found = await MEETINGS.get(conn, desk.key_of(meeting_id, "meeting"))
        (shown,) = await _shown(conn, [found])
    response.headers["ETag"] = etag(found.version)
    return shown


async def _shown(conn: AsyncConnection, found: Sequence[Meeting]) -> list[MeetingOut]:
    keys = [one.id for one in found]
    words, lost = await meetings_store.words(conn, keys), await meetings_store.lost_ballots(conn, keys)
    return [MeetingOut.of(one, words.get(one.id, {}), lost.get(one.id, 0)) for one in found]
