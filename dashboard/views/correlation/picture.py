"""The verdict, the scatter with its numbers, and what a click on a point opens."""

from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from ccta_core.analysis.questions import (
    HOME,
    OTHERS,
    TOGETHER,
    CorrelationQuestion,
    ScoreCorrelation,
    correlations,
    family,
    points,
)
from ccta_core.measures import label, title
from ccta_core.text import NONE, count, interval, number, p_value
from dashboard import resources
from dashboard.session import Session
from dashboard.views.correlation.charts import FIELDS, labels_of, mark_selected, scatter
from dashboard.views.correlation.models import correlation_table, partial_correlations
from dashboard.views.languages.tables import training_table
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.navigation import open_errors, open_pair
from dashboard.widgets.selection import select
from dashboard.widgets.statistics_wording import (
    SYMBOLS,
    correlation_verdict,
    counted_units,
    gain_sentence,
    shares_text,
)
from dashboard.widgets.study_bar import Chosen, model_label
from dashboard.widgets.wording import language_name

LEAST_POINTS = 3
"""Points below which nothing is drawn: two always lie on a line."""
_MOST = 3000
"""Items drawn; of more, a sample that is always the same."""


def picture(session: Session, chosen: Chosen, question: CorrelationQuestion) -> bool:
    """Verdict, scatter and numbers; the controls beneath; a point opens the page Errors.

    Returns whether there was enough to draw.
    """
    point_table = resources.computed(chosen.study, points, question)
    if 0 < len(point_table) < LEAST_POINTS:
        text_blocks.verdict(few_points_text(question, len(point_table)))
        return False
    with st.container(key="correlation_finding"), st.spinner("Drawing 2,000 resamples…"):
        tested = resources.computed(chosen.study, correlations, question)
    own = correlation_verdict(question, tested, chosen.task)
    if joint := _joint_sentence(chosen, question):
        text_blocks.verdict(joint)
        text_blocks.say(own)
    else:
        text_blocks.verdict(own)
    if text := gain_sentence(question, tested):
        text_blocks.say(text)
    if point_table.empty:
        text_blocks.say(_empty_message(question))
        return False
    if question.unit == "training":
        _show_shares(chosen, question)
    left, right = st.columns([3, 1], gap="medium")
    with left:
        _show_scatter(session, chosen, question, point_table)
    with right:
        _show_numbers(question, [test for test in tested if test.measure == question.x])
    text_blocks.heading("The same correlation for the controls")
    correlation_table(chosen, question, tested)
    partial_correlations(chosen, question)
    return True


def few_points_text(question: CorrelationQuestion, few: int) -> str:
    """That so few points make no correlation, and what does."""
    beside = " beside the training language" if question.home == HOME else ""
    what = {
        "language": f"{count(few, 'language')}{beside}",
        "pair": count(few, "pair of languages", "pairs of languages"),
        "item": count(few, "item"),
        "training": count(few, "cell"),
    }[question.unit]
    verb = "makes" if few == 1 else "make"
    hint = "measure more items" if question.unit == "item" else "choose items as points"
    return f"{what} {verb} no correlation, which takes {LEAST_POINTS} points; {hint}."


def _joint_sentence(chosen: Chosen, question: CorrelationQuestion) -> str:
    """What all models together show of claim 1, as the findings say it; empty of others."""
    asked = (question.unit, question.x, question.y, question.kind, question.home)
    if asked != ("language", "ems", "score", "pearson", HOME):
        return ""
    from ccta_core.analysis.performance import performance
    from ccta_core.reports.findings import answers

    result = resources.computed(chosen.study, performance, question.layer)
    return answers.performance(result) if result is not None else ""


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


def _show_scatter(
    session: Session, chosen: Chosen, question: CorrelationQuestion, point_table: pd.DataFrame
) -> None:
    titles = _titles(question, chosen.task)
    table = chart_points(chosen, question, point_table)
    figure = scatter(table, titles, dark=text_blocks.dark(), named=question.unit != "item")
    chart = f"correlation_points_{question.unit}"
    items = question.unit == "item"
    if items:
        mark_selected(figure, table, chosen.selection.items, dark=text_blocks.dark())

    def brushed() -> None:
        select(session, chosen.study.name, labels_of(st.session_state[chart].selection.points))

    event = text_blocks.chart(
        figure,
        key=chart,
        alt=f"{titles[1]} against {titles[0]}, {count(len(table), 'point')}",
        on_select=brushed if items else "rerun",
        selection_mode=("points", "box", "lasso") if items else "points",
    )
    text_blocks.quiet(_caption(question, len(point_table), len(table)))
    with st.container(horizontal=True, vertical_alignment="bottom", key="correlation_tools"):
        name = f"{chosen.study.name}-{question.x}-{question.y}"
        chart_files(figure, point_table, name, chart=chart)
        _point_chooser(session, chosen, question, table)
    clicked = event.selection.points if event and not items else []
    if clicked and clicked[0].get("customdata"):
        values = dict(zip(FIELDS, clicked[0]["customdata"], strict=False))
        open_point(session, chosen, question, values)


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


def _caption(question: CorrelationQuestion, count: int, shown: int) -> str:
    some = f" {shown} of {count} are drawn." if shown < count else ""
    action = (
        "A click selects an item, a drawn box several; the selection stays on every page."
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
    return f"n = {count}.{some} {band}{out} {action}"


def _show_numbers(question: CorrelationQuestion, main: Sequence[ScoreCorrelation]) -> None:
    """The coefficient, its interval, p and n, large, where there is one model."""
    if len(main) != 1:
        text_blocks.quiet("Several models are drawn: their coefficients are in the table below.")
        return
    correlation = main[0].correlation
    reliable = "" if correlation.reliable else " <small>unreliable</small>"
    cells = [
        (SYMBOLS[question.kind], number(correlation.r), "between \N{MINUS SIGN}1 and 1"),
        (
            "95% interval",
            interval(correlation.low, correlation.high) + reliable,
            "whole groups resampled",
        ),
        ("p", p_value(correlation.p), f"after Holm {p_value(main[0].p_holm)}"),
        ("n", str(correlation.n), counted_units(question, correlation)),
    ]
    rows = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{value}</dd><dd class='ccta-what'>{escape(what)}</dd>"
        "</div>"
        for name, value, what in cells
    )
    st.html(f'<dl class="ccta-numbers">{rows}</dl>')
    if correlation.r is not None and correlation.notice:
        text_blocks.quiet(f"{correlation.notice[:1].upper()}{correlation.notice[1:]}.")


def _show_shares(chosen: Chosen, question: CorrelationQuestion) -> None:
    for name in (question.x, question.y):
        training = resources.computed(
            chosen.study, training_table, question.layer, name, chosen.models
        )
        if training.shares is not None:
            text_blocks.say(shares_text(training.shares, label(name, chosen.task)))


def _empty_message(question: CorrelationQuestion) -> str:
    if question.unit == "item":
        return "No item of this pair has both measures; choose other languages or measures."
    if question.unit == "pair":
        return "No pair of languages has both measures; choose other measures."
    return (
        "No language has both measures with the training language: the study may not hold it. "
        f"Choose another language under Options, or the unit pair of languages. {NONE}"
    )
