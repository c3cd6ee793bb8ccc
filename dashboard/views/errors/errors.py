"""Errors: where the model goes wrong in one language and not in the other, item by item."""

from collections.abc import Mapping

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample
from dashboard import resources
from dashboard.session import Session
from dashboard.views.errors import (
    comparisons,
    controls,
    panel,
    tables,
    tagging,
    wording,
)
from dashboard.views.errors.comparisons import ListPosition
from dashboard.views.errors.state import State, page_of, read
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.study_bar import study_bar


def page() -> None:
    """The whole page, top to bottom."""
    text_blocks.title("Where does the model go wrong in one language and not in the other?")
    session = Session("errors")
    chosen = study_bar(session)
    if chosen is None:
        _show_problems(session.problems)
        return
    try:
        _show(session, read(session, chosen))
    except CctaError as error:
        _show_problems(session.problems)
        notices.problem(str(error))


def _show(session: Session, state: State) -> None:
    study, filters = state.chosen.study, state.filters
    total = resources.computed(study, tables.count, filters)
    controls.controls(session, state, total)
    page_number, pages = page_of(session, state, total)
    _show_problems([*session.problems, *state.problems])
    summary = resources.computed(study, tables.summarise_selection, filters)
    same = resources.computed(study, tables.same_prediction, filters)
    text_blocks.verdict(wording.selection_verdict(summary, filters, same, state.chosen.task))
    if total:
        _show_list(session, state, ListPosition(page_number, pages, total, state.size))
    else:
        _show_empty(session, state)
    text_blocks.quiet(wording.doubt(summary, filters))
    comparisons.folded_table(session, state)
    session.keep()


def _show_problems(problems: list[str]) -> None:
    for text in problems:
        notices.advice(text)


def _show_list(session: Session, state: State, position: ListPosition) -> None:
    """The list with its pagers, and beside it the comparison that is looked at closely."""
    start = (position.page - 1) * position.size
    rows = resources.computed(
        state.chosen.study, tables.rows_of_page, state.filters, state.order, start, position.size
    )
    examples = _examples(state, [*rows["item"], *(state.row[:1] if state.row else ())])
    with st.container(key="errors_open" if state.row else "errors_closed"):
        listing, beside = st.columns([3, 2], gap="large")
    with listing:
        with st.container(horizontal=True, vertical_alignment="center", key="errors_head"):
            comparisons.pager(session, position, top=True)
            comparisons.select_listed(session, state)
            if state.chosen.selection:
                session.toggle("Only the selected", "only", width="content")
            tagging.tag_selection(session, state)
        if counts := tagging.tally(state):
            text_blocks.quiet(f"Tagged: {counts}")
        comparisons.cases(session, state, rows, examples)
        if position.pages > 1:
            comparisons.pager(session, position, top=False)
    with beside, st.container(key="errors_panel"):
        panel.panel(session, state, examples)


def _show_empty(session: Session, state: State) -> None:
    text_blocks.say("No comparison passes these filters. Take one off, or choose Everything above.")
    if controls.narrowed(state):
        st.button(
            "Clear filters",
            key=session.widget("clear_all"),
            on_click=controls.clear,
            args=(session,),
        )


def _examples(state: State, ids: list[str]) -> Mapping[str, ParallelExample]:
    """The texts of what is shown; none, with a line that says why, where they are not here."""
    try:
        return resources.texts(state.chosen.study.name, list(dict.fromkeys(ids)))
    except CctaError as error:
        notices.advice(str(error))
        return {}


page()
