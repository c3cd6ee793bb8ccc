"""Layer by layer: a study's EMS and controls, and MEXA of the backbone, on the same axis."""

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ccta_core.text import count, interval, number
from dashboard.charts.theme import DASHES, QUIET, SERIES, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 320


def profile_chart(
    table: pd.DataFrame, names: dict[str, str], depth: int, *, dark: bool
) -> "go.Figure":
    """Lines by layer with 95% bars. Columns: measure, layer, value, low, high, n, groups."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for at, (name, own) in enumerate(table.groupby("measure", sort=False)):
        colour = SERIES[at][dark]
        figure.add_scatter(
            x=own["layer"],
            y=own["value"],
            mode="lines+markers",
            name=escape(names[str(name)]),
            line={"color": colour, "width": 1.5, "dash": DASHES[at]},
            marker={"size": 8, "color": colour, "symbol": ("circle", "square", "diamond")[at % 3]},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": (own["high"] - own["value"]).tolist(),
                "arrayminus": (own["value"] - own["low"]).tolist(),
                "color": QUIET[dark],
                "thickness": 1.2,
                "width": 3,
            },
            hovertext=[
                f"{escape(names[str(name)])}, layer {row.layer}: {number(row.value, 3)} "
                f"(95% {interval(row.low, row.high, 3)})<br>"
                f"n = {row.n} in {count(row.groups, 'group')}"
                for row in own.itertuples()
            ],
            hoverinfo="text",
        )
    return _laid_out(figure, depth, "mean over pairs of languages", dark=dark)


def mexa_chart(
    table: pd.DataFrame, names: dict[str, str], depth: int, *, dark: bool
) -> "go.Figure":
    """Lines by layer, the range over languages shaded faintly behind the first.

    Columns: variant, layer, value, least, greatest, languages.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for at, (name, own) in enumerate(table.groupby("variant", sort=False)):
        colour = SERIES[(at + 2) % len(SERIES)][dark]
        figure.add_scatter(
            x=own["layer"],
            y=own["value"],
            mode="lines+markers",
            name=escape(names[str(name)]),
            line={"color": colour, "width": 1.5, "dash": DASHES[at]},
            marker={"size": 5, "color": colour},
            hovertext=[
                f"{escape(names[str(name)])}, layer {row.layer}: {number(row.value, 3)}<br>"
                f"{count(row.languages, 'language')}, {interval(row.least, row.greatest, 3)}"
                for row in own.itertuples()
            ],
            hoverinfo="text",
        )
    return _laid_out(figure, depth, "MEXA with English", dark=dark)


def _laid_out(figure: "go.Figure", depth: int, title: str, *, dark: bool) -> "go.Figure":
    quiet_layout(figure, height=HEIGHT, dark=dark)
    figure.update_xaxes(
        title_text="layer (0 = embedding output)", dtick=1, range=[-0.4, depth + 0.4]
    )
    figure.update_yaxes(title_text=title, rangemode="tozero")
    return figure
