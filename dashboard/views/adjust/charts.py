"""The charts of the page Adjust: by layer, by dose, and the consistency of the arms."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ccta_core.measures import label
from ccta_core.text import count, number
from dashboard.theme import DASHES, QUIET, SERIES, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

HEIGHT = 300
LAYER_HEIGHT = 320
MEASURES = {
    "auc": "AUC, related over unrelated",
    "related": "distance of related words",
    "unrelated": "distance of unrelated words",
    "retrieval": "retrieval to English",
    "mexa": "MEXA",
}
DIALLED = {"score": "score", "auc": "AUC", "above_chance": "EMS less chance"}
_MARKS = ("circle", "diamond", "square")
_SHORT = {"mexa": "MEXA"}
_ARMS = {"original": 4, "adjusted": 0, "placebo": 1, "continual": 2, "continual-placebo": 3}
"""Each arm's place among the theme's series: its colour, and with it a dash."""
_SIDES = ("foreign", "english")
_LETTER, _LINE = 0.015, 0.05
"""A letter's width and a line's height as shares of the plane, by which labels keep apart."""
_SECOND = ("unrelated", "mexa")
"""Measures drawn with open marks beside the first of their chart."""


def layer_chart(table: pd.DataFrame, measures: Sequence[str], *, dark: bool) -> "go.Figure":
    """Columns: arm, layer, measure, value, seeds; a line an arm and measure."""
    import plotly.graph_objects as go

    figure = go.Figure()
    rows = table[table["measure"].isin(measures)]
    for (arm, measure), each in rows.groupby(["arm", "measure"], sort=False):
        second = measure in _SECOND
        name = f"{arm}: {_SHORT.get(measure, measure)}" if len(measures) > 1 else str(arm)
        colour, dash = _look(str(arm), dark=dark)
        figure.add_scatter(
            x=each["layer"],
            y=each["value"],
            mode="lines+markers",
            name=str(arm).replace(", after the task", " + task"),
            legendgroup=str(arm),
            showlegend=not second,
            line={"color": colour, "width": 1.6, "dash": dash},
            marker={"size": 6, "symbol": "circle-open" if second else "circle"},
            hovertext=[
                f"{name}<br>layer {row.layer}: {MEASURES[measure]} {number(float(row.value), 3)}"
                f"<br>seeds: {row.seeds}"
                for row in each.itertuples()
            ],
            hoverinfo="text",
        )
    quiet_layout(figure, height=LAYER_HEIGHT, dark=dark)
    figure.update_layout(legend={"entrywidth": 96, "font": {"size": 12}})
    figure.update_xaxes(title_text="layer", dtick=2)
    figure.update_yaxes(title_text=_axis(measures))
    return figure


def dose_chart(table: pd.DataFrame, measure: str, *, dark: bool) -> "go.Figure":
    """Columns: pairs, noise, seed, measure, value; pairs at even steps, a line a share of noise."""
    import plotly.graph_objects as go

    rows = table[table["measure"] == measure]
    sizes = sorted(rows["pairs"].unique(), key=lambda pairs: (pairs < 0, pairs))
    figure = go.Figure()
    for place, (noise, each) in enumerate(rows.groupby("noise")):
        figure.add_scatter(
            x=[size_name(pairs) for pairs in each["pairs"]],
            y=each["value"],
            mode="markers",
            name=f"{noise:.0%} of links re-paired",
            marker={"size": 9, "color": SERIES[place % len(SERIES)][dark]},
            hovertext=[
                f"{size_name(row.pairs)} pairs, {noise:.0%} re-paired, seed {row.seed}<br>"
                f"{number(float(row.value), 3)}"
                for row in each.itertuples()
            ],
            hoverinfo="text",
        )
    quiet_layout(figure, height=HEIGHT, dark=dark)
    figure.update_xaxes(
        title_text="sentence pairs",
        type="category",
        categoryorder="array",
        categoryarray=[size_name(pairs) for pairs in sizes],
    )
    figure.update_yaxes(title_text=MEASURES["auc"] if measure == "auc" else "score in the language")
    return figure


def dial_chart(table: pd.DataFrame, measure: str, *, dark: bool) -> "go.Figure":
    """`curves.dial` as dots: no line joins them, for nothing was measured between."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_vline(x=1, line={"color": QUIET[dark], "width": 1, "dash": "dot"})
    # The axis reaches over the score's interval: without it noise would fill the whole height.
    reach = 1.96 * (table["score"] * (1 - table["score"]) / table["n"]) ** 0.5
    figure.add_scatter(
        x=table["scale"],
        y=table[measure],
        mode="markers",
        marker={"size": 11, "color": SERIES[0][dark]},
        error_y={"type": "data", "array": reach, "thickness": 1.2, "width": 0}
        if measure == "score"
        else None,
        hovertext=[
            f"scale {row['scale']:g}<br>{DIALLED[measure]} {number(float(row[measure]), 3)}"
            for row in table.to_dict("records")
        ],
        hoverinfo="text",
        showlegend=False,
    )
    quiet_layout(figure, height=HEIGHT - 60, dark=dark)
    figure.update_xaxes(title_text="scale of the alignment", range=(-0.1, 1.6), dtick=0.25)
    figure.update_yaxes(title_text=DIALLED[measure])
    return figure


def consistency_chart(table: pd.DataFrame, *, dark: bool) -> "go.Figure":
    """Columns: arm, reference, seeds, layer, measure, difference, low, high, n."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_vline(x=0, line={"color": QUIET[dark], "width": 1, "dash": "dot"})
    places = [
        f"{row.arm} less {row.reference}<br>{count(row.seeds, 'seed')}, layer {row.layer}"
        for row in table.itertuples()
    ]
    table = table.assign(place=places)
    for at, measure in enumerate(table["measure"].unique()):
        rows, name = table[table["measure"] == measure], label(measure)
        figure.add_scatter(
            x=rows["difference"],
            y=rows["place"],
            mode="markers",
            orientation="h",  # side by side within a row
            name=name,
            marker={"size": 9, "symbol": _MARKS[at], "color": SERIES[at][dark]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": rows["high"] - rows["difference"],
                "arrayminus": rows["difference"] - rows["low"],
                "thickness": 1.2,
                "width": 0,
            },
            hovertext=[
                f"{name}, {row.place}<br>{number(float(row.difference), 3)} (95% "
                f"{number(float(row.low), 3)} to {number(float(row.high), 3)})<br>n = {row.n} items"
                for row in rows.itertuples()
            ],
            hoverinfo="text",
        )
    figure.update_layout(scattermode="group", scattergap=0.3)
    places = list(dict.fromkeys(places))
    quiet_layout(figure, height=110 + 48 * len(places), dark=dark)
    figure.update_xaxes(title_text="difference")
    figure.update_yaxes(autorange="reversed")
    return figure


def size_name(pairs: int) -> str:
    """A number of pairs as an axis has it: none of the original, all where none were left out."""
    return "all" if pairs < 0 else f"{int(pairs):,}" if pairs else "none"


def _axis(measures: Sequence[str]) -> str:
    if "related" in measures:
        return "mean distance (open: unrelated)"
    if "mexa" in measures:
        return "retrieval (open: MEXA)"
    return "AUC" if "auc" in measures else MEASURES[measures[0]]


def _look(arm: str, *, dark: bool) -> tuple[str, str]:
    """An arm's colour and dash; of a task's model the dash is dotted."""
    name, comma, _ = arm.partition(",")
    place = _ARMS.get(name, 4)
    return SERIES[place][dark], "dot" if comma else DASHES[0 if place in (0, 2) else 1]


def plane_chart(
    table: pd.DataFrame, arm: str, names: tuple[str, str], *, dark: bool
) -> "go.Figure":
    """`word_tables.plane_table` before (open) and in an arm (filled), a line a linked pair.

    The axes reach over all arms, so that nothing but the words moves from one to another.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    spans = [_span(table, letter) for letter in ("x", "y")]
    labels = _labels(table[table["arm"] == arm], spans)
    states = [("original", True), (arm, False)] if arm != "original" else [(arm, False)]
    for name, opened in states:
        rows = table[table["arm"] == name]
        links = [
            [row.x_foreign, row.x_english, None, row.y_foreign, row.y_english, None]
            for row in rows.itertuples()
        ]
        figure.add_scatter(
            x=[x for each in links for x in each[:3]],
            y=[y for each in links for y in each[3:]],
            mode="lines",
            line={"color": QUIET[dark], "width": 1, "dash": "dot" if opened else "solid"},
            showlegend=False,
            hoverinfo="skip",
        )
        for place, side in enumerate(_SIDES):
            figure.add_scatter(
                x=rows[f"x_{side}"],
                y=rows[f"y_{side}"],
                mode="markers" if opened else "markers+text",
                name=f"{names[place]}, before" if opened else names[place],
                text=labels[side],
                textposition="top center",
                textfont={"size": 12, "color": SERIES[place][dark]},
                marker={
                    "size": 8,
                    "symbol": f"{('circle', 'diamond')[place]}{'-open' if opened else ''}",
                    "color": SERIES[place][dark],
                },
                hovertext=[
                    f"{escape(row.foreign)} – {escape(row.english)}, {name}<br>"
                    f"L2 {number(float(row.related_l2))}, "
                    f"cosine distance {number(float(row.related_cosine), 3)}"
                    for row in rows.itertuples()
                ],
                hoverinfo="text",
            )
    quiet_layout(figure, height=HEIGHT + 80, dark=dark)
    figure.update_xaxes(title_text="first component", range=spans[0], showticklabels=False)
    figure.update_yaxes(title_text="second component", range=spans[1], showticklabels=False)
    return figure


def _span(table: pd.DataFrame, letter: str) -> tuple[float, float]:
    """The reach of an axis over all arms, with room at both ends."""
    both = table[[f"{letter}_{side}" for side in _SIDES]].to_numpy()
    low, high = float(both.min()), float(both.max())
    room = 0.12 * (high - low) or 1.0
    return low - room, high + room


def _labels(rows: pd.DataFrame, spans: Sequence[tuple[float, float]]) -> dict[str, list[str]]:
    """The words that have room for a label, the item's own sentence before its premise; else "".

    A label is dropped where it would lie over another one: its word is read by pointing at it.
    """
    labels = {side: [""] * len(rows) for side in _SIDES}
    order = sorted(range(len(rows)), key=lambda place: -len(str(rows["sentence"].iloc[place])))
    taken: list[tuple[float, float, float]] = []
    for place in order:
        row = rows.iloc[place]
        for side in _SIDES:
            x, y = (
                (float(row[f"{letter}_{side}"]) - low) / (high - low)
                for letter, (low, high) in zip("xy", spans, strict=True)
            )
            half = _LETTER * max(2, len(row[side])) / 2
            free = all(abs(x - x2) > half + half2 or abs(y - y2) > _LINE for x2, y2, half2 in taken)
            if free:
                taken.append((x, y, half))
                labels[side][place] = escape(row[side])
    return labels
