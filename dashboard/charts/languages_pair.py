"""The items of one pair: how EMS is spread, beside its controls."""

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dashboard.charts.theme import DASHES, SERIES, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 300
_BINS = 24


def spread(items: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    """Counts of items in equal steps, the same for every measure.

    `names` are the columns of `items` and what they are called. Columns: measure, low, high, items.
    """
    known = {name: items[name].dropna().to_numpy(float) for name in names}
    values = np.concatenate(list(known.values()))
    edges = np.histogram_bin_edges(values, bins=_BINS)
    parts = [
        pd.DataFrame(
            {
                "measure": names[name],
                "low": edges[:-1],
                "high": edges[1:],
                "items": np.histogram(own, edges)[0],
            }
        )
        for name, own in known.items()
    ]
    return pd.concat(parts, ignore_index=True)


def spread_chart(table: pd.DataFrame, means: dict[str, float], *, dark: bool) -> "go.Figure":
    """Outlines of the counts (see `spread`), the first filled; a line at each mean."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for at, (name, own) in enumerate(table.groupby("measure", sort=False)):
        colour, dash = SERIES[at][dark], DASHES[at]
        figure.add_scatter(
            x=[own["low"].iloc[0], *own["low"], own["high"].iloc[-1]],
            y=[0, *own["items"], 0],
            mode="lines",
            name=escape(str(name)),
            line={"color": colour, "width": 1.5, "dash": dash, "shape": "hv"},
            fill="tozeroy" if at == 0 else None,
            fillcolor=_faint(colour) if at == 0 else None,
            hovertemplate="%{x:.2f}: %{y} items<extra>" + escape(str(name)) + "</extra>",
        )
        if str(name) in means:
            figure.add_vline(x=means[str(name)], line={"color": colour, "width": 1.5, "dash": dash})
    quiet_layout(figure, height=HEIGHT, dark=dark)
    figure.update_xaxes(title_text="EMS and its controls, item by item")
    figure.update_yaxes(title_text="items")
    return figure


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.16)"
