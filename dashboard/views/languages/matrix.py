"""The language x language matrix: what it shows, in which order, and what it finds."""

import pandas as pd
import streamlit as st

from ccta_core.languages import LANGUAGES
from ccta_core.measures import CELLS, MEASURES, label, title
from ccta_core.text import count, interval, number
from dashboard import resources
from dashboard.fields import one_of
from dashboard.session import Session
from dashboard.views.languages.tables import ORDERS, matrix_table, order_languages, within_families
from dashboard.widgets import text_blocks
from dashboard.widgets.files import drawing_files
from dashboard.widgets.matrix import Head, Matrix, MatrixCell, drawing, matrix
from dashboard.widgets.study_bar import Chosen
from dashboard.widgets.terms import help_text, what_is
from dashboard.widgets.wording import language_name

_ORDERS = {
    "family": "by family",
    "clustering": "by similarity (clustering)",
    "name": "by name",
    "study": "as in the study",
}
_TOGGLE = ("ems", "gain", "gain_calibrated", "ems_uniform", "ems_shuffled", "ems_unrelated")
"""EMS, what attributions add to it, what of that is translation, its controls: one click each."""
_FEW_DIGITS = ("z",)


def choosers(session: Session, chosen: Chosen) -> tuple[str, str]:
    """The measure and the order of the languages."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="languages_row"):
        field = one_of("measure", CELLS, "ems")
        measure = session.value(field)
        key = session.widget("toggle")
        st.session_state[key] = measure if measure in _TOGGLE else None
        st.segmented_control(
            "Each cell shows",
            _TOGGLE,
            key=key,
            format_func=lambda name: title(name, chosen.task),
            on_change=lambda: session.put(measure=st.session_state[key] or measure),
            help=help_text("ems", "gain", "uniform"),
        )
        session.selectbox(
            "Or another measure",
            "measure",
            format_func=lambda name: title(name, chosen.task),
            width=220,
        )
        order = session.selectbox(
            "Languages stand",
            one_of("order", ORDERS, "family"),
            format_func=_ORDERS.__getitem__,
            width=220,
        )
        what_is("languages", "ems", "gain", "uniform", "majority")
    return measure, order


def language_matrix(
    session: Session, chosen: Chosen, shown: tuple[str, str], pair: tuple[str, str]
) -> list[str]:
    """The matrix with its finding; a click chooses the pair that is looked at closer.

    Returns the languages in the order shown.
    """
    measure, order = shown
    with st.container(key="languages_matrix"), st.spinner("Drawing 2,000 resamples for each pair…"):
        table = resources.computed(chosen.study, matrix_table, chosen.model, chosen.layer, measure)
    langs = order_languages(chosen.study.manifest.languages, order, table)
    text_blocks.verdict(finding(table, measure, chosen.task))
    digits = 1 if measure in _FEW_DIGITS else 2
    drawn = Matrix(
        label=f"{title(measure, chosen.task)} by pair of languages",
        rows=(heads := [head(code) for code in langs]),
        columns=heads,
        cells=cells(table, label(measure, chosen.task), digits),
        legend=f"{title(measure, chosen.task)}: {MEASURES[measure].meaning}",
        row_title="source",
        column_title="target",
        scale="signed" if MEASURES[measure].signed else "similarity",
        digits=digits,
    )

    def choose(source: str, target: str) -> None:
        if source != target:
            session.put(source=source, target=target)

    matrix(drawn, key="languages_cells", chosen=pair, on_click=choose)
    text_blocks.quiet(_caption(measure))
    name = f"{chosen.study.name}-{measure}-{chosen.layer}"
    drawing_files(drawing(drawn), table, name, key="languages_matrix")
    return langs


def head(code: str) -> Head:
    """A language as a row or a column."""
    family = LANGUAGES[code].family if code in LANGUAGES else ""
    return Head(code, language_name(code), code, family)


def cells(table: pd.DataFrame, name: str, digits: int) -> dict[tuple[str, str], MatrixCell]:
    """A cell for each row of `tables.matrix_table`."""
    return {
        (row.source, row.target): MatrixCell(
            float(row.value), number(row.value, digits), _cell_description(row, name, digits)
        )
        for row in table.itertuples()
    }


def finding(table: pd.DataFrame, measure: str, task: str) -> str:
    """Which pair has most, which least, and whether families matter."""
    pairs = table[table["source"] != table["target"]]
    name = title(measure, task)
    if pairs.empty:
        return f"{name} is not known of any pair of languages; choose another measure."
    if len({frozenset(row) for row in pairs[["source", "target"]].itertuples(index=False)}) == 1:
        only = pairs.iloc[0]
        return f"{name} between {_pair_name(only)} is {number(float(pairs['value'].mean()))}."
    high, low = pairs.loc[pairs["value"].idxmax()], pairs.loc[pairs["value"].idxmin()]
    text = (
        f"{name} is highest for {_pair_name(high)} ({number(high['value'])}) and lowest for "
        f"{_pair_name(low)} ({number(low['value'])})"
    )
    families = within_families(pairs)
    if families is None:
        return f"{text}."
    return (
        f"{text}; {number(families[0])} on average within a family, {number(families[1])} across."
    )


def _pair_name(row: pd.Series) -> str:
    return f"{language_name(row['source'])} and {language_name(row['target'])}"


def _cell_description(row: object, name: str, digits: int) -> str:
    source, target = str(getattr(row, "source", "")), str(getattr(row, "target", ""))
    places = language_name(source)
    if target != source:
        places += f" and {language_name(target)}"
    low, high = getattr(row, "low", None), getattr(row, "high", None)
    text = f"{places}: {name} {number(getattr(row, 'value', None), digits + 1)}"
    if low is not None and not pd.isna(low):
        text += f", 95% {interval(low, high, digits + 1)}"
    return f"{text}, n = {getattr(row, 'n', 0)} in {count(getattr(row, 'groups', 0), 'group')}"


def _caption(measure: str) -> str:
    diagonal = (
        "On the diagonal: the language alone."
        if measure == "score"
        else "No text is compared with itself."
    )
    return (
        f"Hold the pointer over a cell for its 95% interval and n. {diagonal} A click looks closer."
    )
