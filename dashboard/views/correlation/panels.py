"""The scatterplots: one, or EMS beside its gain and uniform weights; what a click or a box does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from ccta_core.analysis.questions import (
    HOME,
    OTHERS,
    TOGETHER,
    CorrelationQuestion,
    ScoreCorrelation,
    family,
    point_intervals,
    points,
)
from ccta_core.measures import label, title
from ccta_core.text import count, interval, number, p_value
from dashboard import resources
from dashboard.session import Session
from dashboard.views.correlation.charts import (
    FIELDS,
    Frame,
    labels_of,
    mark_selected,
    scatter,
    shared_frames,
)
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.navigation import open_errors, open_pair
from dashboard.widgets.selection import select
from dashboard.widgets.statistics_wording import SYMBOLS
from dashboard.widgets.study_bar import Chosen, model_label
from dashboard.widgets.wording import language_name

LEAST_POINTS = 3
"""Points below which nothing is drawn: two always lie on a line."""
_SIDE_BY_SIDE = ("ems", "gain", "ems_uniform")
_PANEL_HEIGHT = 320
_MOST = 3000
"""Items drawn; of more, a sample that is always the same."""
_MOST_INTERVALS = 48
"""Points that have their intervals drawn: of more, these would hide them."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One scatterplot: what is held against what, its points of how many, its frame."""

    question: CorrelationQuestion
    table: pd.DataFrame
    total: int
    frame: Frame = Frame()  # noqa: RUF009 - frozen

    @property
    def key(self) -> str:
        """The chart's key: the measure asked for has the plain one."""
        return f"correlation_points_{self.question.unit}"


def panels_of(
    chosen: Chosen, question: CorrelationQuestion, point_table: pd.DataFrame
) -> list[Panel]:
    """EMS, its gain and uniform weights where EMS is asked for, of one model; else one panel."""
    measures = [question.x]
    if question.x == "ems" and question.unit != "training" and len(question.models) == 1:
        measures = [name for name in _SIDE_BY_SIDE if name != question.y]
    intervals = resources.computed(chosen.study, point_intervals, question, (*measures, question.y))
    panels = {}
    for name in measures:
        asked = replace(question, x=name)
        rows = (
            point_table if name == question.x else resources.computed(chosen.study, points, asked)
        )
        if len(rows) >= LEAST_POINTS:
            table = with_intervals(chart_points(chosen, asked, rows), intervals, asked)
            panels[name] = Panel(asked, table, len(rows))
    if len(panels) < 2:
        return list(panels.values())
    frames = shared_frames(
        {name: panel.table for name, panel in panels.items()},
        together=("ems", "ems_uniform"),
        height=_PANEL_HEIGHT,
    )
    return [replace(panel, frame=frames[name]) for name, panel in panels.items()]


def scatterplots(
    session: Session,
    chosen: Chosen,
    panels: Sequence[Panel],
    tested: Sequence[ScoreCorrelation],
) -> None:
    """The panels in a row with their coefficients, then files and the way to a point's page."""
    first = panels[0]
    clicked: list[Any] = []
    figures = []
    for place, (column, panel) in enumerate(zip(st.columns(len(panels)), panels, strict=True)):
        with column:
            if len(panels) > 1:
                st.html(
                    f'<p class="ccta-say corr-panel">{_panel_title(panel, tested, chosen.task)}</p>'
                )
            figure, points_clicked = _draw(session, chosen, panel, place)
        figures.append(figure)
        clicked += points_clicked
    text_blocks.quiet(_caption(first))
    table = first.table
    for panel in panels[1:]:
        keys = ["model", "source", "target", "label"]
        other = panel.table[[*keys, "x"]].rename(columns={"x": panel.question.x})
        table = table.merge(other, on=keys, how="left")
    with st.container(horizontal=True, vertical_alignment="bottom", key="correlation_tools"):
        name = f"{chosen.study.name}-{first.question.x}-{first.question.y}"
        data = table.drop(columns=["mark", "line", "hover"])
        chart_files(figures[0], data, name, chart=first.key)
        _point_chooser(session, chosen, first.question, first.table)
    if clicked and clicked[0].get("customdata"):
        values = dict(zip(FIELDS, clicked[0]["customdata"], strict=False))
        open_point(session, chosen, first.question, values)


def with_intervals(
    table: pd.DataFrame, intervals: pd.DataFrame, question: CorrelationQuestion
) -> pd.DataFrame:
    """The points with the ends of their intervals along both axes, where these are known."""
    if len(table) > _MOST_INTERVALS or intervals.empty:
        return table
    for axis, name in (("x", question.x), ("y", question.y)):
        ends = intervals[intervals["measure"] == name].rename(
            columns={"low": f"{axis}_low", "high": f"{axis}_high"}
        )
        table = table.merge(ends.drop(columns="measure"), on=["model", "target"], how="left")
    return table


def _panel_title(panel: Panel, tested: Sequence[ScoreCorrelation], task: str) -> str:
    """The measure with its coefficient, interval and p: the panel's finding."""
    name = panel.question.x
    text = f"<b>{escape(title(name, task))}</b>"
    test = next((test for test in tested if test.measure == name), None)
    if test is None or test.correlation.r is None:
        return text
    ends = interval(test.correlation.low, test.correlation.high)
    return (
        f"{text} {SYMBOLS[panel.question.kind]} = {number(test.correlation.r)} <small>95% {ends}, "
        f"p after Holm {p_value(test.p_holm)}</small>"
    )


def _draw(session: Session, chosen: Chosen, panel: Panel, place: int) -> tuple[Any, list[Any]]:
    """One panel's figure, and the points that were clicked in it: items are selected instead."""
    question, dark = panel.question, text_blocks.dark()
    titles = _titles(question, chosen.task)
    items, key = question.unit == "item", panel.key + (f"_{place}" if place else "")
    figure = scatter(
        panel.table,
        (titles[0], "" if place else titles[1]),
        dark=dark,
        named=not items,
        frame=panel.frame,
    )
    if panel.frame.x is not None:  # points are labelled; three legends would take their room
        figure.update_layout(showlegend=False)
    if items:
        mark_selected(figure, panel.table, chosen.selection.items, dark=dark)

    def brushed() -> None:
        select(session, chosen.study.name, labels_of(st.session_state[key].selection.points))

    event = text_blocks.chart(
        figure,
        key=key,
        alt=f"{titles[1]} against {titles[0]}, {count(len(panel.table), 'point')}",
        on_select=brushed if items else "rerun",
        selection_mode=("points", "box", "lasso") if items else "points",
    )
    return figure, list(event.selection.points) if event and not items else []


def chart_points(
    chosen: Chosen, question: CorrelationQuestion, point_table: pd.DataFrame
) -> pd.DataFrame:
    """The points as the chart reads them: their mark, their line, what is said at the pointer."""
    several = question.unit == "training" or point_table["model"].nunique() > 1
    table = (
        point_table
        if len(point_table) <= _MOST
        else point_table.sample(_MOST, random_state=0).sort_index()
    )
    names = {model: model_label(chosen.study, model) for model in table["model"].unique()}
    models = table["model"].map(names)
    return table.assign(
        mark=models if several else _mark_of_points(question, table),
        line=TOGETHER if question.unit == "training" else table["model"],
        hover=[_hover_text(question, row, names, chosen.task) for row in table.itertuples()],
    )


def _mark_of_points(question: CorrelationQuestion, table: pd.DataFrame) -> pd.Series:
    if question.unit == "language":
        return table["target"].map(family)
    if question.unit == "pair":
        alike = table["source"].map(family) == table["target"].map(family)
        return alike.map({True: "of one family", False: "of two families"})
    return pd.Series("items", index=table.index)


def _hover_text(
    question: CorrelationQuestion, row: object, names: dict[str, str], task: str
) -> str:
    place = str(getattr(row, "label", ""))
    if question.unit != "item":
        sides = [str(getattr(row, side)) for side in ("source", "target")]
        shown = sides[1:] if question.unit == "language" else sides
        place = " and ".join(language_name(code) for code in shown)
    values = [
        f"{label(name, task)} {number(float(getattr(row, axis)), 3)}"
        for name, axis in ((question.x, "x"), (question.y, "y"))
    ]
    n = [f"n = {count(int(getattr(row, 'n', 0)), 'item')}"] if question.unit != "item" else []
    return "\n".join([place, names[str(getattr(row, "model", ""))], *values, *n])


def _point_chooser(
    session: Session, chosen: Chosen, question: CorrelationQuestion, table: pd.DataFrame
) -> None:
    """The same as a click on a point, for the keyboard."""
    rows = {
        f"{row.label} · {model_label(chosen.study, str(row.model))}": row
        for row in table.sort_values("label", kind="stable").itertuples()
        if question.unit != "item" or not chosen.selection or row.label in chosen.selection.items
    }
    few = question.unit == "item" and bool(chosen.selection)
    with st.popover("Open a selected item" if few else "Open a point", type="tertiary"):
        picked = st.selectbox("Point", list(rows), key=f"correlation_open_{question.unit}")
        what = "the item" if question.unit == "item" else "its errors"
        if st.button(f"Open {what}", key="correlation_go") and picked:
            row = rows[picked]
            open_point(
                session, chosen, question, {name: str(getattr(row, name)) for name in FIELDS}
            )


def open_point(
    session: Session, chosen: Chosen, question: CorrelationQuestion, point: dict[str, str]
) -> None:
    """Opens Errors filtered to a point's languages, or the item itself in Pair."""
    if question.unit == "item":
        open_pair(session, chosen, point["label"], question.pair, point["model"])
    open_errors(session, chosen, point["model"], point["source"], point["target"])


def _titles(question: CorrelationQuestion, task: str) -> tuple[str, str]:
    x = title(question.x, task)
    if question.unit == "pair":
        return f"{x}, mean of the pair", f"{title(question.y, task)}, mean of the two languages"
    if question.unit == "item":
        names = [language_name(code) for code in question.pair]
        return f"{x}, {names[0]} and {names[1]}", f"{title(question.y, task)}, {names[1]}"
    if question.unit == "language" and question.home == OTHERS:
        return f"{x} with the other languages, mean", title(question.y, task)
    homes = {model.home for model in question.models}
    where = "the training language"
    if question.unit == "language" and question.home != HOME:
        where = language_name(question.home)
    elif question.unit == "language" and len(homes) == 1:
        where = language_name(str(next(iter(homes))))
    return f"{x} with {where}, mean", title(question.y, task)


def _caption(panel: Panel) -> str:
    question, shown = panel.question, len(panel.table)
    some = f" {shown} of {panel.total} are drawn." if shown < panel.total else ""
    if panel.frame.x is not None and question.unit == "language":
        some += " Marks and colours: language families."
    if "x_low" in panel.table:
        some += " Thin lines: 95% intervals of a point's two means."
    action = (
        "A drawn box selects items; the selection stays on every page."
        if question.unit == "item"
        else "A click opens its errors."
    )
    band = (
        "Line: least squares; its 95% band takes points as independent, the interval of the "
        "coefficient does not."
    )
    if question.unit != "training" and len(question.models) > 1:
        band = "Lines: least squares, one for each model."
    out = {
        "language": " The training language itself is left out." if question.home == HOME else "",
        "training": " Cells of one training language depend on each other too, so the interval is "
        "rather too narrow.",
    }.get(question.unit, "")
    return f"n = {panel.total}.{some} {band}{out} {action}"
