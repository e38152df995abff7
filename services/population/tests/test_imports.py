"""Imports: nothing is lost, nothing is doubled, every bad row comes back to be mended."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select

from population import importing
from population import tables as t
from suizhuan.testing import told_of

from .conftest import COMMUNITY, DAY, FOREIGN, GRID, GRID_2, NANGUAN, OTHER, STREET, World, id_number, of

HEADER = ["姓名", "身份证号", "电话", "网格代码", "楼栋", "单元", "房号", "户号", "是否户主", "人口类型", "就业状况"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def line(serial: int, **more: str) -> list[str]:
    row = {
        "姓名": f"王五{serial}",
        "身份证号": id_number(serial),
        "电话": f"139{serial:08d}",
        "网格代码": GRID if serial % 2 else GRID_2,
        "楼栋": f"{serial % 3}号楼",
        "单元": "1",
        "房号": f"{serial // 3}",
        "户号": f"H{serial // 2}",
        "是否户主": "是" if serial % 2 else "否",
        "人口类型": "户籍人口",
        "就业状况": "在业",
        **more,
    }
    return [row[name] for name in HEADER]


def as_csv(rows: list[list[str]], header: list[str] = HEADER, encoding: str = "utf-8") -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out).writerows([header, *rows])
    return out.getvalue().encode(encoding)


def as_xlsx(rows: list[list[Any]], header: list[str] = HEADER) -> bytes:
    book = Workbook()
    sheet = book.worksheets[0]
    for row in [header, *rows]:
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def send(
    world: World, content: bytes, *, area: str = NANGUAN, org: str = COMMUNITY, media: str = "text/csv"
) -> dict[str, Any]:
    """Hand in, and carry out to the end."""
    headers = {"Content-Type": media}
    begun = await world.post("/imports", org, content=content, headers=headers, area=area)
    await world.deadlines()
    return await world.get(f"/imports/{begun['id']}", org)


def figures(job: dict[str, Any]) -> dict[str, Any]:
    return {k: job[k] for k in ("state", "read", "added", "updated", "unchanged", "refused")}


def done(read: int, added: int = 0, updated: int = 0, unchanged: int = 0, refused: int = 0) -> dict[str, Any]:
    return {
        "state": "done",
        "read": read,
        "added": added,
        "updated": updated,
        "unchanged": unchanged,
        "refused": refused,
    }


async def rows_in(world: World, table: Any) -> int:
    async with world.service.parts.database.read() as conn:
        return int((await conn.execute(select(func.count()).select_from(table))).scalar_one())


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 5)


@pytest.mark.parametrize("media", ["text/csv", XLSX])
async def test_a_file_is_taken_in_step_by_step_and_told_by_its_counts(world: World, media: str) -> None:
    rows = [line(serial) for serial in range(1, 18)]
    job = await send(world, as_csv(rows) if media != XLSX else as_xlsx(rows), media=media)
    assert figures(job) == done(17, added=17)
    assert (job["buildings"], job["dwellings"], job["total"]) == (6, 17, 17)
    assert job["households"] == await rows_in(world, t.household)
    events = await world.events()
    assert {e.name.removeprefix("population.") for e in events} == {
        "import.started",
        "building.registered",
        "people.counted",
        "import.completed",
    }
    counted = {e.data["grid"]: e.data for e in of(events, "people.counted")}
    assert (counted[GRID]["people"], counted[GRID_2]["people"]) == (9, 8)
    assert counted[GRID]["by_registration"] == {"registered": 9}
    assert of(events, "import.completed")[0].attributes["mandate"] == f"m-population.register-{NANGUAN}"
    assert await rows_in(world, t.import_file) == 0
    people = await world.get("/people", area=NANGUAN, limit=100)
    assert len(people["items"]) == 17
    households = await world.get("/households", area=GRID, limit=100)
    assert all(h["head"] for h in households["items"])


async def test_what_is_sent_twice_doubles_nothing(world: World) -> None:
    rows = [line(serial) for serial in range(1, 13)]
    assert figures(await send(world, as_csv(rows))) == done(12, added=12)
    before = [await rows_in(world, table) for table in (t.person, t.building, t.dwelling, t.household)]
    assert figures(await send(world, as_csv(rows))) == done(12, unchanged=12)
    assert [await rows_in(world, table) for table in (t.person, t.building, t.dwelling, t.household)] == before
    rows[3] = line(4, 姓名="王六")
    assert figures(await send(world, as_xlsx(rows), media=XLSX)) == done(12, updated=1, unchanged=11)
    changed = await world.post(
        "/people/search", COMMUNITY, {"area": NANGUAN, "id_number": id_number(4), "purpose": "verification"}
    )
    assert changed["name"] == "王六"
    assert changed["version"] == 3  # registered, changed, read


async def test_of_two_rows_of_one_person_the_later_counts(world: World) -> None:
    rows = [line(1), line(1), line(1, 姓名="王六"), line(1, 姓名="王七"), *[line(n) for n in range(2, 7)], line(1)]
    assert figures(await send(world, as_csv(rows))) == done(10, added=6, updated=3, unchanged=1)
    assert await rows_in(world, t.person) == 6


async def test_a_crash_in_the_middle_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [line(serial) for serial in range(1, 24)]
    begun = await world.post(
        "/imports", COMMUNITY, content=as_csv(rows), headers={"Content-Type": "text/csv"}, area=NANGUAN
    )
    await world.deadlines_once()
    await world.deadlines_once()
    half = await world.get(f"/imports/{begun['id']}")
    assert (half["state"], half["read"], half["added"]) == ("running", 9, 9)

    real, crashes = importing.store_imports.put_all, [1, 2]

    async def crashing(tx: Any, table: Any, written: Any) -> None:
        await real(tx, table, written)
        if table is t.private and crashes:
            crashes.pop()
            raise RuntimeError("the process dies here")

    monkeypatch.setattr(importing.store_imports, "put_all", crashing)
    await world.deadlines_once()
    assert (await world.get(f"/imports/{begun['id']}"))["read"] == 9
    await world.restart()  # nothing is left in memory of where the file was
    await world.deadlines_once()
    monkeypatch.undo()
    monkeypatch.setattr(importing, "BATCH", 5)
    await world.restart()
    await world.deadlines()
    assert figures(await world.get(f"/imports/{begun['id']}")) == done(23, added=23)
    assert await rows_in(world, t.person) == 23


BAD = {
    "missing": {"姓名": ""},
    "id_checksum": {"身份证号": "440524188001010015"},
    "id_length": {"身份证号": "123"},
    "id_format": {"身份证号": "44052418800101OO14"},
    "id_date": {"身份证号": id_number(1, born="19900230")},
    "id_place": {"身份证号": id_number(1, place="999999")},
    "phone": {"电话": "打给我"},
    "code": {"人口类型": "火星人"},
    "not_a_grid": {"网格代码": NANGUAN},
    "unknown_area": {"网格代码": NANGUAN + "555"},
    "outside": {"网格代码": FOREIGN},
    "without_building": {"楼栋": ""},
    "without_household": {"户号": "", "是否户主": "是"},
    "text": {"姓名": "王\x0b五"},
}


@pytest.mark.parametrize("media", ["text/csv", XLSX])
async def test_every_bad_row_comes_back_with_what_is_wrong_and_mended_can_be_sent_again(
    world: World, media: str
) -> None:
    bad = {k: v for k, v in BAD.items() if media != XLSX or k != "text"}
    rows = [line(100 + n, **change) for n, change in enumerate(bad.values())]
    good = [line(serial) for serial in range(1, 8)]
    made = as_csv([*good, *rows]) if media != XLSX else as_xlsx([*good, *rows])
    job = await send(world, made, media=media)
    assert figures(job) == done(7 + len(bad), added=7, refused=len(bad))
    await world.events()
    answer = await world.ask("GET", f"/imports/{job['id']}/errors")
    assert answer.status_code == 200
    header, *returned = table_of(answer.content, media)
    assert header == [*HEADER, "错误"]
    assert len(returned) == len(bad)
    for (code, _), back, sent in zip(bad.items(), returned, rows, strict=True):
        assert importing.columns.WRONG[code][0] in back[-1], (code, back[-1])
        if code != "text":
            assert back[:-1] == sent
    (event,) = await world.events()
    assert (event.name, event.data["rows"]) == ("population.import.errors_read", len(bad))

    mended = [[*line(100 + n), row[-1]] for n, row in enumerate(returned)]
    sent = as_csv(mended, header) if media != XLSX else as_xlsx(mended, header)
    assert figures(await send(world, sent, media=media)) == done(len(bad), added=len(bad))
    assert await rows_in(world, t.person) == 7 + len(bad)


def table_of(content: bytes, media: str) -> list[list[str]]:
    if media != XLSX:
        return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    return [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]


async def test_more_rows_than_the_profile_allows_end_the_import(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = world.service.app.state.rules.population.imports
    monkeypatch.setitem(rules.__dict__, "max_rows", 6)
    job = await send(world, as_csv([line(serial) for serial in range(1, 30)]))
    assert (job["state"], job["reason"]) == ("stopped", "too_many_rows")
    assert await rows_in(world, t.import_file) == 0
    assert "import.stopped" in await world.names()


async def test_an_import_wants_the_power_over_its_area_and_over_every_grid(world: World) -> None:
    headers = {"Content-Type": "text/csv"}
    content = as_csv([line(1)])
    for org, area in ((OTHER, NANGUAN), (COMMUNITY, STREET), (COMMUNITY, FOREIGN)):
        answer = await world.refused("/imports", org, content=content, headers=headers, area=area)
        assert answer == (403, "missing_power")
    await world.log.grant("m-grid-2", OTHER, "population.register", GRID_2, ["population.person.import"])
    job = await send(world, as_csv([line(1), line(2), line(3)]))
    assert figures(job) == done(3, added=2, refused=1)
    answer = await world.ask("GET", f"/imports/{job['id']}/errors")
    assert "没有导入权力" in answer.text
    assert await world.not_got(f"/imports/{job['id']}/errors", OTHER) == (403, "missing_power")


async def test_an_import_ends_with_the_power_under_which_it_runs(world: World) -> None:
    rows = [line(serial) for serial in range(1, 20)]
    begun = await world.post(
        "/imports", COMMUNITY, content=as_csv(rows), headers={"Content-Type": "text/csv"}, area=NANGUAN
    )
    await world.deadlines_once()
    mandate = f"m-population.register-{NANGUAN}"
    await world.log.revoke(mandate, COMMUNITY, "population.register", NANGUAN)
    await world.deadlines()
    job = await world.get(f"/imports/{begun['id']}")
    assert (job["state"], job["reason"], job["added"]) == ("stopped", "missing_power", 4)
    assert await rows_in(world, t.import_file) == 0


async def test_who_is_registered_where_one_has_no_power_is_not_taken_away(world: World) -> None:
    await world.person(OTHER, grid=FOREIGN, id_number=id_number(1))
    job = await send(world, as_csv([line(1), line(2)]))
    assert figures(job) == done(2, added=1, refused=1)
    answer = await world.ask("GET", f"/imports/{job['id']}/errors")
    assert "无权的网格" in answer.text
    assert len((await world.get("/people", area=FOREIGN))["items"]) == 1


async def test_who_moves_by_an_import_takes_files_along_and_leaves_his_household(world: World) -> None:
    household = await world.household("H1")
    person = await world.person(id_number=id_number(1), household=household["id"])
    await world.post(f"/households/{household['id']}/head", COMMUNITY, {"person": person["id"]})
    body = {"person": person["id"], "kind": "destitute", "attributes": {"care": "scattered"}}
    file = await world.post("/files", COMMUNITY, body)
    await world.events()
    job = await send(world, as_csv([line(1, 网格代码=GRID_2, 户号="H77")]))
    assert figures(job) == done(1, updated=1)
    assert (await world.get(f"/files/{file['id']}"))["grid"] == GRID_2
    assert (await world.get(f"/households/{household['id']}"))["head"] is None
    assert {"file.moved", "household.head_named"} <= set(await world.names())


async def test_what_was_refused_is_kept_for_whoever_mends_it_and_then_forgotten(world: World) -> None:
    job = await send(world, as_csv([line(1, 姓名="")]))
    await world.later(13 * DAY)
    assert (await world.ask("GET", f"/imports/{job['id']}/errors")).status_code == 200
    await world.later(2 * DAY)
    assert await world.not_got(f"/imports/{job['id']}/errors") == (404, "no_errors")
    assert await rows_in(world, t.import_error) == 0


async def test_a_column_that_is_not_sent_leaves_what_is_held(world: World) -> None:
    await send(world, as_csv([line(1)]))
    plain = ["姓名", "身份证号", "网格代码", "人口类型"]
    again = await send(world, as_csv([["王五1", id_number(1), GRID, "户籍人口"]], plain))
    assert figures(again) == done(1, unchanged=1)
    person = (await world.get("/people", area=GRID))["items"][0]
    assert person["household"] is not None
    assert person["dwelling"] is not None


async def test_imports_page_to_the_end(world: World) -> None:
    made = [(await send(world, as_csv([line(1)])))["id"] for _ in range(5)]
    found: list[str] = []
    cursor = ""
    while True:
        page = await world.get("/imports", area=STREET, limit=2, cursor=cursor)
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert found == sorted(made)
    assert await world.get(f"/imports?area={STREET}&state=running") == {"items": [], "next": None}
    assert await world.not_got("/imports/none") == (404, "not_found")


async def test_nothing_that_an_import_says_names_anybody(world: World) -> None:
    await send(world, as_csv([line(1, 姓名="欧阳标记"), line(2, 姓名="", 电话="13899998888")]))
    said = json.dumps([[e.data, e.attributes] for e in await world.events()], ensure_ascii=False)
    assert told_of(said, ("欧阳", "13899998888", id_number(1), id_number(1)[-4:], "王五")) == []
