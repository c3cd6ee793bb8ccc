"""Errors: where the model goes wrong in one language and not in the other, item by item."""

from collections.abc import Mapping

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.types import ParallelExample
from dashboard import resources
from dashboard.address import Address
from dashboard.components import (
    errors_confusion,
    errors_export,
    errors_filters,
    errors_list,
    errors_panel,
    errors_state,
    errors_words,
    notice,
    say,
)
from dashboard.components.errors_list import Place
from dashboard.components.errors_state import State
from dashboard.components.study_bar import study_bar
from dashboard.tables import errors, errors_doubt


def page() -> None:
    """The whole page, top to bottom."""
    say.title("Where does the model go wrong in one language and not in the other?")
    address = Address("errors")
    chosen = study_bar(address)
    if chosen is None:
        _advise(address.problems)
        return
    try:
        _show(address, errors_state.read(address, chosen))
    except CctaError as error:
        _advise(address.problems)
        notice.problem(str(error))


def _show(address: Address, state: State) -> None:
    study, filters = state.chosen.study, state.filters
    errors_filters.views(address, state)
    errors_filters.filters(address, state)
    total = resources.computed(study, errors.count, filters)
    at, pages = errors_state.page_of(address, state, total)
    _advise([*address.problems, *state.problems])
    found = resources.computed(study, errors_doubt.found, filters)
    same = resources.computed(study, errors_doubt.same_prediction, filters)
    say.verdict(errors_words.verdict(found, filters, same, state.chosen.task))
    say.quiet(errors_words.doubt(found, filters))
    errors_confusion.folded(address, state)
    if total:
        _list(address, state, Place(at, pages, total, state.size))
    else:
        _nothing(address, state)
    address.keep()


def _advise(problems: list[str]) -> None:
    for text in problems:
        notice.advice(text)


def _list(address: Address, state: State, place: Place) -> None:
    """The list with its pagers, and beside it the comparison that is looked at closely."""
    start = (place.at - 1) * place.size
    rows = resources.computed(
        state.chosen.study, errors.page, state.filters, state.order, start, place.size
    )
    examples = _examples(state, [*rows["item"], *(state.row[:1] if state.row else ())])
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_order"):
        errors_filters.order(address, state)
        errors_export.downloads(address, state, place.total)
    with st.container(key="errors_open" if state.row else "errors_closed"):
        listing, beside = st.columns([2, 1], gap="large")
    with listing:
        errors_list.pager(address, place, top=True)
        errors_list.cases(address, state, rows, examples)
        if place.pages > 1:
            errors_list.pager(address, place, top=False)
    with beside, st.container(key="errors_panel"):
        errors_panel.panel(address, state, examples)


def _nothing(address: Address, state: State) -> None:
    say.say("No comparison passes these filters. Take one off, or choose Everything above.")
    if errors_filters.narrowed(state):
        st.button(
            "Clear filters",
            key=address.widget("clear_all"),
            on_click=errors_filters.clear,
            args=(address,),
        )


def _examples(state: State, ids: list[str]) -> Mapping[str, ParallelExample]:
    """The texts of what is shown; none, with a line that says why, where they are not here."""
    try:
        return resources.texts(state.chosen.study.name, list(dict.fromkeys(ids)))
    except CctaError as error:
        notice.advice(str(error))
        return {}


page()
