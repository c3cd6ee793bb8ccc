"""Accuracy by tenths of a measure, and how well each measure tells right from wrong."""

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ccta_core.text import count, interval, number, percent
from dashboard.charts.theme import ACCENT, QUIET, SERIES, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 320


def decile_chart(table: pd.DataFrame, name: str, overall: float, *, dark: bool) -> "go.Figure":
    """Columns: number, accuracy, low, high, n, n_groups, score_low, score_high (see deciles)."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_hline(y=overall, line={"color": QUIET[dark], "width": 1, "dash": "dot"})
    figure.add_scatter(
        x=table["number"],
        y=table["accuracy"],
        mode="markers+lines",
        line={"color": ACCENT[dark], "width": 1},
        marker={"size": 8, "color": ACCENT[dark]},
        error_y=_bars(table, "accuracy", dark=dark),
        hovertext=[
            f"tenth {row.number}: {escape(name)} {interval(row.score_low, row.score_high, 3)}<br>"
            f"right {percent(row.accuracy, 1)} "
            f"(95% {percent(row.low, 1)} to {percent(row.high, 1)})<br>"
            f"n = {row.n} in {count(row.n_groups, 'group')}"
            for row in table.itertuples()
        ],
        hoverinfo="text",
        showlegend=False,
    )
    quiet_layout(figure, height=HEIGHT, dark=dark)
    figure.update_xaxes(
        title_text=escape(f"tenth of the items by {name}"),
        dtick=1,
        range=[0.5, 10.5],
    )
    figure.update_yaxes(title_text="share right", tickformat=".0%", range=[-0.03, 1.03])
    return figure


def auroc_chart(table: pd.DataFrame, *, dark: bool) -> "go.Figure":
    """Columns: measure (as shown), auc, low, high, n; the row named `baseline` is set apart."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_vline(x=0.5, line={"color": QUIET[dark], "width": 1, "dash": "dot"})
    names = [escape(name) for name in table["measure"]]
    colours = [SERIES[1][dark] if base else ACCENT[dark] for base in table["baseline"]]
    figure.add_scatter(
        x=table["auc"],
        y=names,
        mode="markers",
        marker={
            "size": 10,
            "color": colours,
            "symbol": ["diamond" if base else "circle" for base in table["baseline"]],
        },
        error_x=_bars(table, "auc", dark=dark),
        hovertext=[
            f"{escape(row.measure)}: AUROC {number(row.auc, 3)}<br>"
            f"95% {interval(row.low, row.high, 3)}<br>n = {row.n}"
            for row in table.itertuples()
        ],
        hoverinfo="text",
        showlegend=False,
    )
    quiet_layout(figure, height=HEIGHT, dark=dark)
    figure.update_xaxes(title_text="AUROC; .5 says nothing", range=[-0.02, 1.02])
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def _bars(table: pd.DataFrame, value: str, *, dark: bool) -> dict:
    return {
        "type": "data",
        "symmetric": False,
        "array": (table["high"] - table[value]).tolist(),
        "arrayminus": (table[value] - table["low"]).tolist(),
        "color": QUIET[dark],
        "thickness": 1.2,
        "width": 3,
    }
