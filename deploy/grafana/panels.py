"""What the dashboards are made of: a panel says what it asks, the builder of Grafana's own SDK makes its document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode

from deploy.story.telling import Words

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Query:
    """An expression of PromQL, and what a series of it is called (`{{label}}` is filled in)."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """A number where it is a `figure`, else a line over time. From `bad` on it is red."""

    title: Words
    queries: tuple[Query, ...]
    unit: str = "short"
    width: int = 8
    figure: bool = False
    bad: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    title: Words
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    name: str
    title: Words
    rows: tuple[Row, ...]

    def queries(self) -> list[Query]:
        return [query for row in self.rows for panel in row.panels for query in panel.queries]


def lines(title: Words, *queries: Query, unit: str = "short", width: int = 8) -> Panel:
    return Panel(title, queries, unit, width)


def figure(title: Words, expr: str, *, unit: str = "short", width: int = 4, bad: float | None = None) -> Panel:
    return Panel(title, (Query(expr),), unit, width, figure=True, bad=bad)


def made(board: Board, language: Language) -> dict[str, Any]:
    """Its document, as Grafana reads it."""
    builder = (
        dashboard.Dashboard(_word(board.title, language))
        .uid(f"suizhuan-{board.name}-{language}")
        .tags(["suizhuan", language])
        .timezone("Asia/Shanghai")
        .refresh("30s")
        .time("now-3h", "now")
        .readonly()
    )
    ids = count(1)
    for row in board.rows:
        builder = builder.with_row(dashboard.Row(_word(row.title, language)).id(next(ids)))
        for panel in row.panels:
            builder = builder.with_panel(_panel(panel, language).id(next(ids)))
    document: dict[str, Any] = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    return document


def _panel(panel: Panel, language: Language) -> stat.Panel | timeseries.Panel:
    builder: Any = _figure(panel) if panel.figure else _lines()
    builder = (
        builder.title(_word(panel.title, language))
        .datasource(SOURCE)
        .unit(panel.unit)
        .span(min(panel.width, COLUMNS))
        .height(4 if panel.figure else 8)
    )
    for query in _targets(panel.queries):
        builder = builder.with_target(query)
    return builder  # type: ignore[no-any-return]


def _figure(panel: Panel) -> stat.Panel:
    steps = [Threshold(value=None, color="green")]
    if panel.bad is not None:
        steps.append(Threshold(value=panel.bad, color="red"))
    return (
        stat.Panel()
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    )


def _lines() -> timeseries.Panel:
    legend = VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    return timeseries.Panel().min(0).fill_opacity(8).legend(legend.placement(LegendPlacement.BOTTOM).calcs([]))


def _targets(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(chr(ord("A") + place))
        for place, query in enumerate(queries)
    ]


def _word(words: Words, language: Language) -> str:
    return words.zh if language == "zh" else words.en
