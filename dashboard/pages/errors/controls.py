"""The choosers of the page Errors: views of one click, filters in a row, the others folded."""

from collections.abc import Sequence

import streamlit as st

from dashboard.address import Address
from dashboard.pages.errors.filters import AGREEMENT, CONTROLS, RIGHT, Filters, label
from dashboard.pages.errors.state import ANY, DOWN, SIZES, UP, VIEWS, State, show, step_of
from dashboard.pages.errors.wording import agreement_choice, right_choice
from dashboard.widgets.wording import language_name

_FOLDED = ("agree", "gold", "says", "says2", "ems", "range", "words", "tag")


def views(address: Address, state: State) -> None:
    """One click to a combination of right and wrong with its order; none is lit in between."""
    key = address.widget("view")
    now = (state.filters.right, state.order.name, DOWN if state.order.down else UP)
    lit = [view.title for view in VIEWS if (view.right, view.sort, view.order) == now]
    st.session_state[key] = lit[0] if lit else None
    st.segmented_control(
        "View",
        [view.title for view in VIEWS],
        key=key,
        on_change=_view,
        args=(address,),
        label_visibility="collapsed",
        width="stretch",
    )


def filters(address: Address, state: State) -> None:
    """All filters; those that are needed less often unfold."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_filters"):
        _language(address, state, "src", "Source")
        _language(address, state, "tgt", "Target")
        _right(address, state)
        st.text_input(
            "Text or id", key=address.widget("find"), placeholder="Search both texts", width=220
        )
        if narrowed(state):
            st.button(
                "Clear filters",
                key=address.widget("clear"),
                type="tertiary",
                on_click=clear,
                args=(address,),
            )
    count = sum(name in address.query for name in _FOLDED)
    title = f"More filters ({count} set)" if count else "More filters"
    with st.expander(title, key=address.widget("more")):
        _labels(address, state)
        _ranges(address, state)
        if state.offered.tags or state.filters.items is not None:
            _tag(address, state)


def order(address: Address, state: State) -> None:
    """How the list is sorted, and how many comparisons a page has."""
    st.selectbox(
        "Sort by", state.offered.sorts, format_func=_title, key=address.widget("sort"), width=220
    )
    ends = ("A to Z", "Z to A") if state.order.name == "item" else ("Least first", "Greatest first")
    names = dict(zip((UP, DOWN), ends, strict=True))
    st.selectbox(
        "Order", (UP, DOWN), format_func=lambda way: names[way], key=address.widget("order"),
        width=140,
    )  # fmt: skip
    st.selectbox("A page has", SIZES, key=address.widget("rows"), width=104)


def clear(address: Address) -> None:
    """Takes every filter off but right and wrong, and keeps the order (a button's callback)."""
    show(address, **dict.fromkeys(("src", "tgt", "agree", "gold", "says", "says2", "tag"), ANY))
    show(address, find="")
    for name in ("ems", "range", "words"):
        st.session_state[address.widget(name)] = st.session_state.get(
            address.widget(f"{name}_ends")
        )


def _view(address: Address) -> None:
    title = st.session_state[address.widget("view")]
    for view in VIEWS:
        if view.title == title:
            show(address, right=view.right, sort=view.sort, order=view.order)


def _language(address: Address, state: State, name: str, title: str) -> None:
    st.selectbox(
        title,
        [ANY, *state.offered.languages],
        format_func=lambda code: "Any language" if code == ANY else language_name(code),
        key=address.widget(name),
        width=160,
    )


def _right(address: Address, state: State) -> None:
    one = state.filters
    turned = "wr" if one.open and one.right != "wr" else ""  # the same as rw without languages
    st.selectbox(
        "Right or wrong",
        [right for right in RIGHT if right != turned],
        format_func=lambda right: right_choice(right, one.source, one.target),
        key=address.widget("right"),
        width=320,
    )


def _labels(address: Address, state: State) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_labels"):
        st.selectbox(
            "Predictions", AGREEMENT,
            format_func=lambda one: agreement_choice(one, state.chosen.task),
            key=address.widget("agree"), width=240,
        )  # fmt: skip
        if state.offered.gold:
            _word(address, "gold", "Gold label", state.offered.gold)
        if state.offered.said:
            _word(address, "says", "Source says", state.offered.said)
            _word(address, "says2", "Target says", state.offered.said)


def _word(address: Address, name: str, title: str, known: Sequence[str]) -> None:
    st.selectbox(
        title,
        [ANY, *known],
        format_func=lambda word: "Any" if word == ANY else word,
        key=address.widget(name),
        width=160,
    )


def _ranges(address: Address, state: State) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_ranges"):
        _range(address, state, "ems", "EMS")
        st.selectbox("Control", CONTROLS, format_func=_title, key=address.widget("by"), width=240)
        _range(address, state, "range", _title(state.control))
        _range(address, state, "words", "Words of the longer text")


def _range(address: Address, state: State, name: str, title: str) -> None:
    ends = state.offered.ends[name]
    if ends is not None:
        step = step_of(ends)
        digits = "%d" if step >= 1 else None
        st.slider(title, *ends, step=step, format=digits, key=address.widget(name), width=240)


def _tag(address: Address, state: State) -> None:
    counts = state.offered.tags
    st.selectbox(
        "Tag",
        [ANY, *counts],
        format_func=lambda tag: "Any" if tag == ANY else f"{tag} ({counts[tag]})",
        key=address.widget("tag"),
        width=240,
    )


def narrowed(state: State) -> bool:
    """Whether a filter is set, beside right and wrong."""
    one = state.filters
    return one != Filters(one.model, one.layer, right=one.right)


def _title(name: str) -> str:
    text = label(name)
    return text if len(text) < 2 else text[:1].upper() + text[1:]
