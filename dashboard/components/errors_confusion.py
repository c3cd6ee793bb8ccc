"""Predictions of the source against predictions of the target; a cell is a filter."""

from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.text import count, percent
from dashboard import resources
from dashboard.address import Address
from dashboard.components import say
from dashboard.components.errors_state import ANY, State, show
from dashboard.components.errors_words import agreement
from dashboard.components.files import csv_button
from dashboard.components.matrix import Cell, Head, Matrix, matrix
from dashboard.components.wording import language_name
from dashboard.tables import errors_doubt
from dashboard.tables.errors_confusion import RIGHT, confusion

if TYPE_CHECKING:
    import pandas as pd


def table(address: Address, state: State) -> None:
    """The finding, the matrix with n in each cell, and its data."""
    study, filters = state.chosen.study, state.filters
    same = resources.computed(study, errors_doubt.same_prediction, filters)
    if not same.n:
        say.quiet("No comparison passes the other filters.")
        return
    cells = resources.computed(study, confusion, filters, tuple(state.offered.said))
    say.say(agreement(same, state.chosen.task))
    matrix(
        _drawn(cells, state),
        key=address.widget("confusion"),
        chosen=_chosen(state),
        on_click=lambda source, target: _filter(address, state, source, target),
    )
    way = (
        " Without a language named, a comparison of two predictions stands on both sides of the "
        "diagonal."
        if filters.open
        else ""
    )
    say.quiet(
        "Whatever is right or wrong and whatever is predicted: these two filters don't count here. "
        f"A cell shows how many comparisons; a click lists them.{way}"
    )
    csv_button(cells, f"errors-predictions-{state.chosen.study.name}", key="errors_cells_csv")


def _drawn(cells: "pd.DataFrame", state: State) -> Matrix:
    words = list(dict.fromkeys(cells["source"]))
    one = state.filters
    names = [_name(one.source, "source"), _name(one.target, "target")]
    heads = [Head(word, word) for word in words]
    found = {
        (row.source, row.target): Cell(
            float(row.n),
            f"{row.n:,}",
            f"{names[0]}: {row.source}, {names[1]}: {row.target}: {count(row.n, 'comparison')}, "
            f"{percent(row.share, 1)}",
        )
        for row in cells.itertuples()
    }
    return Matrix(
        label="Comparisons by prediction in the source and in the target",
        rows=heads,
        columns=heads,
        cells=found,
        legend="comparisons",
        row_title=names[0],
        column_title=names[1],
        scale="mass",
        digits=0,
    )


def _name(code: str, side: str) -> str:
    return language_name(code) if code else side


def _chosen(state: State) -> tuple[str, str] | None:
    one = state.filters
    if state.offered.said:
        return (one.source_says, one.target_says) if one.source_says and one.target_says else None
    if one.right == ANY:
        return None
    words = {"r": RIGHT, "w": "wrong"}
    return words[one.right[0]], words[one.right[1]]


def _filter(address: Address, state: State, source: str, target: str) -> None:
    """Lists the comparisons of a cell; a second click on it lists all again."""
    off = _chosen(state) == (source, target)
    if not state.offered.said:
        show(address, right=ANY if off else f"{source[0]}{target[0]}")
    elif off:
        show(address, says=ANY, says2=ANY)
    else:
        show(address, says=source, says2=target, right=ANY, agree=ANY)


def folded(address: Address, state: State) -> None:
    """The table in a fold of its own, made only when it is opened."""
    part = st.expander(
        "Which prediction goes with which", on_change="rerun", key=address.widget("cells")
    )
    with part:
        if part.open:
            table(address, state)
