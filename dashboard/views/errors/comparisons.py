"""The list of items, and the table of predictions, of the Errors page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from ccta_core.text import count, percent
from ccta_core.types import ParallelExample
from dashboard import resources
from dashboard.fields import whole
from dashboard.session import Session
from dashboard.theme import read_beside
from dashboard.views.errors import tables, tagging
from dashboard.views.errors.charts import list_html
from dashboard.views.errors.state import ANY, State, row_text
from dashboard.views.errors.tables import RIGHT, confusion
from dashboard.views.errors.wording import agreement, listed
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.matrix import Head, Matrix, MatrixCell, matrix
from dashboard.widgets.selection import select
from dashboard.widgets.terms import what_is
from dashboard.widgets.wording import language_name

if TYPE_CHECKING:
    import pandas as pd

MOST_SELECTED = 20_000
"""Items that one button selects."""
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

    def sent(name: str) -> Any:
        return getattr(st.session_state.get(key), name, None)

    def picked() -> None:
        if isinstance(row := sent("pick"), str):
            session.put(row=row)

    def boxed() -> None:
        change = sent("select")
        if isinstance(change, Mapping) and isinstance(change.get("items"), list):
            _select(session, state, [str(item) for item in change["items"]], bool(change.get("on")))

    _component(
        key=key,
        data={
            "html": list_html(page, examples, state.remarks, state.order.name),
            "marked": row_text(state.row),
            "selected": list(state.chosen.selection.items),
        },
        on_pick_change=picked,
        on_select_change=boxed,
        on_turn_change=lambda: _turn(session, state, sent("turn")),
        on_tag_change=lambda: tagging.press_digit(session, state, sent("tag")),
    )


def _select(session: Session, state: State, items: list[str], on: bool) -> None:
    """Items of the list become selected too, or are taken out of what is selected."""
    rest = [item for item in state.chosen.selection.items if item not in items]
    select(session, state.chosen.study.name, [*rest, *items] if on else rest)


def _turn(session: Session, state: State, by: object) -> None:
    """The page after or before, and its first or last comparison: where a walk goes on."""
    total = resources.computed(state.chosen.study, tables.count, state.filters)
    number = session.value(whole("page", 1, max(1, -(-total // state.size)), 1))
    number += 1 if by == 1 else -1
    if not 1 <= number <= -(-total // state.size):
        return
    start = (number - 1) * state.size
    rows = resources.computed(
        state.chosen.study, tables.rows_of_page, state.filters, state.order, start, state.size
    )
    row = rows.iloc[0 if by == 1 else -1]
    picked = row_text((row["item"], row["source_lang"], row["target_lang"]))
    session.put(page=number, row=picked)


def select_listed(session: Session, state: State) -> None:
    """A button that selects every item of the list."""
    items = resources.computed(
        state.chosen.study, tables.items_listed, state.filters, MOST_SELECTED
    )
    if set(items) != set(state.chosen.selection.items):
        st.button(
            f"Select {count(len(items), 'item')} listed",
            key=session.widget("select_listed"),
            type="tertiary",
            on_click=select,
            args=(session, state.chosen.study.name, items),
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
        session.number_input("Page", "page", width=96, label_visibility="collapsed")
    st.html(f'<p class="ccta-finding">{text}</p>', width="content")


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
    with st.container(horizontal=True, key="errors_cells_row"):
        csv_button(cells, f"errors-predictions-{state.chosen.study.name}", key="errors_cells_csv")
        what_is("errors", "confusion", "ems", "gain", "masses", "completeness")


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
