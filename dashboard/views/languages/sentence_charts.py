"""Sentences on the fixed plane: colour by language, fainter the lower EMS is."""

from collections.abc import Collection
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ccta_core.text import percent
from dashboard.plane import SYMBOLS
from dashboard.theme import INK, QUIET, SERIES, quiet_layout, transparent
from dashboard.views.languages.sentence_tables import hover_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

_HEIGHT = 460
_FAINTEST = 0.12


def sentences_chart(
    table: pd.DataFrame,
    explained: tuple[float, float],
    names: tuple[str, str],
    selected: Collection[str],
    *,
    dark: bool,
) -> "go.Figure":
    """`sentence_tables.sentences_table`; a line joins translations, a ring marks what is selected.

    A point carries its item in `customdata`.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    sides = [table[table["side"] == side].reset_index(drop=True) for side in (0, 1)]
    xs, ys = (
        [v for s, t in zip(sides[0][axis], sides[1][axis], strict=True) for v in (s, t, None)]
        for axis in ("x", "y")
    )
    figure.add_scatter(
        x=xs,
        y=ys,
        mode="lines",
        name="translations",
        line={"color": transparent(QUIET[dark], 0.4), "width": 1},
        hoverinfo="skip",
    )
    for side, rows in enumerate(sides):
        chosen = rows["item"].isin(set(selected))
        colour = SERIES[side][dark]
        figure.add_scatter(
            x=rows["x"],
            y=rows["y"],
            mode="markers",
            name=names[side],
            customdata=rows[["item"]].to_numpy(),
            hovertext=[escape(hover_text(row)).replace("\n", "<br>") for row in rows.itertuples()],
            hoverinfo="text",
            marker={
                "size": np.where(chosen, 15, 10),
                "symbol": SYMBOLS[side],
                "color": [transparent(colour, opacity) for opacity in _opacities(rows["ems"])],
                "line": {
                    "color": [INK[dark] if ring else colour for ring in chosen],
                    "width": np.where(chosen, 2.5, 1),
                },
            },
            # A box that was drawn selects items, which have their rings: nothing fades for it.
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
        )
    quiet_layout(figure, height=_HEIGHT, dark=dark)
    figure.update_layout(
        dragmode="select", clickmode="event+select", legend={"itemsizing": "constant"}
    )
    for axis, share, which in (("xaxis", explained[0], "first"), ("yaxis", explained[1], "second")):
        title = {"text": f"{which} component, {percent(share)} of the variance"}
        figure.update_layout({axis: {"title": title, "zeroline": False}})
    return figure


def _opacities(ems: pd.Series) -> np.ndarray:
    """From the faintest at the lowest EMS to full at the highest."""
    low, high = float(ems.min()), float(ems.max())
    share = (ems.to_numpy() - low) / (high - low) if high > low else np.ones(len(ems))
    return _FAINTEST + (1 - _FAINTEST) * share
