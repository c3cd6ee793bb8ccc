"""The picture of the page: distances over steps and the arms' scores, every frame in the page."""

import json
from collections.abc import Mapping

import streamlit as st

from ccta_core.adjustment.changes import Tables
from dashboard.session import Session
from dashboard.theme import read_beside
from dashboard.views.adjust.controls import ChosenAdjustment
from dashboard.views.adjust.film_page import film_page
from dashboard.views.adjust.tables import checkpoint_table, marks_table, payload
from dashboard.widgets.files import component_files

KEY = "adjust_film"
_FIELDS = ("arm", "step", "layer", "distance", "view", "low", "high")
_component = st.components.v2.component(
    "ccta_adjust_film",
    html='<div class="adj-root"></div>',
    css=read_beside(__file__, "film.css"),
    js=read_beside(__file__, "film.js"),
    isolate_styles=False,
)


def film(session: Session, tables: Tables, chosen: ChosenAdjustment, finding: str) -> None:
    """Draws it; what is chosen in it comes back a moment after the last move, for the address.

    `finding` is what stands above it, for the picture as a file.
    """

    def moved() -> None:
        sent = getattr(st.session_state.get(KEY), "at", None)
        if isinstance(sent, Mapping):
            session.put(**{name: sent[name] for name in _FIELDS if name in sent})

    def to_next() -> None:
        session.put(item=chosen.next_item)

    position = {name: getattr(chosen, name) for name in _FIELDS}
    data = payload(tables, chosen.lang, chosen.task) | {"at": position}
    _component(
        key=KEY,
        data=data,
        on_at_change=moved,
        on_next_change=to_next,
    )
    component_files(
        {
            "Checkpoints (CSV)": checkpoint_table(tables, chosen.lang),
            "Scores (CSV)": marks_table(tables, chosen.lang, chosen.task),
        },
        f"adjust-{chosen.lang}-{chosen.task}",
        key=KEY,
        place=f".st-key-{KEY} .adj-root",
        whole={
            "json": lambda: json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n",
            "html": lambda: film_page(data, finding),
        },
    )
