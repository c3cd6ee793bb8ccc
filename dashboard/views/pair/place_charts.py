"""The words of a pair on the fixed plane: marks by mass, thin lines where most of it moves."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ccta_core.text import number, percent
from dashboard.plane import SYMBOLS, frame_of, word_labels
from dashboard.theme import QUIET, SERIES, quiet_layout, transparent

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 540
_WIDTH = 330.0
"""The width in pixels that labels are placed for, a phone's: wider they stand further apart."""
_SIZE = 12
MOST_NAMED = 40
"""Words with a label, those of the largest mass: more would cover each other."""
_LEAST_MARK, _LARGEST_MARK = 5.0, 26.0


def words_chart(
    table: pd.DataFrame,
    links: Sequence[tuple[int, int]],
    explained: tuple[float, float],
    names: tuple[str, str],
    *,
    dark: bool,
) -> "go.Figure":
    """`place_tables.words_table`; the area of a mark is its mass, a line joins each link."""
    import plotly.graph_objects as go

    figure = go.Figure()
    sides = [table[table["side"] == side].reset_index(drop=True) for side in range(2)]
    xs, ys = (
        [value for i, j in links for value in (sides[0][axis][i], sides[1][axis][j], None)]
        for axis in ("x", "y")
    )
    figure.add_scatter(
        x=xs,
        y=ys,
        mode="lines",
        name="largest flow of both words",
        line={"color": transparent(QUIET[dark], 0.55), "width": 1},
        hoverinfo="skip",
    )
    largest = max(float(table["mass"].max()), 1e-9)
    for side, rows in enumerate(sides):
        colour = SERIES[side][dark]
        figure.add_scatter(
            x=rows["x"],
            y=rows["y"],
            mode="markers",
            name=names[side],
            hovertext=[_hover(row, names) for row in rows.itertuples()],
            hoverinfo="text",
            marker={
                "size": np.maximum(_LARGEST_MARK * np.sqrt(rows["mass"] / largest), _LEAST_MARK),
                "symbol": SYMBOLS[side],
                "color": transparent(colour, 0.45),
                "line": {"color": colour, "width": 1},
            },
        )
    frame = frame_of([table], explained)
    quiet_layout(figure, height=HEIGHT, dark=dark)
    figure.update_layout(legend={"itemsizing": "constant"})
    places = table.sort_values("mass", ascending=False, kind="stable")
    places["named"] = np.arange(len(places)) < MOST_NAMED
    for label in word_labels(places, frame, _SIZE, (_WIDTH, HEIGHT - 110.0), dark=dark):
        figure.add_annotation(**label)
    for axis, span, share, which in (
        ("xaxis", frame.x, explained[0], "first"),
        ("yaxis", frame.y, explained[1], "second"),
    ):
        title = {"text": f"{which} component, {percent(share)} of the variance"}
        figure.update_layout({axis: {"title": title, "range": span, "zeroline": False}})
    return figure


def _hover(row: object, names: tuple[str, str]) -> str:
    side = int(getattr(row, "side", 0))
    return (
        f"<b>{escape(str(getattr(row, 'word', '')))}</b> {escape(names[side])}<br>"
        f"mass {percent(float(getattr(row, 'mass', 0)), 1)}<br>"
        f"nearest {escape(names[1 - side])} word {escape(str(getattr(row, 'nearest', '')))}, "
        f"cosine {number(float(getattr(row, 'cosine', 0)))}"
    )
