"""The charts of the page Adjust: by layer, by dose, and the consistency of the arms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from ccta_core.text import number
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
_SHORT = {"mexa": "MEXA"}
_ARMS = {"original": 4, "adjusted": 0, "placebo": 1, "continual": 2, "continual-placebo": 3}
"""Each arm's place among the theme's series: its colour, and with it a dash."""
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


def consistency_chart(table: pd.DataFrame, *, dark: bool) -> "go.Figure":
    """Columns: arm, seed, layer, measure, difference, low, high, n; zero is the original."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_vline(x=0, line={"color": QUIET[dark], "width": 1, "dash": "dot"})
    for measure, name in (("ems", "EMS"), ("gain", "gain over shuffled")):
        rows = table[table["measure"] == measure]
        second = measure == "gain"
        figure.add_scatter(
            x=rows["difference"],
            y=[f"{row.arm}, seed {row.seed}, layer {row.layer}" for row in rows.itertuples()],
            mode="markers",
            name=name,
            marker={
                "size": 9,
                "symbol": "diamond" if second else "circle",
                "color": SERIES[2 if second else 0][dark],
            },
            error_x={
                "type": "data",
                "symmetric": False,
                "array": rows["high"] - rows["difference"],
                "arrayminus": rows["difference"] - rows["low"],
                "thickness": 1.2,
                "width": 0,
            },
            hovertext=[
                f"{name}, {row.arm}, seed {row.seed}<br>{number(float(row.difference), 3)} (95% "
                f"{number(float(row.low), 3)} to {number(float(row.high), 3)})<br>n = {row.n} items"
                for row in rows.itertuples()
            ],
            hoverinfo="text",
        )
    places = table[["arm", "seed", "layer"]].drop_duplicates()
    quiet_layout(figure, height=110 + 30 * len(places), dark=dark)
    figure.update_xaxes(title_text="change from the original")
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
