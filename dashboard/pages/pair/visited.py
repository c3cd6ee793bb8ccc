"""Undo, redo and the list of the views of this session."""

import streamlit as st

from dashboard import state
from dashboard.choice import Choice
from dashboard.history import History, difference
from dashboard.widgets.notices import plain
from dashboard.widgets.wording import language_name


def views() -> None:
    """Two buttons and the list; nothing moves where there is nothing to move to."""
    found = state.history()
    _arrow("Undo", ":material/undo:", found.at - 1, enabled=found.can_undo)
    _arrow("Redo", ":material/redo:", found.at + 1, enabled=found.can_redo)
    with st.popover("History", width="content", disabled=len(found.views) < 2):
        for place in reversed(range(len(found.views))):
            st.button(
                plain(_label(found, place)),
                key=state.widget(f"view_{place}"),
                on_click=state.step,
                args=(place,),
                disabled=place == found.at,
                type="tertiary",
            )


def _arrow(label: str, icon: str, place: int, *, enabled: bool) -> None:
    st.button(
        label,
        icon=icon,
        key=state.widget(label.lower()),
        on_click=state.step,
        args=(place,),
        disabled=not enabled,
        type="tertiary",
        help=label,
    )


def _label(found: History, place: int) -> str:
    """A view by what changed: the first of the list by what it is."""
    view = found.views[place]
    if place == 0:
        return _whole(view)
    changed = difference(found.views[place - 1], view)
    return f"{changed or 'the texts'} · {view.item}"


def _whole(view: Choice) -> str:
    pair = f"{language_name(view.src)} and {language_name(view.tgt)}"
    return f"{view.item}, {pair}, layer {view.layer} · {view.model}"
