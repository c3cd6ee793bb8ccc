"""The view in large type for a class: sentences, picture, verdict and the axis of EMS alone."""

import streamlit as st

from dashboard.session import Session
from dashboard.views.pair.history import PRESENT
from dashboard.views.pair.view import Options, PairView
from dashboard.widgets.wording import item_name


def present_button(session: Session) -> None:
    """Shows the view in large type."""
    st.button(
        "Present",
        key=session.widget("present_on"),
        on_click=session.put,
        kwargs={PRESENT: "1"},
        type="tertiary",
        icon=":material/slideshow:",
    )


def is_presented(session: Session) -> bool:
    """Whether the address or a button asks for large type."""
    return session.raw().get(PRESENT) == "1"


def presenter_row(session: Session, view: PairView, options: Options) -> None:
    """The item's name, the way to its neighbours (left and right) and out (Esc)."""
    items = options.items_for(view.model)
    before, after = neighbours(items, view.item)
    with st.container(key="pair_presenting", horizontal=True, vertical_alignment="center"):
        name = item_name(options.items[view.item], view.src) if view.item in items else ""
        st.text(name)
        for label, item, key in (("Previous item", before, "Left"), ("Next item", after, "Right")):
            st.button(
                label,
                key=session.widget(f"present_{key.lower()}"),
                on_click=session.put,
                kwargs={"item": item},
                disabled=item is None,
                shortcut=key,
                type="tertiary",
            )
        st.button(
            "Leave",
            key=session.widget("present_off"),
            on_click=session.put,
            kwargs={PRESENT: "0"},
            shortcut="Esc",
            type="tertiary",
        )


def neighbours(items: tuple[str, ...], item: str) -> tuple[str | None, str | None]:
    """The items before and after one, None where there is none, or it is not among them."""
    if item not in items:
        return None, None
    place = items.index(item)
    before = items[place - 1] if place else None
    return before, items[place + 1] if place + 1 < len(items) else None
