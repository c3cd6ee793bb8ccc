"""The choosers of the page Errors: views of one click, filters in a row, the others folded."""

from collections.abc import Sequence

import streamlit as st

from dashboard.pages.errors.filters import AGREEMENT, CONTROLS, RIGHT, Filters, label
from dashboard.pages.errors.state import ANY, DOWN, SIZES, UP, VIEWS, State, show, step_of
from dashboard.pages.errors.wording import agreement_choice, right_choice
from dashboard.session import Session
from dashboard.widgets.wording import language_name

_FOLDED = ("agree", "gold", "says", "says2", "ems", "range", "words", "tag")


def views(session: Session, state: State) -> None:
    """One click to a combination of right and wrong with its order; none is lit in between."""
    key = session.widget("view")
    now = (state.filters.right, state.order.name, DOWN if state.order.down else UP)
    lit = [view.title for view in VIEWS if (view.right, view.sort, view.order) == now]
    st.session_state[key] = lit[0] if lit else None
    st.segmented_control(
        "View",
        [view.title for view in VIEWS],
        key=key,
        on_change=_view,
        args=(session,),
        label_visibility="collapsed",
        width="stretch",
    )


def filters(session: Session, state: State) -> None:
    """All filters; those that are needed less often unfold."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_filters"):
        _language(session, state, "src", "Source")
        _language(session, state, "tgt", "Target")
        _right(session, state)
        st.text_input(
            "Text or id", key=session.widget("find"), placeholder="Search both texts", width=220
        )
        if narrowed(state):
            st.button(
                "Clear filters",
                key=session.widget("clear"),
                type="tertiary",
                on_click=clear,
                args=(session,),
            )
    count = sum(name in session.query for name in _FOLDED)
    title = f"More filters ({count} set)" if count else "More filters"
    with st.expander(title, key=session.widget("more")):
        _labels(session, state)
        _ranges(session, state)
        if state.offered.tags or state.filters.items is not None:
            _tag(session, state)


def order(session: Session, state: State) -> None:
    """How the list is sorted, and how many comparisons a page has."""
    st.selectbox(
        "Sort by", state.offered.sorts, format_func=_title, key=session.widget("sort"), width=220
    )
    ends = ("A to Z", "Z to A") if state.order.name == "item" else ("Least first", "Greatest first")
    names = dict(zip((UP, DOWN), ends, strict=True))
    st.selectbox(
        "Order", (UP, DOWN), format_func=lambda way: names[way], key=session.widget("order"),
        width=140,
    )  # fmt: skip
    st.selectbox("A page has", SIZES, key=session.widget("rows"), width=104)


def clear(session: Session) -> None:
    """Takes every filter off but right and wrong, and keeps the order (a button's callback)."""
    show(session, **dict.fromkeys(("src", "tgt", "agree", "gold", "says", "says2", "tag"), ANY))
    show(session, find="")
    for name in ("ems", "range", "words"):
        st.session_state[session.widget(name)] = st.session_state.get(
            session.widget(f"{name}_ends")
        )


def _view(session: Session) -> None:
    title = st.session_state[session.widget("view")]
    for view in VIEWS:
        if view.title == title:
            show(session, right=view.right, sort=view.sort, order=view.order)


def _language(session: Session, state: State, name: str, title: str) -> None:
    st.selectbox(
        title,
        [ANY, *state.offered.languages],
        format_func=lambda code: "Any language" if code == ANY else language_name(code),
        key=session.widget(name),
        width=160,
    )


def _right(session: Session, state: State) -> None:
    one = state.filters
    turned = "wr" if one.open and one.right != "wr" else ""  # the same as rw without languages
    st.selectbox(
        "Right or wrong",
        [right for right in RIGHT if right != turned],
        format_func=lambda right: right_choice(right, one.source, one.target),
        key=session.widget("right"),
        width=320,
    )


def _labels(session: Session, state: State) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_labels"):
        st.selectbox(
            "Predictions", AGREEMENT,
            format_func=lambda one: agreement_choice(one, state.chosen.task),
            key=session.widget("agree"), width=240,
        )  # fmt: skip
        if state.offered.gold:
            _word(session, "gold", "Gold label", state.offered.gold)
        if state.offered.said:
            _word(session, "says", "Source says", state.offered.said)
            _word(session, "says2", "Target says", state.offered.said)


def _word(session: Session, name: str, title: str, known: Sequence[str]) -> None:
    st.selectbox(
        title,
        [ANY, *known],
        format_func=lambda word: "Any" if word == ANY else word,
        key=session.widget(name),
        width=160,
    )


def _ranges(session: Session, state: State) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_ranges"):
        _range(session, state, "ems", "EMS")
        st.selectbox("Control", CONTROLS, format_func=_title, key=session.widget("by"), width=240)
        _range(session, state, "range", _title(state.control))
        _range(session, state, "words", "Words of the longer text")


def _range(session: Session, state: State, name: str, title: str) -> None:
    ends = state.offered.ends[name]
    if ends is not None:
        step = step_of(ends)
        digits = "%d" if step >= 1 else None
        st.slider(title, *ends, step=step, format=digits, key=session.widget(name), width=240)


def _tag(session: Session, state: State) -> None:
    counts = state.offered.tags
    st.selectbox(
        "Tag",
        [ANY, *counts],
        format_func=lambda tag: "Any" if tag == ANY else f"{tag} ({counts[tag]})",
        key=session.widget("tag"),
        width=240,
    )


def narrowed(state: State) -> bool:
    """Whether a filter is set, beside right and wrong."""
    one = state.filters
    return one != Filters(one.model, one.layer, right=one.right)


def _title(name: str) -> str:
    text = label(name)
    return text if len(text) < 2 else text[:1].upper() + text[1:]
