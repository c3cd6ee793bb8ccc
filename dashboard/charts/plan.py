"""The transport plan as a heatmap."""

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LIGHT = [[0.0, "#f4f6f6"], [0.25, "#b7d6cf"], [1.0, "#0d7263"]]
_DARK = [[0.0, "#1b2026"], [0.25, "#1d4b44"], [1.0, "#63d8c1"]]
_ROW, _ROOM, _TALLEST = 30, 150, 1200


def plan_heatmap(table: pd.DataFrame, *, names: tuple[str, str], dark: bool) -> "go.Figure":
    """Rows are source words in reading order, columns target words; darker (or lighter) is more.

    `table` has one row a pair of words (see `tables.pair.plan_table`).
    """
    import plotly.graph_objects as go

    mass = _grid(table, "mass")
    heat = go.Heatmap(
        z=100 * mass.to_numpy(),
        customdata=_grid(table, "cosine").to_numpy(),
        colorscale=_DARK if dark else _LIGHT,
        zmin=0,
        xgap=1,
        ygap=1,
        colorbar={"title": {"text": "% of the mass"}, "thickness": 10, "outlinewidth": 0},
        text=_hover(table, len(mass.columns)),
        hovertemplate="%{text}<br>%{z:.1f}% of the mass<br>cosine %{customdata:.2f}<extra></extra>",
    )
    figure = go.Figure(heat)
    figure.update_layout(
        height=_ROOM + min(_ROW * len(mass), _TALLEST),
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis=_axis(table, "target", names[1]) | {"side": "top", "tickangle": -40},
        yaxis=_axis(table, "source", names[0]) | {"autorange": "reversed"},
    )
    return figure


def _grid(table: pd.DataFrame, value: str) -> pd.DataFrame:
    return table.pivot(index="source_position", columns="target_position", values=value)


def _axis(table: pd.DataFrame, side: str, name: str) -> dict:
    words = table.drop_duplicates(f"{side}_position").sort_values(f"{side}_position")
    return {
        "title": {"text": escape(name)},
        "tickmode": "array",
        "tickvals": list(range(len(words))),
        "ticktext": [escape(text) for text in words[side]],
        "showgrid": False,
        "zeroline": False,
    }


def _hover(table: pd.DataFrame, width: int) -> list[list[str]]:
    pairs = zip(table["source"], table["target"], strict=True)
    cells = [f"{escape(one)} \N{RIGHTWARDS ARROW} {escape(other)}" for one, other in pairs]
    return [cells[at : at + width] for at in range(0, len(cells), width)]
