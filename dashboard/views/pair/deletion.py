"""Does the mass name what the model uses? Deletion curves of both texts, on request."""

from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.faithfulness.curves import DRAWS, CurvesOf, DeletionCurves, PairCurves
from ccta_core.faithfulness.curves import find_curves as find_stored_curves
from ccta_core.faithfulness.settings import REPLACEMENTS
from dashboard.session import widget_key
from dashboard.views.pair.job import CURVES, find_curves, leave, progress
from dashboard.views.pair.view import PairRequest
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.wording import language_name

if TYPE_CHECKING:
    import pandas as pd

_WANTED = "pair_curves_wanted"
"""Session key of the curves that were asked for."""
_WHAT = (
    "The words of both texts are removed one after another, those of the largest mass first, and "
    f"the model is asked again each time; beside it {DRAWS} random orders. If the mass names words "
    "that the model uses, the probability falls faster than in random order."
)


def deletion(request: PairRequest) -> None:
    """The button that has the curves measured; how far that is; the curves and what they say."""
    replacement = st.segmented_control(
        "A removed word becomes",
        REPLACEMENTS,
        default=REPLACEMENTS[0],
        required=True,
        format_func=str.upper,
        key=widget_key("pair", "removed"),
    )
    wanted = CurvesOf(request.model, request.source, request.target, request.config, replacement)
    asked = st.session_state.get(_WANTED) == wanted
    if not asked and find_stored_curves(wanted) is None:
        leave(CURVES)
        text_blocks.say(_WHAT)
        if st.button("Remove the words and ask again", key=widget_key("pair", "curves_go")):
            st.session_state[_WANTED] = wanted
            st.rerun()
        return
    curves, job = find_curves(wanted)
    if curves is not None:
        _show(curves)
    elif job is not None:
        progress(job, CURVES, page="pair")


def _show(curves: PairCurves) -> None:
    from dashboard.views.pair.tables import curves_table

    for side in curves.sides:
        text_blocks.say(side.sentence)
    table = curves_table(curves)
    for place, name, side in zip(st.columns(2), ("source", "target"), curves.sides, strict=True):
        with place:
            _show_side(side, table[table["side"] == name], f"pair_deletion_{name}")
    text_blocks.quiet(
        f"The band is the range of {DRAWS} random orders at each step; that an order falls lower "
        f"on average than all of them happens by chance once in {DRAWS + 1}. A text with words "
        "replaced is none that the model was trained on: believe what PAD and MASK agree on."
    )
    name = f"deletion-{curves.replacement}-{curves.source.lang}-{curves.target.lang}"
    csv_button(table, name, key=widget_key("pair", "curves_csv"))


def _show_side(side: DeletionCurves, table: "pd.DataFrame", key: str) -> None:
    from dashboard.views.pair.charts import deletion_chart

    text_blocks.heading(
        f"{language_name(side.lang)}: a larger fall than in {side.faster_than} of {DRAWS} random "
        "orders"
    )
    figure = deletion_chart(table, dark=text_blocks.dark())
    text_blocks.chart(figure, key=key, alt=side.sentence)
