"""The charts of the Correlation page."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ccta_core.measures import label
from ccta_core.reports.figures import Box, line_of, overlap
from ccta_core.text import count, interval, number, percent
from dashboard.theme import ACCENT, DASHES, INK, QUIET, SERIES, quiet_layout, transparent

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 440
MARKS = (
    "circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon",
    "triangle-down", "hexagon", "bowtie", "hourglass",
)  # fmt: skip
"""With the five colours of the theme: sixty marks that differ in print as well."""
_MOST_LABELS = 48
_SOME_LABELS = 14
_MOST_LINES = 5
_JITTER = 0.035
_SIDES = (
    ("middle right", 1, 0), ("middle left", -1, 0), ("top center", 0, 1), ("bottom center", 0, -1),
)  # fmt: skip
_WIDE, _HIGH = 300.0, 300.0
"""Pixels of a small plot, a phone's: labels that are apart there are apart on a larger one."""
_EDGE = 24
"""Pixels at the right edge: a label beside the last point has room on a phone too."""
FIELDS = ("source", "target", "model", "label")
"""What a clicked point tells, in this order."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Height in pixels, and both axes where panels share them: least and greatest."""

    height: int = HEIGHT
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None


def scatter(
    points: pd.DataFrame,
    titles: tuple[str, str],
    *,
    dark: bool,
    named: bool = True,
    frame: Frame = Frame(),
) -> "go.Figure":
    """Points of columns x, y, label, mark, hover, line and those of `FIELDS`.

    Columns x_low, x_high, y_low and y_high, where there are any, are drawn as intervals. Points of
    one `mark` share colour and symbol; those of one `line` share a least-squares line
    (its band is drawn where there is one line). Up to 48 points are labelled, of more the 14
    farthest from the line, none where not `named`. A y of two values (right, wrong) is spread a
    little, so that points do not cover each other.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    _draw_lines(figure, points, dark=dark)
    _draw_intervals(figure, points, dark=dark)
    shown = points.assign(up=_jitter(points["y"]))
    labels = choose_labels(shown) if named else pd.Series("", index=points.index)
    sides = place_labels(shown, labels, frame)
    ink = INK[dark]
    for index, (mark, group) in enumerate(shown.groupby("mark", sort=True)):
        figure.add_scatter(
            x=group["x"],
            y=group["up"],
            mode="markers+text" if named else "markers",
            name=escape(str(mark)),
            text=[escape(text) for text in labels[group.index]],
            textposition=list(sides[group.index]),
            textfont={"size": 13, "color": ink},
            customdata=group[list(FIELDS)].to_numpy(),
            hovertext=[escape(text).replace("\n", "<br>") for text in group["hover"]],
            hoverinfo="text",
            cliponaxis=False,
            marker=_marker(index, len(points), dark=dark),
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}, "textfont": {"color": ink}},
            showlegend=points["mark"].nunique() > 1,
        )
    quiet_layout(figure, height=frame.height, dark=dark)
    figure.update_layout(
        margin_r=_EDGE,
        xaxis_title_text=escape(titles[0]),
        yaxis_title_text=escape(titles[1]),
        xaxis_range=frame.x,
        yaxis_range=frame.y,
        clickmode="event",
    )
    return figure


def mark_selected(
    figure: "go.Figure", points: pd.DataFrame, items: Collection[str], *, dark: bool
) -> None:
    """Rings around the items that are selected, and a box or lasso to select others with."""
    chosen = points[points["label"].isin(set(items))]
    figure.update_layout(dragmode="select", clickmode="event+select")
    if chosen.empty:
        return
    figure.add_scatter(
        x=chosen["x"],
        y=_jitter(points["y"])[chosen.index],
        mode="markers",
        marker={
            "symbol": "circle-open",
            "size": 15,
            "color": INK[dark],
            "line": {"width": 2, "color": INK[dark]},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        hoverinfo="skip",
        cliponaxis=False,
        showlegend=False,
    )


def labels_of(points: Iterable[Mapping[str, Any]]) -> list[str]:
    """The labels of selected points, as the browser sends them: those that carry `FIELDS`."""
    sent = (dict(zip(FIELDS, point.get("customdata") or (), strict=False)) for point in points)
    return list(dict.fromkeys(str(fields["label"]) for fields in sent if "label" in fields))


def choose_labels(points: pd.DataFrame) -> pd.Series:
    """The labels that are drawn: all of a few points, of many those farthest from their line."""
    if len(points) <= _MOST_LABELS:
        return points["label"].astype(str)
    away = _distances_from_line(points)
    farthest = away.nlargest(_SOME_LABELS).index
    return points["label"].astype(str).where(points.index.isin(farthest), "")


def place_labels(
    points: pd.DataFrame,
    labels: pd.Series,
    frame: Frame = Frame(),
) -> pd.Series:
    """The side of its point where each label covers least of the marks and labels before it."""
    # Where panels share axes the points may fill a part of them only.
    shares = [
        1.0 if ends is None else min(1.0, float(np.ptp(points[name])) / (ends[1] - ends[0]))
        for name, ends in (("x", frame.x), ("up", frame.y))
    ]
    across = _scale_to_unit(points["x"]) * _WIDE * shares[0]
    up = _scale_to_unit(points["up"]) * _HIGH * shares[1]
    occupied: list[Box] = [(x - 7, y - 7, x + 7, y + 7) for x, y in zip(across, up, strict=True)]
    sides = []
    for x, y, text in zip(across, up, labels, strict=True):
        boxes = [_label_box(x, y, 7.5 * len(text), side) for side in _SIDES]
        best = min(range(len(boxes)), key=lambda index: _covered_area(boxes[index], occupied))
        if text:
            occupied.append(boxes[best])
        sides.append(_SIDES[best][0])
    return pd.Series(sides, index=points.index, dtype=object)


def _marker(index: int, count: int, *, dark: bool) -> dict[str, Any]:
    return {
        "size": 11 if count <= 60 else 8 if count <= 600 else 6,
        "symbol": MARKS[index % len(MARKS)],
        "color": SERIES[index % len(SERIES)][dark],
        "opacity": 1 if count <= 150 else 0.55,
    }


def _draw_lines(figure: "go.Figure", points: pd.DataFrame, *, dark: bool) -> None:
    names = sorted(points["line"].unique())
    if len(names) > _MOST_LINES:
        return
    for index, name in enumerate(names):
        group = points[points["line"] == name]
        line = line_of(group["x"].tolist(), group["y"].tolist())
        if line is None:
            continue
        colour = SERIES[index if len(names) > 1 else 0][dark]
        if len(names) == 1:
            figure.add_scatter(
                x=[*line.x, *line.x[::-1]],
                y=[*line.high, *line.low[::-1]],
                fill="toself",
                fillcolor=transparent(colour, 0.13),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
                mode="lines",
            )
        figure.add_scatter(
            x=line.x,
            y=line.y,
            mode="lines",
            line={"color": colour, "width": 1.5, "dash": DASHES[1 if len(names) == 1 else index]},
            hoverinfo="skip",
            showlegend=False,
        )


def _draw_intervals(figure: "go.Figure", points: pd.DataFrame, *, dark: bool) -> None:
    """Thin lines through the points, along the axis of each measure that has intervals."""
    for axis, other in (("x", "y"), ("y", "x")):
        if f"{axis}_low" not in points:
            continue
        known = points.dropna(subset=[f"{axis}_low", f"{axis}_high"])
        ends = known[[f"{axis}_low", f"{axis}_high"]].assign(gap=None).to_numpy().ravel()
        places = known[[other, other]].assign(gap=None).to_numpy().ravel()
        figure.add_scatter(
            **{axis: ends, other: places},
            mode="lines",
            line={"color": transparent(QUIET[dark], 0.45), "width": 1},
            hoverinfo="skip",
            showlegend=False,
        )


def shared_frames(
    columns: Mapping[str, pd.DataFrame], *, together: Collection[str], height: int
) -> dict[str, Frame]:
    """A frame for each measure's points: one vertical axis, and horizontal ones of one length.

    Those of `together` are numbers of one kind: their axes have the same ends.
    """
    spans = {name: _reach(points, "x") for name, points in columns.items()}
    alike = [spans[name] for name in together if name in spans]
    common = (min(low for low, _ in alike), max(high for _, high in alike))
    up = [_reach(points, "y") for points in columns.values()]
    y = _with_margin((min(low for low, _ in up), max(high for _, high in up)))
    spans |= dict.fromkeys(together, common)
    length = max(high - low for low, high in spans.values())
    frames = {}
    for name in columns:
        middle = sum(spans[name]) / 2
        ends = _with_margin((middle - length / 2, middle + length / 2))
        frames[name] = Frame(height, ends, y)
    return frames


def _reach(points: pd.DataFrame, axis: str) -> tuple[float, float]:
    """The least and the greatest of the points and of their intervals."""
    columns = [name for name in (axis, f"{axis}_low", f"{axis}_high") if name in points]
    values = points[columns].to_numpy(float)
    return float(np.nanmin(values)), float(np.nanmax(values))


def _with_margin(ends: tuple[float, float]) -> tuple[float, float]:
    room = 0.06 * (ends[1] - ends[0]) or 0.05
    return ends[0] - room, ends[1] + room


def _jitter(values: pd.Series) -> pd.Series:
    """Values of two kinds moved a little up and down, always the same way; others as they are."""
    if values.nunique() > 2 or len(values) < 20:
        return values
    draw = np.random.default_rng(0)
    return values + draw.uniform(-_JITTER, _JITTER, len(values))


def _distances_from_line(points: pd.DataFrame) -> pd.Series:
    """Each point's distance from the line of all points."""
    x, y = points["x"].to_numpy(float), points["y"].to_numpy(float)
    if np.ptp(x) < 1e-12:
        return pd.Series(np.abs(y - y.mean()), index=points.index)
    slope, base = np.polyfit(x, y, 1)
    return pd.Series(np.abs(y - base - slope * x), index=points.index)


def _scale_to_unit(values: pd.Series) -> np.ndarray:
    numbers = values.to_numpy(float)
    return (numbers - numbers.min()) / (np.ptp(numbers) or 1.0)


def _label_box(x: float, y: float, wide: float, side: tuple[str, int, int]) -> Box:
    _, right, over = side
    left = x + 9 if right > 0 else x - 9 - wide if right < 0 else x - wide / 2
    low = y + 8 if over > 0 else y - 22 if over < 0 else y - 7
    return left, low, left + wide, low + 14


def _covered_area(box: Box, taken: Sequence[Box]) -> float:
    """The area of a label that is covered, and much where it leaves the picture."""
    left, _, right, _ = box
    return 1000.0 * (left < -30 or right > _WIDE + 30) + overlap(box, taken)


if TYPE_CHECKING:
    import plotly.graph_objects as go

ITEMS_HEIGHT = 320


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
    quiet_layout(figure, height=ITEMS_HEIGHT, dark=dark)
    figure.update_xaxes(
        title_text=escape(f"tenth of the items by {name}"),
        dtick=1,
        range=[0.5, 10.5],
    )
    figure.update_yaxes(title_text=label("correct"), tickformat=".0%", range=[-0.03, 1.03])
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
    quiet_layout(figure, height=ITEMS_HEIGHT, dark=dark)
    figure.update_xaxes(title_text="AUROC; 0.5 is chance level", range=[-0.02, 1.02])
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
