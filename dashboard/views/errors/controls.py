"""The choosers of the page Errors in one row: views, filters, the others folded, order, files."""

import streamlit as st

from dashboard.session import Session
from dashboard.views.errors import export
from dashboard.views.errors.filters import RIGHT, Filters, label
from dashboard.views.errors.state import ANY, DOWN, UP, VIEWS, State, step_of
from dashboard.views.errors.wording import agreement_choice, right_choice
from dashboard.widgets.wording import language_name

_FOLDED = ("agree", "gold", "says", "says2", "ems", "range", "words", "tag")


def controls(session: Session, state: State, total: int) -> None:
    """One row: the view, both languages, a search; the other filters, the order and the files."""
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_filters"):
        _views(session, state)
        for name, title in (("src", "Source"), ("tgt", "Target")):
            session.selectbox(
                title,
                name,
                format_func=lambda code: "Any language" if code == ANY else language_name(code),
                width=150,
            )
        session.text_input("Text or id", "find", placeholder="Search both texts", width=170)
        _folded_filters(session, state)
        with st.popover("Sort", width="content"):
            _order(session, state)
        export.downloads(session, state, total)
        if narrowed(state):
            st.button(
                "Clear filters",
                key=session.widget("clear"),
                type="tertiary",
                on_click=clear,
                args=(session,),
            )


def _views(session: Session, state: State) -> None:
    """One choice for a combination of right and wrong with its order; none shows in between."""
    key = session.widget("view")
    now = (state.filters.right, state.order.name, DOWN if state.order.down else UP)
    lit = [view.title for view in VIEWS if (view.right, view.sort, view.order) == now]
    st.session_state[key] = lit[0] if lit else None
    st.selectbox(
        "View",
        [view.title for view in VIEWS],
        key=key,
        index=None,
        placeholder="As filtered and sorted",
        on_change=_view,
        args=(session,),
        width=300,
    )


def _folded_filters(session: Session, state: State) -> None:
    """The filters that are needed less often."""
    chosen = state.filters
    # Without a language, wrong and right are the same comparisons as right and wrong.
    turned = "wr" if chosen.open and chosen.right != "wr" else ""
    number = sum(name in session.query for name in _FOLDED)
    title = f"More filters ({number} set)" if number else "More filters"
    with st.popover(title, width="content", key=session.widget("more")):
        session.selectbox(
            "Right or wrong",
            "right",
            [right for right in RIGHT if right != turned],
            format_func=lambda right: right_choice(right, chosen.source, chosen.target),
        )
        _labels(session, state)
        _ranges(session, state)
        tags = state.offered.tags
        if tags:
            session.selectbox(
                "Tag",
                "tag",
                format_func=lambda tag: "Any" if tag == ANY else f"{tag} ({tags[tag]})",
            )


def _order(session: Session, state: State) -> None:
    """How the list is sorted, and how many comparisons a page has."""
    session.selectbox("Sort by", "sort", format_func=_title)
    ends = ("A to Z", "Z to A") if state.order.name == "item" else ("Least first", "Greatest first")
    names = dict(zip((UP, DOWN), ends, strict=True))
    session.selectbox("Order", "order", format_func=names.__getitem__)
    session.selectbox("A page has", "rows")


def clear(session: Session) -> None:
    """Takes every filter off but right and wrong, and keeps the order (a button's callback)."""
    session.put(**dict.fromkeys(("src", "tgt", "agree", "gold", "says", "says2", "tag"), ANY))
    session.put(find="", only=False)
    for name in ("ems", "range", "words"):
        session.put(**{name: st.session_state.get(session.widget(f"{name}_ends"))})


def _view(session: Session) -> None:
    title = st.session_state[session.widget("view")]
    for view in VIEWS:
        if view.title == title:
            session.put(right=view.right, sort=view.sort, order=view.order)


def _labels(session: Session, state: State) -> None:
    words = [("gold", "Gold label")] if state.offered.gold else []
    if state.offered.predictions:
        words += [("says", "Source prediction"), ("says2", "Target prediction")]
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_labels"):
        session.selectbox(
            "Predictions",
            "agree",
            format_func=lambda agreement: agreement_choice(agreement, state.chosen.task),
            width=240,
        )
        for name, title in words:
            session.selectbox(
                title, name, format_func=lambda word: "Any" if word == ANY else word, width=160
            )


def _ranges(session: Session, state: State) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="errors_ranges"):
        _range(session, state, "ems", "EMS")
        session.selectbox("Control", "by", format_func=_title, width=240)
        _range(session, state, "range", _title(state.control))
        _range(session, state, "words", "Words of the longer text")


def _range(session: Session, state: State, name: str, title: str) -> None:
    ends = state.offered.ends[name]
    if ends is not None:
        step = step_of(ends)
        session.slider(title, name, step=step, format="%d" if step >= 1 else None, width=240)


def narrowed(state: State) -> bool:
    """Whether a filter is set, beside right and wrong."""
    chosen = state.filters
    return chosen != Filters(chosen.model, chosen.layer, right=chosen.right)


def _title(name: str) -> str:
    text = label(name)
    return text if len(text) < 2 else text[:1].upper() + text[1:]
