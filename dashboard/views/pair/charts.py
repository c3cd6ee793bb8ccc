"""The charts of the Pair page: the plan as a heatmap, the path of the attribution."""

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ccta_core.measures import label
from ccta_core.text import number
from dashboard.theme import DASHES, QUIET, SERIES, quiet_layout, transparent

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LIGHT = [[0.0, "#f4f6f6"], [0.25, "#b7d6cf"], [1.0, "#0d7263"]]
_DARK = [[0.0, "#1b2026"], [0.25, "#1d4b44"], [1.0, "#63d8c1"]]
_ROW, _ROOM, _TALLEST = 30, 150, 1200


def plan_heatmap(table: pd.DataFrame, *, names: tuple[str, str], dark: bool) -> "go.Figure":
    """Rows are source words in reading order, columns target words; darker (or lighter) is more.

    `table` has one row a pair of words (see `tables.plan_table`).
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
        text=_cell_texts(table, len(mass.columns)),
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
        "automargin": True,  # the words get the room they need beside the cells
        "showgrid": False,
        "zeroline": False,
    }


def _cell_texts(table: pd.DataFrame, width: int) -> list[list[str]]:
    pairs = zip(table["source"], table["target"], strict=True)
    cells = [f"{escape(source)} \N{RIGHTWARDS ARROW} {escape(target)}" for source, target in pairs]
    return [cells[start : start + width] for start in range(0, len(cells), width)]


_CURVE_HEIGHT = 300


def deletion_chart(table: pd.DataFrame, *, dark: bool) -> "go.Figure":
    """The probability that is left as the words of one text go; the band is random orders.

    `table` has the rows of one side of `tables.curves_table`.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    edge = {"x": table["removed"], "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(y=table["random_high"], showlegend=False, **edge)
    figure.add_scatter(
        y=table["random_low"],
        fill="tonexty",
        fillcolor=transparent(QUIET[dark], 0.22),
        name="random orders",
        **edge,
    )
    hover = "%{text}<br>%{x} words removed<br>probability %{y:.2f}<extra></extra>"
    for number_of_line, (column, name, texts) in enumerate(
        (
            ("largest_mass_first", "largest mass first", _last_words(table)),
            ("smallest_mass_first", "smallest mass first", ["smallest mass first"] * len(table)),
        )
    ):
        figure.add_scatter(
            x=table["removed"],
            y=table[column],
            mode="lines+markers",
            name=name,
            text=texts,
            hovertemplate=hover,
            line={"color": SERIES[number_of_line][dark], "dash": DASHES[number_of_line]},
            marker={"size": 5, "symbol": ("circle", "diamond")[number_of_line]},
        )
    quiet_layout(figure, height=_CURVE_HEIGHT, dark=dark)
    # Without it an area under a line turns the order of the legend round.
    figure.update_layout(legend={"traceorder": "normal"})
    explained = escape(str(table["explained"].iloc[0]))
    figure.update_xaxes(title={"text": "words removed"}, rangemode="tozero")
    figure.update_yaxes(title={"text": f"probability of {explained}"}, range=[0, 1.02])
    return figure


def _last_words(table: pd.DataFrame) -> list[str]:
    return [f"without {escape(word)}" if word else "the whole text" for word in table["word"]]


LINES = (
    ("ems", label("ems"), "solid"),
    ("shuffled", f"{label('ems_shuffled')}, with the middle 95%", "dashed"),
    ("uniform", label("ems_uniform"), "dotted"),
)
"""Columns of the table, their names, how they are drawn."""
_DASHES = {"solid": "none", "dashed": "6 4", "dotted": "2 4"}
_SPREAD = 1.96
"""Standard deviations on either side of the mean of the shuffled."""
_PADDING = 0.08


def walk_chart(table: pd.DataFrame, layers: tuple[int, ...], alt: str) -> str:
    """The chart of `tables.layer_table`; layers that are not known leave gaps.

    x is the place among all `layers`, y the score; lines are told apart by their dashes too. An
    element `.ccta-walk-now` marks a layer: what shows the chart moves it by its custom property
    `--x`, in percent.
    """
    low, high = _range(table)
    rows = table.set_index("layer").reindex(list(layers))
    places = np.linspace(2, 98, len(layers)) if len(layers) > 1 else np.full(1, 50.0)

    def height(values: pd.Series) -> np.ndarray:
        return 100 * (1 - (values.to_numpy(dtype=float) - low) / (high - low))

    drawn = [_band(rows, places, height)]
    drawn += [_line(places, height(rows[name]), name, dash) for name, _, dash in LINES]
    dots = "".join(
        f'<i class="ccta-walk-dot" data-layer="{layer}" style="left:{x:.2f}%;top:{y:.2f}%"></i>'
        for layer, x, y in zip(layers, places, height(rows["ems"]), strict=True)
        if np.isfinite(y)
    )
    ticks = "".join(
        f'<span style="left:{x:.2f}%">{layer}</span>'
        for layer, x in zip(layers, places, strict=True)
    )
    keys = "".join(
        f'<span class="is-{name}"><i></i>{escape(what)}</span>' for name, what, _ in LINES
    )
    return (
        f'<div class="ccta-walk-chart" role="img" aria-label="{escape(alt)}">'
        f'<div class="ccta-walk-keys">{keys}</div>'
        f'<div class="ccta-walk-plot"><span class="ccta-walk-high">{number(high)}</span>'
        f'<span class="ccta-walk-low">{number(low)}</span>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        f'{"".join(drawn)}</svg><b class="ccta-walk-now"></b>{dots}</div>'
        f'<div class="ccta-walk-ticks">{ticks}</div><div class="ccta-walk-axis">layer</div></div>'
    )


def _range(table: pd.DataFrame) -> tuple[float, float]:
    spread = _SPREAD * table["shuffled_sd"]
    values = pd.concat(
        [
            *(table[name] for name, _, _ in LINES),
            table["shuffled"] - spread,
            table["shuffled"] + spread,
        ]
    ).dropna()
    if values.empty:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    room = max(high - low, 0.02) * _PADDING
    return low - room, high + room


def _line(places: np.ndarray, heights: np.ndarray, name: str, dash: str) -> str:
    runs = _measured_runs(heights)
    if not runs:
        return ""
    path = "".join(
        f"M{places[a]:.2f} {heights[a]:.2f}"
        + "".join(f"L{places[index]:.2f} {heights[index]:.2f}" for index in range(a + 1, b))
        for a, b in runs
    )
    return (
        f'<path class="is-{name}" d="{path}" fill="none" stroke-dasharray="{_DASHES[dash]}" '
        'vector-effect="non-scaling-stroke"/>'
    )


def _band(rows: pd.DataFrame, places: np.ndarray, height: Callable[[pd.Series], np.ndarray]) -> str:
    """Where 95% of the shuffled lie, if they are spread normally."""
    spread = _SPREAD * rows["shuffled_sd"].astype(float)
    tops, bottoms = height(rows["shuffled"] + spread), height(rows["shuffled"] - spread)
    path = "".join(
        "M"
        + "L".join(f"{places[index]:.2f} {tops[index]:.2f}" for index in range(a, b))
        + "L"
        + "L".join(f"{places[index]:.2f} {bottoms[index]:.2f}" for index in reversed(range(a, b)))
        + "Z"
        for a, b in _measured_runs(tops)
    )
    return f'<path class="is-band" d="{path}"/>' if path else ""


def _measured_runs(heights: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of every run of neighbours that are known."""
    runs: list[tuple[int, int]] = []
    for index in np.flatnonzero(np.isfinite(heights)):
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], int(index) + 1)
        else:
            runs.append((int(index), int(index) + 1))
    return runs
