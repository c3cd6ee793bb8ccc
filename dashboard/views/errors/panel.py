"""One comparison looked at closely: both texts, its numbers, its tags and note, the way to Pair."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from ccta_core.measures import MEASURES
from ccta_core.text import NONE
from ccta_core.types import ParallelExample
from dashboard.session import Session
from dashboard.views.errors import tables, tagging
from dashboard.views.errors.charts import figure, prediction, texts
from dashboard.views.errors.filters import CONTROLS, label
from dashboard.views.errors.picture import comparison_picture
from dashboard.views.errors.state import State
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.navigation import open_pair
from dashboard.widgets.wording import language_name

if TYPE_CHECKING:
    import pandas as pd

_LEFT_OUT = ("gain", "marginal_error")
"""Shown above, or of no use here."""


def panel(session: Session, state: State, examples: Mapping[str, ParallelExample]) -> None:
    """The comparison of `state.row`; what to do where none is chosen or it is not there."""
    if state.row is None:
        text_blocks.quiet(
            "Choose a comparison in the list, or walk with the keys J and K: its picture, numbers, "
            "tags and notes come here. X selects its item."
        )
        return
    comparison = tables.comparison(state.chosen.study, state.filters, *state.row)
    if not len(comparison):
        notices.advice("The comparison of the address is not in this study; choose one in the list")
        _close_button(session)
        return
    row = next(comparison.itertuples())
    _show_heading(session, state, row)
    pictured = comparison_picture(state.chosen, state.row)
    _show_sides(row, None if pictured else examples.get(state.row[0]))
    tagging.remark_editor(session, state, state.row[0])
    _show_numbers(comparison)


def _show_heading(session: Session, state: State, row: Any) -> None:
    gold = row.gold if isinstance(row.gold, str) else "marked in the text"
    names = f"{language_name(row.source_lang)} to {language_name(row.target_lang)}"
    st.html(
        f'<h2 class="ccta-heading">{escape(row.item)}</h2><p class="ccta-finding">'
        f"{escape(names)}, gold {escape(gold)}. EMS {figure(row.ems)}, gain "
        f"{figure(row.gain)}.</p>"
    )
    with st.container(horizontal=True):
        if st.button("Open in Pair", key=session.widget("open"), type="primary"):
            open_pair(session, state.chosen, row.item, (row.source_lang, row.target_lang))
        _close_button(session)


def _close_button(session: Session) -> None:
    st.button("Close", key=session.widget("close"), on_click=session.put, kwargs={"row": ""})


def _show_sides(row: Any, example: ParallelExample | None) -> None:
    parts = []
    for side in ("source", "target"):
        lang = getattr(row, f"{side}_lang")
        sentence = example.sentences.get(lang) if example else None
        parts.append(
            f'<div class="ccta-case-side"><div class="ccta-said">{escape(language_name(lang))}: '
            f"{prediction(row, side)}</div>{texts(sentence, whole=True)}</div>"
        )
    st.html(f'<div class="ccta-case-whole">{"".join(parts)}</div>')


def _show_numbers(comparison: "pd.DataFrame") -> None:
    row = comparison.iloc[0]
    names = [name for name in (*CONTROLS, "links") if name not in _LEFT_OUT]
    text_blocks.table(["control", "value"], ([label(name), _value(row[name])] for name in names))
    sides = {
        "words": "units",
        **{
            MEASURES[key].label: key
            for key in (
                "confidence",
                "probability",
                "mass_error",
                "completeness_error",
                "special_share",
            )
        },
    }
    heads = ["of each text", language_name(row["source_lang"]), language_name(row["target_lang"])]
    text_blocks.table(
        heads,
        (
            [heading, *(_value(row[f"{side}_{name}"]) for side in _BOTH)]
            for heading, name in sides.items()
        ),
    )


_BOTH = ("source", "target")


def _value(value: Any) -> str:
    if value is None or value != value:
        return NONE
    return str(int(value)) if float(value).is_integer() else figure(value)
