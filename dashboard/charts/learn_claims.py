"""Numbers with their intervals, one row each."""

from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboard.charts.theme import INK, QUIET, SERIES, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

_SYMBOLS = ("circle", "diamond", "square")
_ROW, _LEAST, _ROOM = 15, 34, 120
"""Pixels of a mark, of a row at least, and of what stands around the rows."""


def intervals(
    table: pd.DataFrame, *, axis: str, zero: float | None, dark: bool, large: bool
) -> "go.Figure":
    """`tables.learn_claims.Found.table`: a row for each `what`, in it a mark for each measure.

    Marks are open where their interval is unreliable.
    """
    import plotly.graph_objects as go

    figure, size = go.Figure(), 20 if large else 13
    rows = {what: at for at, what in enumerate(dict.fromkeys(table["what"]))}
    measures = list(dict.fromkeys(table["measure"]))
    for at, measure in enumerate(measures):
        part = table[table["measure"] == measure]
        apart = (at - (len(measures) - 1) / 2) * 0.75 / max(len(measures), 1)
        figure.add_scatter(
            x=part["value"],
            y=[rows[what] + apart for what in part["what"]],
            name=escape(measure),
            showlegend=len(measures) > 1,
            **_marks(part, at, dark),
        )
    if zero is not None:
        figure.add_vline(x=zero, line={"color": QUIET[dark], "width": 2, "dash": "dot"})
    tall = max(_LEAST, _ROW * len(measures)) * (1.5 if large else 1)
    quiet_layout(figure, height=_ROOM + int(tall * len(rows)), dark=dark)
    figure.update_layout(font_size=size)
    figure.update_xaxes(title={"text": axis})
    figure.update_yaxes(
        tickvals=list(rows.values()),
        ticktext=[escape(what) for what in rows],
        range=[len(rows) - 0.5, -0.5],
        tickfont={"color": INK[dark], "size": size},
        zeroline=False,
    )
    return figure


def _marks(part: pd.DataFrame, at: int, dark: bool) -> dict[str, Any]:
    """How the numbers of one measure are drawn: mark, interval, what a pointer tells."""
    return {
        "mode": "markers",
        "marker": {
            "size": 11,
            "color": SERIES[at][dark],
            "symbol": [_SYMBOLS[at] + ("" if sure else "-open") for sure in part["reliable"]],
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": (part["high"] - part["value"]).clip(lower=0),
            "arrayminus": (part["value"] - part["low"]).clip(lower=0),
            "thickness": 1.5,
            "width": 3,
        },
        "customdata": part[["low", "high", "n"]],
        "text": [escape(what) for what in part["what"]],
        "hovertemplate": "%{text}: %{x:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f}), "
        "n = %{customdata[2]}",
    }
