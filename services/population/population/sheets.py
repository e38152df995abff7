"""Tables that people send in and get back, as CSV or XLSX: rows of text, in order, one after the other."""

from __future__ import annotations

import csv
import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime

from suizhuan.kernel.refusal import Refusal

CSV, XLSX = "csv", "xlsx"
TYPES = {
    "text/csv": CSV,
    "application/csv": CSV,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": XLSX,
}
MEDIA = {CSV: "text/csv; charset=utf-8", XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
UNPACKED = 30  # times its size: more than a sheet of text ever shrinks by, less than what is made to burst
EXACT = 10**15  # a spreadsheet's numbers are right to 15 digits
_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Inexact(str):
    """Digits that a spreadsheet kept as a number and so has lost the last of."""

    __slots__ = ()


def rows(content: bytes, format_: str) -> Iterator[list[str]]:
    """The rows that are not blank, the first is the header. Errors: `file_unreadable`, also in the middle."""
    reader = _csv(content) if format_ == CSV else _xlsx(content)
    for row in reader:
        if any(row):
            yield row


def _csv(content: bytes) -> Iterator[list[str]]:
    text = None
    for encoding in ("utf-8-sig", "gb18030"):  # what Excel writes in China without being asked
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if text is None:
        raise Refusal("file_unreadable", reason="neither UTF-8 nor GB 18030")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise Refusal("file_unreadable", reason=f"CSV, line {reader.line_num}") from None
        yield [_kept(cell.strip()) for cell in row]


def _kept(cell: str) -> str:
    """A NUL, which no database keeps as text, stays a mistake as another control character."""
    return harmless_undone(cell.replace("\x00", "\x01"))


def _xlsx(content: bytes) -> Iterator[list[str]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
        if size > UNPACKED * max(len(content), 100_000):
            raise Refusal("file_unreadable", reason="it is far larger than it seems")
        from openpyxl import load_workbook  # noqa: PLC0415  (a tenth of a second, for those who send one)

        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size is not to be relied on
        for row in sheet.iter_rows(values_only=True):
            yield [_text(value) for value in row]
    except Refusal:
        raise
    except Exception as error:  # whatever a broken file makes the library trip over, the file is what is wrong
        raise Refusal("file_unreadable", reason=f"XLSX: {type(error).__name__}") from None


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        whole = int(value) if math.isfinite(value) else 0
        text = str(whole) if whole == value else str(value)
        return Inexact(text) if abs(whole) >= EXACT else text
    if isinstance(value, datetime | date):
        return value.isoformat()[:10]
    return harmless_undone(str(value).strip())


def harmless(text: str) -> str:
    """As it may stand in a file that a spreadsheet opens: nothing in it is taken for a formula."""
    return f"'{text}" if text.startswith(_STARTS) else text


def harmless_undone(text: str) -> str:
    """What was made harmless, as it was."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_STARTS) else text


def written(lines: Iterable[Sequence[str]], format_: str) -> bytes:
    """A file that a spreadsheet opens; every cell is text, also an ID of 18 digits."""
    if format_ == CSV:
        out = io.StringIO(newline="")
        csv.writer(out).writerows([harmless(cell) for cell in line] for line in lines)
        return out.getvalue().encode("utf-8-sig")
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet("sheet")
    for line in lines:
        cells = []
        for text in line:
            cell = WriteOnlyCell(sheet, value="")
            cell.value, cell.data_type = harmless(text), "s"
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()
