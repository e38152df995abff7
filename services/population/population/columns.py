"""Which column of a sent file is what, by its header in Chinese or English; and what is wrong with a cell, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from population.rules import Rules
from suizhuan.kernel.refusal import Refusal

NAME, ID, PHONE, GRID, REGISTRATION = "name", "id_number", "phone", "grid", "registration"
BUILDING, UNIT, ROOM, HOUSEHOLD, HEAD = "building", "unit", "room", "household", "head"
REQUIRED = (NAME, ID, GRID, REGISTRATION)
HEADERS: Mapping[str, tuple[str, ...]] = {
    NAME: ("姓名", "Name"),
    ID: ("身份证号", "ID number", "公民身份号码", "证件号码"),
    PHONE: ("电话", "Phone", "手机号", "联系电话"),
    GRID: ("网格代码", "Grid", "网格"),
    BUILDING: ("楼栋", "Building"),
    UNIT: ("单元", "Unit"),
    ROOM: ("房号", "Room", "室号"),
    HOUSEHOLD: ("户号", "Household"),
    HEAD: ("是否户主", "Head", "户主"),
    REGISTRATION: ("人口类型", "Registration"),
}
MISTAKES = ("错误", "Mistakes")
"""The header of the column that says what is wrong; in a mended file it is passed over."""

WRONG: Mapping[str, tuple[str, str]] = {
    "missing": ("必填", "is missing"),
    "text": ("内容不合规范或过长", "is not plain text, or too long"),
    "id_length": ("应为 18 位", "has 18 characters"),
    "id_format": ("只含数字，末位可为 X", "is digits, the last may be X"),
    "id_checksum": ("校验位不对", "does not fit its check character"),
    "id_date": ("出生日期不对", "holds no date of birth"),
    "id_place": ("行政区划代码不存在", "begins with a code of no division"),
    "id_as_number": ("被表格存为数字，末位已失，请设为文本重填", "was kept as a number and lost digits: make it text"),
    "phone": ("应为电话号码", "is not a phone number"),
    "code": ("不在可选范围", "is none of the choices"),
    "not_a_grid": ("应为 15 位网格代码", "is a code of 15 digits"),
    "unknown_area": ("未登记的网格", "is no registered grid"),
    "outside": ("不在本次导入区域", "lies outside the area of this import"),
    "no_power": ("贵单位在该网格没有导入权力", "is a grid where your organisation may not import"),
    "registered_elsewhere": ("已登记在贵单位无权的网格，请联系该处迁移", "is registered where you have no power"),
    "without_building": ("须同时填写楼栋", "needs a building"),
    "without_household": ("须同时填写户号", "needs a household"),
    "too_many_cells": ("列数多于表头", "has more cells than the header"),
}


@dataclass(frozen=True, slots=True)
class Columns:
    """`keys[i]` is what stands in the i-th column; "" is passed over."""

    keys: tuple[str, ...]

    @property
    def given(self) -> frozenset[str]:
        return frozenset(filter(None, self.keys))


def read(header: Sequence[str], rules: Rules) -> Columns:
    """Errors: `columns_missing`, `columns_unknown` (nothing that is sent is dropped in silence), `column_twice`."""
    known = names(rules)
    keys, unknown = [], []
    for text in header:
        key = known.get(_plain(text))
        if key is None:
            unknown.append(text[:40])
        keys.append(key or "")
    if unknown := [text for text in unknown if text]:
        raise Refusal("columns_unknown", columns=unknown[:20])
    if missing := [HEADERS[key][0] for key in REQUIRED if key not in keys]:
        raise Refusal("columns_missing", columns=missing)
    if twice := sorted({key for key in keys if key and keys.count(key) > 1}):
        raise Refusal("column_twice", columns=twice)
    return Columns(tuple(keys))


def names(rules: Rules) -> dict[str, str]:
    """Every header that is understood, and what stands below it."""
    known = {_plain(text): "" for text in MISTAKES}
    for key, texts in HEADERS.items():
        known |= {_plain(text): key for text in (key, *texts)}
    for field in rules.population.fields:
        known |= {_plain(text): field.code for text in (field.code, field.name.zh, field.name.en)}
    return known


def template(rules: Rules, language: str) -> list[str]:
    """The header of an empty file."""
    at = 0 if language == "zh" else 1
    fields = [field.name.zh if at == 0 else field.name.en for field in rules.population.fields]
    return [texts[at] for texts in HEADERS.values()] + fields


def label(key: str, rules: Rules) -> tuple[str, str]:
    """What a column is called, in Chinese and English."""
    if key in HEADERS:
        return HEADERS[key][0], HEADERS[key][1]
    field = rules.field(key)
    return (field.name.zh, field.name.en) if field is not None else ("本行", "The row")


def told(mistakes: Sequence[Sequence[str]], rules: Rules) -> str:
    """All that is wrong with a row, for whoever mends it."""
    words = []
    for key, code in mistakes:
        (zh, en), (wrong_zh, wrong_en) = label(key, rules), WRONG[code]
        words.append(f"{zh}：{wrong_zh} / {en} {wrong_en}")
    return "；".join(words)


def _plain(text: str) -> str:
    return text.strip().strip("*").strip().casefold()
