"""Completeness: the waterfall from padding to the sentence, and the error by points."""

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ccta_core.text import signed
from dashboard.charts.theme import ACCENT, INK, QUIET, SERIES, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

FOR, AGAINST = ("#f39a3d", "#d98a35"), ("#74abe8", "#5b93d6")


def waterfall(table: pd.DataFrame, *, dark: bool, large: bool) -> "go.Figure":
    """`tables.learn.sum_table` as bars, each beginning where the one before ended."""
    import plotly.graph_objects as go

    low = table[["start", "end"]].min(axis=1)
    texts = [signed(value) for value in table["value"]]
    bars = go.Bar(
        x=table["position"],
        y=(table["end"] - table["start"]).abs(),
        base=low,
        marker={"color": [_colour(row, dark) for row in table.itertuples()]},
        text=texts,
        textposition="outside",
        cliponaxis=False,
        hovertext=[escape(str(name)) for name in table["name"]],
        hovertemplate="%{hovertext}: %{text} logits<extra></extra>",
    )
    figure = quiet_layout(go.Figure(bars), height=430 if large else 340, dark=dark)
    size = 22 if large else 13
    figure.update_layout(font_size=size, bargap=0.25, showlegend=False, margin={"t": 30})
    figure.update_xaxes(
        tickmode="array",
        tickvals=table["position"],
        ticktext=[escape(str(name)) for name in table["name"]],
        autotickangles=[0, -35, -60],
        tickfont={"color": INK[dark], "size": size},
        showgrid=False,
    )
    figure.update_yaxes(title={"text": "score (logits)"}, zeroline=True)
    return figure


def error_curve(table: pd.DataFrame, *, points: int, dark: bool, large: bool) -> "go.Figure":
    """`tables.learn.error_table`, both axes logarithmic; the chosen number of points is larger."""
    import plotly.graph_objects as go

    figure, size = go.Figure(), 20 if large else 13
    for at, (places, part) in enumerate(table.groupby("places", sort=False)):
        figure.add_scatter(
            x=part["points"],
            y=part["error"],
            mode=("lines+markers", "markers")[at],
            name=f"{places} points",
            line={"color": SERIES[at][dark]},
            marker={
                "size": [18 if at or one == points else 8 for one in part["points"]],
                "symbol": ("circle", "diamond")[at],
                "opacity": 1,
            },
            hovertemplate="%{x} points: %{y:.2%}<extra></extra>",
        )
    figure.add_hline(y=0.01, line={"color": QUIET[dark], "width": 2, "dash": "dot"})
    quiet_layout(figure, height=430 if large else 340, dark=dark)
    figure.update_layout(font_size=size)
    shown = table.loc[table["places"] == "evenly spaced", "points"]
    figure.update_xaxes(type="log", tickvals=shown, title={"text": "points on the way"})
    figure.update_yaxes(
        type="log",
        tickvals=[1e-5, 1e-4, 1e-3, 0.01, 0.1, 1],
        ticktext=["0.001%", "0.01%", "0.1%", "1%", "10%", "100%"],
        title={"text": "error"},
    )
    return figure


def _colour(row: object, dark: bool) -> str:
    kind, value = getattr(row, "kind"), getattr(row, "value")  # noqa: B009 - a named tuple's fields
    if kind == "end":
        return ACCENT[dark]
    if kind == "gap":
        return QUIET[dark]
    return (FOR if value >= 0 else AGAINST)[dark]
