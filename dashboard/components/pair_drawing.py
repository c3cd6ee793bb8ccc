"""The quiet row under the picture: words or subwords, colour, how many ribbons."""

from typing import Any

import streamlit as st

from dashboard import state
from dashboard.components.pair_picture import usual_ribbons
from dashboard.settings import MOST_RIBBON, UNITS, VIEWS, Settings

_VIEWS = {"signed": "signed evidence", "mass": "mass"}


def drawing(settings: Settings, payload: dict[str, Any] | None) -> None:
    """Three controls that change the picture only; `payload` is None while it is computed."""
    if settings.ribbons is None:
        state.show_ribbons(usual_ribbons(payload) if payload else 0.0)
    with st.container(key="pair_drawing", horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Text in", UNITS, required=True, key=state.widget("units"), label_visibility="collapsed"
        )
        st.segmented_control(
            "Colour shows",
            VIEWS,
            format_func=_VIEWS.__getitem__,
            required=True,
            key=state.widget("view"),
            label_visibility="collapsed",
        )
        st.slider(
            "Ribbons of at least so much of the mass, in percent",
            0.0,
            MOST_RIBBON,
            step=0.1,
            format="ribbons of at least %.1f%%",
            key=state.widget("ribbons"),
            label_visibility="collapsed",
            disabled=payload is None or settings.units == "subwords",
            width=220,
        )
