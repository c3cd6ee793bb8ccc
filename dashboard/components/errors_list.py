"""The list of comparisons: one page of it, turned over by buttons or gone to by number."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.types import ParallelExample
from dashboard.address import Address
from dashboard.charts.errors_list import list_html
from dashboard.components.errors_state import State, row_text, show
from dashboard.components.errors_words import listed

if TYPE_CHECKING:
    import pandas as pd

_component = st.components.v2.component(
    "ccta_errors_list",
    html='<div class="ccta-picks"></div>',
    js=(Path(__file__).parents[1] / "assets" / "errors.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def cases(
    address: Address,
    state: State,
    page: "pd.DataFrame",
    examples: Mapping[str, ParallelExample],
) -> None:
    """The rows; a click on one has the page show it closely."""
    key = address.widget("list")

    def picked() -> None:
        found = getattr(st.session_state.get(key), "pick", None)
        if isinstance(found, str):
            show(address, row=found)

    _component(
        key=key,
        data={
            "html": list_html(page, examples, state.remarks, state.order.name),
            "marked": row_text(state.row),
        },
        on_pick_change=picked,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the list this is: page `at` of `pages`, `size` comparisons each, `total` in all."""

    at: int
    pages: int
    total: int
    size: int

    @property
    def said(self) -> str:
        """Which of how many are shown."""
        first, last = (self.at - 1) * self.size + 1, min(self.at * self.size, self.total)
        return listed(first, last, self.total)


def pager(address: Address, place: Place, *, top: bool) -> None:
    """Which comparisons these are, and the ways to another page; a page by number at the top."""
    name = "top" if top else "bottom"
    with st.container(horizontal=True, vertical_alignment="center", key=f"errors_pager_{name}"):
        st.html(f'<p class="ccta-finding">{place.said}</p>', width="content")
        if place.pages < 2:
            return
        turns = {
            "first_page": ("First page", 1),
            "chevron_left": ("Page before", max(1, place.at - 1)),
            "chevron_right": ("Page after", min(place.pages, place.at + 1)),
            "last_page": ("Last page", place.pages),
        }
        for at, (icon, (title, to)) in enumerate(turns.items()):
            if at == 2:
                _number(address, place, top=top)
            st.button(
                title,
                icon=f":material/{icon}:",
                key=address.widget(f"{icon}_{name}"),
                disabled=to == place.at,
                on_click=show,
                args=(address,),
                kwargs={"page": to},
                type="tertiary",
            )


def _number(address: Address, place: Place, *, top: bool) -> None:
    said = f"of {place.pages:,}" if top else f"page {place.at:,} of {place.pages:,}"
    if top:
        st.number_input(
            "Page",
            1,
            place.pages,
            key=address.widget("page"),
            width=120,
            label_visibility="collapsed",
        )
    st.html(f'<p class="ccta-finding">{said}</p>', width="content")
