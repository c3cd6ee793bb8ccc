"""EMS of shuffled masses as a histogram, with what it is held against."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ccta_core.text import number
from dashboard.charts.theme import ACCENT, DASHES, INK, QUIET, SERIES, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

_BINS = 30


def shuffles_histogram(
    values: np.ndarray, references: pd.DataFrame, *, dark: bool, large: bool
) -> "go.Figure":
    """`values` of all shuffles; `references` (tables.learn.reference_table) as vertical lines."""
    import plotly.graph_objects as go

    known = np.concatenate([values, references["value"].to_numpy()])
    low, high = float(known.min()), float(known.max())
    edges = np.linspace(low, high, _BINS + 1)
    counts, _ = np.histogram(values, edges)
    size = 20 if large else 13
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": QUIET[dark], "opacity": 0.55},
            name="shuffled masses",
            hovertemplate="EMS %{x:.2f}: %{y} shuffles<extra></extra>",
        )
    )
    top = float(max(counts.max(), 1))
    colours = (ACCENT[dark], SERIES[1][dark], SERIES[2][dark])
    for at, row in enumerate(references.itertuples()):
        figure.add_scatter(
            x=[row.value, row.value],
            y=[0, top * (1.12 + 0.13 * at)],
            mode="lines+text",
            text=["", f"{row.name} {number(row.value)}"],
            textposition=_beside((row.value - low) / (high - low)),
            textfont={"color": colours[at], "size": size + 2},
            line={"color": colours[at], "width": 4 if at == 0 else 2, "dash": DASHES[at]},
            showlegend=False,
            cliponaxis=False,
            hoverinfo="skip",
        )
    quiet_layout(figure, height=430 if large else 340, dark=dark)
    figure.update_layout(font_size=size, bargap=0, showlegend=False)
    figure.update_yaxes(title={"text": "shuffles"}, range=[0, top * 1.6], color=INK[dark])
    figure.update_xaxes(title={"text": "EMS of a shuffle"}, range=[low - 0.03, high + 0.03])
    return figure


def _beside(place: float) -> str:
    """Where a line's name stands, so that it stays inside: `place` is 0 at the left, 1 right."""
    if 0.25 < place < 0.75:
        return "top center"
    return "top right" if place <= 0.25 else "top left"
