"""EMS and its controls over the layers: a small line chart as HTML that fits any width."""

from collections.abc import Callable
from html import escape

import numpy as np
import pandas as pd

from ccta_core.text import number

LINES = (
    ("ems", "EMS", "solid"),
    ("shuffled", "shuffled, with the middle 95%", "dashed"),
    ("uniform", "embeddings only", "dotted"),
)
"""Columns of the table, their names, how they are drawn."""
_DASHES = {"solid": "none", "dashed": "6 4", "dotted": "2 4"}
_SPREAD = 1.96
"""Standard deviations on either side of the mean of the shuffled."""
_PADDING = 0.08


def walk_chart(table: pd.DataFrame, layers: tuple[int, ...], alt: str) -> str:
    """The chart of `tables.pair_walk.layer_table`; layers that are not known leave gaps.

    x is the place among all `layers`, y the score; lines are told apart by their dashes too. An
    element `.ccta-walk-now` marks a layer: what shows the chart moves it by its custom property
    `--x`, in percent.
    """
    low, high = _range(table)
    known = table.set_index("layer").reindex(list(layers))
    places = _places(len(layers))

    def height(values: pd.Series) -> np.ndarray:
        return 100 * (1 - (values.to_numpy(dtype=float) - low) / (high - low))

    drawn = [_band(known, places, height)]
    drawn += [_line(places, height(known[name]), name, dash) for name, _, dash in LINES]
    dots = "".join(
        f'<i class="ccta-walk-dot" data-layer="{layer}" style="left:{x:.2f}%;top:{y:.2f}%"></i>'
        for layer, x, y in zip(layers, places, height(known["ems"]), strict=True)
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


def _places(count: int) -> np.ndarray:
    return np.full(1, 50.0) if count == 1 else 2 + 96 * np.arange(count) / (count - 1)


def _line(places: np.ndarray, heights: np.ndarray, name: str, dash: str) -> str:
    runs = _runs(heights)
    if not runs:
        return ""
    path = "".join(
        f"M{places[a]:.2f} {heights[a]:.2f}"
        + "".join(f"L{places[at]:.2f} {heights[at]:.2f}" for at in range(a + 1, b))
        for a, b in runs
    )
    return (
        f'<path class="is-{name}" d="{path}" fill="none" stroke-dasharray="{_DASHES[dash]}" '
        'vector-effect="non-scaling-stroke"/>'
    )


def _band(
    known: pd.DataFrame, places: np.ndarray, height: Callable[[pd.Series], np.ndarray]
) -> str:
    """Where 95% of the shuffled lie, if they are spread normally."""
    spread = _SPREAD * known["shuffled_sd"].astype(float)
    tops, bottoms = height(known["shuffled"] + spread), height(known["shuffled"] - spread)
    path = "".join(
        "M"
        + "L".join(f"{places[at]:.2f} {tops[at]:.2f}" for at in range(a, b))
        + "L"
        + "L".join(f"{places[at]:.2f} {bottoms[at]:.2f}" for at in reversed(range(a, b)))
        + "Z"
        for a, b in _runs(tops)
    )
    return f'<path class="is-band" d="{path}"/>' if path else ""


def _runs(heights: np.ndarray) -> list[tuple[int, int]]:
    """(start, end) of every run of neighbours that are known."""
    runs: list[tuple[int, int]] = []
    for at in np.flatnonzero(np.isfinite(heights)):
        if runs and runs[-1][1] == at:
            runs[-1] = (runs[-1][0], int(at) + 1)
        else:
            runs.append((int(at), int(at) + 1))
    return runs
