"""The verdict, the scatter with its numbers, and what a click on a point opens."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from ccta_core.analysis.questions import (
    HOME,
    CorrelationQuestion,
    ScoreCorrelation,
    correlations,
    points,
)
from ccta_core.measures import label
from ccta_core.text import NONE, count, interval, number, p_value
from dashboard import resources
from dashboard.session import Session
from dashboard.views.correlation.models import correlation_table, partial_correlations
from dashboard.views.correlation.panels import LEAST_POINTS, panels_of, scatterplots
from dashboard.views.languages.tables import training_table
from dashboard.widgets import text_blocks
from dashboard.widgets.statistics_wording import (
    SYMBOLS,
    correlation_verdict,
    counted_units,
    gain_sentence,
    latex_rows,
    paper_sentence,
    shares_text,
)
from dashboard.widgets.study_bar import Chosen


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
    panels = panels_of(chosen, question, point_table)
    main = [test for test in tested if test.measure == question.x]
    if len(panels) > 1:
        scatterplots(session, chosen, panels, tested)
        _show_numbers(question, main)
    else:
        left, right = st.columns([3, 1], gap="medium")
        with left:
            scatterplots(session, chosen, panels, tested)
        with right:
            _show_numbers(question, main)
    _show_paper_text(question, tested, chosen.task)
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


def _show_paper_text(
    question: CorrelationQuestion, tested: Sequence[ScoreCorrelation], task: str
) -> None:
    """A sentence and rows of a LaTeX table, each with a button that copies it."""
    if sentence := paper_sentence(question, tested, task):
        with st.popover("Copy for a paper", type="tertiary", width="content"):
            st.code(sentence, language=None, wrap_lines=True)
            st.code(latex_rows(question, tested, task), language="latex", wrap_lines=True)


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
