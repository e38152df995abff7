"""Reads: lists by cursor, single aggregates with their ETag, and what is personal under a power and a purpose."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request, Response

from suizhuan import paging
from suizhuan.commands import CommandDep, etag
from suizhuan.identity import Caller, caller
from suizhuan.kernel.area import trim
from suizhuan.kernel.refusal import Refusal
from suizhuan.profile_volunteering import Kind
from suizhuan.service import Parts
from volunteers import desk, people, places, store, support
from volunteers.domain.activity import STATES
from volunteers.domain.change import Aggregate
from volunteers.rules import Rules
from volunteers.schemas import (
    ActivityOut,
    ActivityPage,
    CodeOut,
    CourseOut,
    CoursePage,
    ShiftOut,
    ShiftPage,
    TeamOut,
    TeamPage,
    WordOut,
    WordsOut,
)
from volunteers.schemas_in import PairingPurpose, Purpose
from volunteers.schemas_people import PairingFullOut, PrivateOut, VolunteerOut, VolunteerPage
from volunteers.store import Kept

router = APIRouter(dependencies=[Depends(caller)])
A = TypeVar("A", bound=Aggregate)

Word = Annotated[str, Query(min_length=1, max_length=200)]
AreaQuery = Annotated[str, Query(max_length=40, description="区域（含下级）/ this area and all in it")]
State = Annotated[str, Query(max_length=20)]


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def rules_of(request: Request) -> Rules:
    rules: Rules = request.app.state.rules
    return rules


def key_of(value: str) -> str:
    """An id as it may stand in a path. Errors: `not_found` for what cannot be one."""
    if len(value) > 80 or not value.isascii() or not value.isprintable():
        raise Refusal("not_found", what="path", id="?")
    return value


async def _listed(
    request: Request, kept: Kept[A], cursor: str, limit: int, area: str | None, **equal: str | None
) -> tuple[list[A], dict[str, str], str | None]:
    """A page, what its items are called, and the cursor of the next."""
    before = paging.decode(cursor)
    for word in equal.values():
        if word is not None and not word.isprintable():
            raise Refusal("invalid_request", reason="not plain text")
    within = trim(area) if area is not None else None
    async with parts_of(request).database.read() as conn:
        found = await kept.page(conn, before=before, limit=limit + 1, area=within, **equal)
        page, following = paging.cut(found, limit, lambda one: one.id)
        return page, await store.titles(conn, [one.id for one in page]), following


async def _one(request: Request, response: Response, kept: Kept[A], id_: str) -> tuple[A, str | None]:
    async with parts_of(request).database.read() as conn:
        found = await kept.get(conn, key_of(id_))
        title = (await store.titles(conn, [found.id])).get(found.id)
    response.headers["ETag"] = etag(found.version)
    return found, title


@router.get("/words", response_model=WordsOut, tags=["words 词"], summary="辖区配置的词 / The profile's words")
async def get_words(request: Request) -> WordsOut:
    """类别、技能、培训、荣誉、需求、走访与星级 / kinds, skills, courses, awards, needs, visits and stars."""
    of = rules_of(request).of

    def words(kinds: tuple[Kind, ...]) -> list[WordOut]:
        return [
            WordOut(code=k.code, zh=k.name.zh, en=k.name.en, valid_days=getattr(k, "valid_days", None)) for k in kinds
        ]

    lists: dict[str, Any] = {
        name: words(getattr(of, name))
        for name in ("team_kinds", "activity_kinds", "skills", "training", "awards", "needs", "visits")
    }
    return WordsOut(**lists, training_first=list(of.training_first), stars_h=list(of.stars_h))


@router.get("/volunteers", response_model=VolunteerPage, tags=["volunteers 志愿者"], summary="志愿者列表 / Volunteers")
async def list_volunteers(
    request: Request,
    identity: Caller,
    area: AreaQuery | None = None,
    state: State | None = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> VolunteerPage:
    """仅限工作人员；不含个人信息 / for staff; without personal data."""
    desk.staff(identity)
    page, _, following = await _listed(request, store.VOLUNTEER, cursor, limit, area, state=state)
    return VolunteerPage(items=[VolunteerOut.of(one) for one in page], next=following)


@router.get(
    "/volunteers/{volunteer_id}",
    response_model=VolunteerOut,
    tags=["volunteers 志愿者"],
    summary="志愿者 / A volunteer",
)
async def get_volunteer(request: Request, response: Response, identity: Caller, volunteer_id: str) -> VolunteerOut:
    """仅限工作人员 / for staff. `ETag` is its version."""
    desk.staff(identity)
    found, _ = await _one(request, response, store.VOLUNTEER, volunteer_id)
    return VolunteerOut.of(found)


@router.get(
    "/volunteers/{volunteer_id}/private",
    response_model=PrivateOut,
    tags=["volunteers 志愿者"],
    summary="个人信息 / Personal data",
)
async def get_private(
    command: CommandDep,
    volunteer_id: str,
    purpose: Annotated[Purpose, Query(description="用途，随查阅一并记录 / why; recorded with the read")],
) -> Response:
    """须有当地的查阅权；每次查阅都留痕 / under the power where the volunteer lives; every read is recorded."""
    once = desk.unremembered(command)
    return await once.decide(lambda tx: people.read(tx, once, key_of(volunteer_id), purpose))


@router.get("/teams", response_model=TeamPage, tags=["teams 服务队"], summary="服务队列表 / Teams")
async def list_teams(
    request: Request,
    area: AreaQuery | None = None,
    kind: Word | None = None,
    project: Word | None = None,
    org: Word | None = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> TeamPage:
    """按区域、类别、项目、组织筛选 / by area, kind, project and organisation."""
    page, titles, following = await _listed(
        request, store.TEAM, cursor, limit, area, kind=kind, project=project, org=org
    )
    return TeamPage(items=[TeamOut.of(one, titles.get(one.id)) for one in page], next=following)


@router.get("/teams/{team_id}", response_model=TeamOut, tags=["teams 服务队"], summary="服务队 / A team")
async def get_team(request: Request, response: Response, team_id: str) -> TeamOut:
    """`ETag` is its version."""
    return TeamOut.of(*await _one(request, response, store.TEAM, team_id))


@router.get("/activities", response_model=ActivityPage, tags=["activities 活动"], summary="活动列表 / Activities")
async def list_activities(
    request: Request,
    area: AreaQuery | None = None,
    state: Annotated[str | None, Query(max_length=20, description=" ".join(STATES))] = None,
    kind: Word | None = None,
    org: Word | None = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> ActivityPage:
    """按区域、状态、类型、组织方筛选 / by area, state, kind and organiser."""
    if state is not None and state not in STATES:
        raise Refusal("invalid_request", reason="state")
    page, titles, following = await _listed(
        request, store.ACTIVITY, cursor, limit, area, state=state, kind=kind, org=org
    )
    return ActivityPage(items=[ActivityOut.of(one, titles.get(one.id)) for one in page], next=following)


@router.get(
    "/activities/{activity_id}", response_model=ActivityOut, tags=["activities 活动"], summary="活动 / An activity"
)
async def get_activity(request: Request, response: Response, activity_id: str) -> ActivityOut:
    """`ETag` is its version."""
    return ActivityOut.of(*await _one(request, response, store.ACTIVITY, activity_id))


@router.get("/shifts", response_model=ShiftPage, tags=["shifts 班次"], summary="班次列表 / Shifts")
async def list_shifts(
    request: Request,
    area: AreaQuery | None = None,
    activity: Word | None = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> ShiftPage:
    """按活动、区域筛选 / by activity and area."""
    page, _, following = await _listed(request, store.SHIFT, cursor, limit, area, activity=activity)
    return ShiftPage(items=[ShiftOut.of(one) for one in page], next=following)


@router.get("/shifts/{shift_id}", response_model=ShiftOut, tags=["shifts 班次"], summary="班次 / A shift")
async def get_shift(request: Request, response: Response, shift_id: str) -> ShiftOut:
    """`ETag` is its version."""
    return ShiftOut.of((await _one(request, response, store.SHIFT, shift_id))[0])


@router.get("/shifts/{shift_id}/code", response_model=CodeOut, tags=["shifts 班次"], summary="签到码 / Its code")
async def get_code(command: CommandDep, shift_id: str) -> Response:
    """仅限组织方，在现场出示 / for its organiser, to be shown at the site."""
    once = desk.unremembered(command)
    return await once.decide(lambda tx: places.show_code(tx, once, key_of(shift_id)))


@router.get("/courses", response_model=CoursePage, tags=["courses 培训"], summary="课程列表 / Courses")
async def list_courses(
    request: Request,
    area: AreaQuery | None = None,
    training: Word | None = None,
    state: State | None = None,
    cursor: paging.Cursor = "",
    limit: paging.Limit = 50,
) -> CoursePage:
    """按区域、种类、状态筛选 / by area, kind and state."""
    page, titles, following = await _listed(request, store.COURSE, cursor, limit, area, training=training, state=state)
    return CoursePage(items=[CourseOut.of(one, titles.get(one.id)) for one in page], next=following)


@router.get("/courses/{course_id}", response_model=CourseOut, tags=["courses 培训"], summary="课程 / A course")
async def get_course(request: Request, response: Response, course_id: str) -> CourseOut:
    """`ETag` is its version."""
    return CourseOut.of(*await _one(request, response, store.COURSE, course_id))


@router.get(
    "/pairings/{pairing_id}", response_model=PairingFullOut, tags=["pairings 结对"], summary="结对全部内容 / A pairing"
)
async def get_pairing(
    command: CommandDep,
    pairing_id: str,
    purpose: Annotated[PairingPurpose, Query(description="用途，随查阅一并记录 / why; recorded with the read")],
) -> Response:
    """含档案编号，须有权；每次查阅都留痕 / with the file, under the power; every read is recorded."""
    once = desk.unremembered(command)
    return await once.decide(lambda tx: support.show(tx, once, key_of(pairing_id), purpose))
