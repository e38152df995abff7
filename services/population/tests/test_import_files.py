"""Files of imports: what is read as CSV and as a sheet, what is refused at once, and what is given back."""

from __future__ import annotations

import io
from typing import Any

import pytest
from openpyxl import Workbook

from .conftest import COMMUNITY, GRID, NANGUAN, World, id_number
from .test_imports import HEADER, XLSX, as_csv, as_xlsx, done, figures, line, send, table_of


@pytest.mark.parametrize("media", ["text/csv", XLSX])
async def test_no_cell_of_the_returned_file_is_a_formula(world: World, media: str) -> None:
    evil = ["=1+2", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)"]
    rows = [line(n, 姓名=text, 身份证号="123") for n, text in enumerate(evil)]
    job = await send(world, as_csv(rows))
    if media == XLSX:
        book = Workbook()
        sheet = book.worksheets[0]
        for row in [HEADER, *rows]:
            sheet.append(row)
            for cell in sheet[sheet.max_row]:
                cell.data_type = "s"
        out = io.BytesIO()
        book.save(out)
        job = await send(world, out.getvalue(), media=XLSX)
    answer = await world.ask("GET", f"/imports/{job['id']}/errors")
    for row, text in zip(table_of(answer.content, media)[1:], evil, strict=True):
        assert row[0] == f"'{text}"
        assert not any(str(cell).startswith(("=", "+", "-", "@")) for cell in row)
    # and what was made harmless is taken as it was when the file is sent again
    header, *back = table_of(answer.content, media)
    again = [[*row[:1], id_number(n + 1), *row[2:]] for n, row in enumerate(back)]
    assert figures(await send(world, as_csv(again, header))) == done(4, added=4)
    found = await world.get("/people/private", area=NANGUAN, purpose="visit")
    assert sorted(item["name"] for item in found["items"]) == sorted(evil)


async def test_an_id_that_a_spreadsheet_kept_as_a_number_is_told(world: World) -> None:
    row: list[Any] = line(1)
    row[1] = int(id_number(13)[:17] + "3")
    job = await send(world, as_xlsx([row]), media=XLSX)
    answer = await world.ask("GET", f"/imports/{job['id']}/errors")
    assert "设为文本" in table_of(answer.content, XLSX)[1][-1]


async def test_files_of_other_writers_are_read_too(world: World) -> None:
    rows = [line(serial) for serial in range(1, 4)]
    assert figures(await send(world, as_csv(rows, encoding="gb18030"))) == done(3, added=3)
    assert figures(await send(world, as_csv(rows, encoding="utf-8-sig"))) == done(3, unchanged=3)
    blank: list[list[str]] = [[""] * len(HEADER)]
    assert figures(await send(world, as_csv([*blank, *rows, *blank, *blank]))) == done(3, unchanged=3)
    english = ["Name", "ID number", "Grid", "Registration"]
    plain = [["Wang", id_number(9), GRID, "registered"]]
    assert figures(await send(world, as_csv(plain, english))) == done(1, added=1)


@pytest.mark.parametrize(
    ("content", "media", "expected"),
    [
        (b"", "text/csv", (422, "file_empty")),
        (b"\n\n", "text/csv", (422, "file_empty")),
        (b"\xff\xfe\xff", "text/csv", (422, "file_unreadable")),
        (b"name\n", "application/json", (415, "format_unknown")),
        (b"name\n", "application/pdf", (415, "format_unknown")),
        (b"PK nothing", XLSX, (422, "file_unreadable")),
        ("姓名\n".encode(), "text/csv", (422, "columns_missing")),
        ("姓名,身份证号,网格,人口类型,鞋码\n".encode(), "text/csv", (422, "columns_unknown")),
        ("姓名,身份证号,网格,人口类型,name\n".encode(), "text/csv", (422, "column_twice")),
        (b'"a', "text/csv", (422, "file_unreadable")),
    ],
)
async def test_a_file_that_cannot_be_taken_is_refused_at_once(
    world: World, content: bytes, media: str, expected: tuple[int, str]
) -> None:
    headers = {"Content-Type": media}
    answer = await world.refused("/imports", COMMUNITY, content=content or b" ", headers=headers, area=NANGUAN)
    assert answer == expected
    assert await world.names() == []


async def test_a_file_that_is_too_large_is_refused_and_other_bodies_keep_their_limits(world: World) -> None:
    limit = world.service.parts.settings.max_body_bytes
    assert limit == 33_554_432
    headers = {"Content-Type": "text/csv"}
    answer = await world.refused("/imports", COMMUNITY, content=b"x" * (limit + 1), headers=headers, area=NANGUAN)
    assert answer == (413, "request_too_large")


async def test_a_template_is_a_file_that_can_be_sent(world: World) -> None:
    for form, media in (("csv", "text/csv"), ("xlsx", XLSX)):
        answer = await world.ask("GET", f"/imports/template?format={form}&lang=en")
        assert figures(await send(world, answer.content, media=media)) == done(0)
    assert await world.not_got("/imports/template?format=doc") == (422, "invalid_request")
