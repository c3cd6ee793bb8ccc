"""The charts of step 5, with labels of points placed so that none covers another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ccta_core.text import number, percent
from dashboard.theme import INK, SERIES, quiet_layout, similarity_scale

Box = tuple[float, float, float, float]
_AWAY = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_RINGS = (1.0, 1.9, 2.8)


def label_places(
    points: Sequence[tuple[float, float]], widths: Sequence[float], height: float, frame: Box
) -> list[tuple[float, float]]:
    """The offset of each label's middle from its point, the nearest that covers least.

    `points`, `widths`, `height` and `frame` are in pixels, y upwards; a label outside the frame
    counts as covered. Labels are placed in order, each
    beside, above or below its point, further away only where that is free.
    """
    marks = [_box(x, y, height * 0.8, height * 0.8) for x, y in points]
    placed: list[Box] = []
    offsets = []
    for (x, y), width in zip(points, widths, strict=True):
        ways = _candidate_offsets(width, height)
        boxes = [_box(x + across, y + up, width, height) for across, up in ways]
        costs = [_covered_area(box, marks + placed, frame) for box in boxes]
        best = costs.index(min(costs))
        placed.append(boxes[best])
        offsets.append(ways[best])
    return offsets


def _covered_area(box: Box, taken: Sequence[Box], frame: Box) -> float:
    """The area outside the frame or shared with what is there."""
    whole = (box[2] - box[0]) * (box[3] - box[1])
    return whole - _shared_area(box, frame) + sum(_shared_area(box, other) for other in taken)


def _candidate_offsets(width: float, height: float) -> list[tuple[float, float]]:
    """Candidates, the nearest first."""
    return [
        (across * (width / 2 + height * 0.5 * ring), up * height * ring)
        for ring in _RINGS
        for across, up in _AWAY
    ]


def _box(x: float, y: float, width: float, height: float) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _shared_area(first: Box, second: Box) -> float:
    """The area that two boxes share."""
    across = min(first[2], second[2]) - max(first[0], second[0])
    up = min(first[3], second[3]) - max(first[1], second[1])
    return max(0.0, across) * max(0.0, up)


if TYPE_CHECKING:
    import plotly.graph_objects as go

_SYMBOLS = ("circle", "diamond")
_WIDTH, _PER_LETTER = 480.0, 0.62
"""The plane's width in pixels that labels are placed for, and a letter's width in its height."""
_ROOM = 0.4
"""What labels need beyond the outermost points, as a share of the points' reach."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What of the plane is shown, the same whatever the space, and how much of it that explains."""

    x: tuple[float, float]
    y: tuple[float, float]
    explained: tuple[float, float]


def frame_of(tables: Iterable[pd.DataFrame], explained: tuple[float, float]) -> Frame:
    """Room for the points of all tables and their labels."""
    both = pd.concat(list(tables))
    spans = []
    for axis in ("x", "y"):
        low, high = float(both[axis].min()), float(both[axis].max())
        spans.append((low - _ROOM * (high - low) / 2, high + _ROOM * (high - low) / 2))
    return Frame(spans[0], spans[1], explained)


def plane(
    table: pd.DataFrame, frame: Frame, *, names: tuple[str, str], dark: bool, large: bool
) -> "go.Figure":
    """`tables.places_table` as points with their words beside them."""
    import plotly.graph_objects as go

    size, height, figure = (22 if large else 14), (470 if large else 400), go.Figure()
    half = int((table["side"] == 0).sum())
    for index, part in enumerate((table.iloc[:half], table.iloc[half:])):
        figure.add_scatter(
            x=part["x"],
            y=part["y"],
            mode="markers",
            name=names[index],
            text=[escape(word) for word in part["word"]],
            marker={"size": 12, "symbol": _SYMBOLS[index], "color": SERIES[index][dark]},
            customdata=part["text"],
            hovertemplate="%{text} (%{customdata})<extra></extra>",
        )
    quiet_layout(figure, height=height, dark=dark)
    figure.update_layout(font_size=18 if large else 13)
    for label in _word_labels(table, frame, size, height - 90.0):
        side = label.pop("side")
        figure.add_annotation(font={"size": size, "color": SERIES[side][dark]}, **label)
    for axis, span, share, which in (
        ("xaxis", frame.x, frame.explained[0], "first"),
        ("yaxis", frame.y, frame.explained[1], "second"),
    ):
        title = {"text": f"{which} component, {percent(share)} of the variance"}
        figure.update_layout({axis: {"title": title, "range": span, "showticklabels": False}})
    return figure


def _word_labels(table: pd.DataFrame, frame: Frame, size: int, height: float) -> list[dict]:
    across, up = _WIDTH / (frame.x[1] - frame.x[0]), height / (frame.y[1] - frame.y[0])
    points = [(x * across, y * up) for x, y in zip(table["x"], table["y"], strict=True)]
    widths = [_PER_LETTER * size * (1 + len(word)) for word in table["word"]]
    shown = (frame.x[0] * across, frame.y[0] * up, frame.x[1] * across, frame.y[1] * up)
    offsets = label_places(points, widths, size * 1.25, shown)
    return [
        {
            "x": row.x,
            "y": row.y,
            "text": escape(row.word),
            "side": row.side,
            "ax": way[0],
            "ay": -way[1],
            "showarrow": True,
            "arrowhead": 0,
            "arrowwidth": 0.5,
        }
        for row, way in zip(table.itertuples(), offsets, strict=True)
    ]


def cosine_matrix(
    table: pd.DataFrame, *, names: tuple[str, str], rtl: bool, dark: bool, large: bool
) -> "go.Figure":
    """`tables.similarity_table` with every cosine written in its cell.

    `rtl`: the columns' language is read from the right, and so are they.
    """
    import plotly.graph_objects as go

    wide = table.pivot(index="source_position", columns="target_position", values="cosine")
    size = 20 if large else 13
    heat = go.Heatmap(
        z=wide.to_numpy(),
        zmin=0,
        zmax=1,
        colorscale=similarity_scale(dark=dark),
        text=[[number(value) for value in row] for row in wide.to_numpy()],
        texttemplate="%{text}",
        showscale=False,
        xgap=2,
        ygap=2,
        hoverinfo="skip",
    )
    figure = quiet_layout(go.Figure(heat), height=470 if large else 400, dark=dark)
    figure.update_layout(font_size=size)
    for axis, side, name in (("xaxis", "target", names[1]), ("yaxis", "source", names[0])):
        words = table.drop_duplicates(f"{side}_position").sort_values(f"{side}_position")[side]
        figure.update_layout(
            {
                axis: {
                    "title": {"text": escape(name)},
                    "tickmode": "array",
                    "tickvals": list(range(len(words))),
                    "ticktext": [escape(word) for word in words],
                    "tickfont": {"color": INK[dark], "size": size},
                    "showgrid": False,
                    "zeroline": False,
                }
            }
        )
    figure.update_xaxes(side="top", autorange="reversed" if rtl else True)
    figure.update_yaxes(autorange="reversed")
    return figure
