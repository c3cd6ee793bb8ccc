"""Points on a plane with their names beside them: what is shown of it, and where labels stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from ccta_core.projection.places import Places
from ccta_core.text import count, percent
from dashboard.theme import SERIES, transparent

if TYPE_CHECKING:  # the page Pair is painted before it is here
    import pandas as pd

SYMBOLS = ("circle", "diamond")
"""The marks of the two sides, which also differ in colour."""
_PER_LETTER = 0.62
"""A letter's width in its height."""
_ROOM = 0.4
"""What labels need beyond the outermost points, as a share of the points' reach."""
Box = tuple[float, float, float, float]
_AWAY = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))
_RINGS = (1.0, 1.9, 2.8)


def plane_sentence(places: Places) -> str:
    """What the picture is, how much it keeps, and what it is not."""
    plane = places.plane
    return (
        f"A fixed projection, the same whatever pair is shown: two principal components of "
        f"{plane.words:,} words of the demo corpus in {count(plane.languages, 'language')} (layer "
        f"{plane.layer}, space {plane.space}). It keeps {percent(plane.kept)} of their variance, "
        f"{percent(places.share)} of that of the words here: distances in the picture are not the "
        "costs of transport, which are 1 minus the cosines in the whole space."
    )


def label_places(
    points: Sequence[tuple[float, float]],
    widths: Sequence[float],
    height: float,
    frame: Box,
    unnamed: Sequence[tuple[float, float]] = (),
) -> list[tuple[float, float]]:
    """The offset of each label's middle from its point, the nearest that covers least.

    `points`, `widths`, `height` and `frame` are in pixels, y upwards; a label outside the frame
    counts as covered. Labels are placed in order, each beside, above or below its point, further
    away only where that is free. Points that are `unnamed` have a mark and no label.
    """
    marks = [_box(x, y, height * 0.8, height * 0.8) for x, y in (*points, *unnamed)]
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


@dataclass(frozen=True, slots=True)
class Frame:
    """What of the plane is shown, the same whatever the space, and how much of it that explains."""

    x: tuple[float, float]
    y: tuple[float, float]
    explained: tuple[float, float]


def frame_of(tables: Iterable["pd.DataFrame"], explained: tuple[float, float]) -> Frame:
    """Room for the points of all tables and their labels."""
    drawn, spans = list(tables), []
    for axis in ("x", "y"):
        low = float(min(table[axis].min() for table in drawn))
        high = float(max(table[axis].max() for table in drawn))
        spans.append((low - _ROOM * (high - low) / 2, high + _ROOM * (high - low) / 2))
    return Frame(spans[0], spans[1], explained)


def word_labels(
    table: "pd.DataFrame", frame: Frame, size: int, space: tuple[float, float], *, dark: bool
) -> list[dict[str, Any]]:
    """A Plotly annotation for each row (word, side 0 or 1, x, y), placed so that few are covered.

    Where the table has a column `named`, only those rows have one. `size` is that of the
    letters, `space` the width and height, in pixels, that they have: in a wider picture they stand
    further apart.
    """
    across = space[0] / (frame.x[1] - frame.x[0])
    up = space[1] / (frame.y[1] - frame.y[0])
    named = table["named"].astype(bool) if "named" in table else table["word"].notna()
    points, unnamed = (
        [(x * across, y * up) for x, y in zip(rows["x"], rows["y"], strict=True)]
        for rows in (table[named], table[~named])
    )
    table = table[named]
    widths = [_PER_LETTER * size * (1 + len(word)) for word in table["word"]]
    shown = (frame.x[0] * across, frame.y[0] * up, frame.x[1] * across, frame.y[1] * up)
    offsets = label_places(points, widths, size * 1.25, shown, unnamed)
    return [
        {
            "x": row.x,
            "y": row.y,
            "text": escape(row.word),
            "font": {"size": size, "color": SERIES[row.side][dark]},
            "ax": way[0],
            "ay": -way[1],
            "showarrow": True,
            "arrowhead": 0,
            "arrowcolor": transparent(SERIES[row.side][dark], 0.7),
            "arrowwidth": 0.5,
        }
        for row, way in zip(table.itertuples(), offsets, strict=True)
    ]
