"""The list of items, and the table of predictions, of the Errors page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.text import count, percent
from ccta_core.types import ParallelExample
from dashboard import resources
from dashboard.session import Session
from dashboard.theme import read_beside
from dashboard.views.errors import tables
from dashboard.views.errors.charts import list_html
from dashboard.views.errors.state import ANY, State, row_text
from dashboard.views.errors.tables import RIGHT, confusion
from dashboard.views.errors.wording import agreement, listed
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.matrix import Head, Matrix, MatrixCell, matrix
from dashboard.widgets.wording import language_name

if TYPE_CHECKING:
    import pandas as pd

_component = st.components.v2.component(
    "ccta_errors_list",
    html='<div class="ccta-picks"></div>',
    js=read_beside(__file__, "errors.js"),
    isolate_styles=False,
)


def cases(
    session: Session,
    state: State,
    page: "pd.DataFrame",
    examples: Mapping[str, ParallelExample],
) -> None:
    """The rows; a click on one has the page show it closely."""
    key = session.widget("list")

    def picked() -> None:
        row = getattr(st.session_state.get(key), "pick", None)
        if isinstance(row, str):
            session.put(row=row)

    _component(
        key=key,
        data={
            "html": list_html(page, examples, state.remarks, state.order.name),
            "marked": row_text(state.row),
        },
        on_pick_change=picked,
    )


@dataclass(frozen=True, slots=True)
class ListPosition:
    """The page of the list that is shown: `page` of `pages`, `size` rows each, `total` in all."""

    page: int
    pages: int
    total: int
    size: int

    @property
    def text(self) -> str:
        """Which of how many are shown."""
        first, last = (self.page - 1) * self.size + 1, min(self.page * self.size, self.total)
        return listed(first, last, self.total)


def pager(session: Session, position: ListPosition, *, top: bool) -> None:
    """Which comparisons these are, and the ways to another page; a page by number at the top."""
    name = "top" if top else "bottom"
    with st.container(horizontal=True, vertical_alignment="center", key=f"errors_pager_{name}"):
        st.html(f'<p class="ccta-finding">{position.text}</p>', width="content")
        if position.pages < 2:
            return
        turns = {
            "first_page": ("First page", 1),
            "chevron_left": ("Page before", max(1, position.page - 1)),
            "chevron_right": ("Page after", min(position.pages, position.page + 1)),
            "last_page": ("Last page", position.pages),
        }
        for index, (icon, (title, to)) in enumerate(turns.items()):
            if index == 2:
                _page_number(session, position, top=top)
            st.button(
                title,
                icon=f":material/{icon}:",
                key=session.widget(f"{icon}_{name}"),
                disabled=to == position.page,
                on_click=session.put,
                kwargs={"page": to},
                type="tertiary",
            )


def _page_number(session: Session, position: ListPosition, *, top: bool) -> None:
    text = f"of {position.pages:,}" if top else f"page {position.page:,} of {position.pages:,}"
    if top:
        session.number_input("Page", "page", width=120, label_visibility="collapsed")
    st.html(f'<p class="ccta-finding">{text}</p>', width="content")


if TYPE_CHECKING:
    import pandas as pd


def table(session: Session, state: State) -> None:
    """The finding, the matrix with n in each cell, and its data."""
    study, filters = state.chosen.study, state.filters
    same = resources.computed(study, tables.same_prediction, filters)
    if not same.n:
        text_blocks.quiet("No comparison passes the other filters.")
        return
    cells = resources.computed(study, confusion, filters, tuple(state.offered.predictions))
    text_blocks.say(agreement(same, state.chosen.task))
    matrix(
        _build_matrix(cells, state),
        key=session.widget("confusion"),
        chosen=_chosen_cell(state),
        on_click=lambda source, target: _filter_by_cell(session, state, source, target),
    )
    way = (
        " Without a language named, a comparison of two predictions stands on both sides of the "
        "diagonal."
        if filters.open
        else ""
    )
    text_blocks.quiet(
        "Whatever is right or wrong and whatever is predicted: these two filters don't count here. "
        f"A cell shows how many comparisons; a click lists them.{way}"
    )
    csv_button(cells, f"errors-predictions-{state.chosen.study.name}", key="errors_cells_csv")


def _build_matrix(cells: "pd.DataFrame", state: State) -> Matrix:
    words = list(dict.fromkeys(cells["source"]))
    filters = state.filters
    names = [_side_name(filters.source, "source"), _side_name(filters.target, "target")]
    heads = [Head(word, word) for word in words]
    matrix_cells = {
        (row.source, row.target): MatrixCell(
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
        cells=matrix_cells,
        legend="comparisons",
        row_title=names[0],
        column_title=names[1],
        scale="mass",
        digits=0,
    )


def _side_name(code: str, side: str) -> str:
    return language_name(code) if code else side


def _chosen_cell(state: State) -> tuple[str, str] | None:
    filters = state.filters
    if state.offered.predictions:
        cell = (filters.source_says, filters.target_says)
        return cell if all(cell) else None
    if filters.right == ANY:
        return None
    words = {"r": RIGHT, "w": "wrong"}
    return words[filters.right[0]], words[filters.right[1]]


def _filter_by_cell(session: Session, state: State, source: str, target: str) -> None:
    """Lists the comparisons of a cell; a second click on it lists all again."""
    off = _chosen_cell(state) == (source, target)
    if not state.offered.predictions:
        session.put(right=ANY if off else f"{source[0]}{target[0]}")
    elif off:
        session.put(says=ANY, says2=ANY)
    else:
        session.put(says=source, says2=target, right=ANY, agree=ANY)


def folded_table(session: Session, state: State) -> None:
    """The table in a fold of its own, made only when it is opened."""
    part = st.expander(
        "Predictions in the two languages, cross-tabulated",
        on_change="rerun",
        key=session.widget("cells"),
    )
    with part:
        if part.open:
            table(session, state)
