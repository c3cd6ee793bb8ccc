"""Word pairs of the lesson's sentence by their distance before and after an adjustment."""

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ccta_core.text import number
from ccta_core.zoo.pulling import Pulling
from dashboard.theme import QUIET, SERIES, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

_SYMBOLS = {"original": "circle-open", "adjusted": "circle", "placebo": "diamond"}
_KINDS = ("linked", "other")


def distance_table(pulling: Pulling, lang: str, arms: tuple[str, ...]) -> pd.DataFrame:
    """A row a word pair, linked ones first, each kind by its distance in the original."""
    table = pd.DataFrame(
        [
            {"english": pair.english, "foreign": pair.foreign,
             "text": ("premise", "hypothesis")[pair.text],
             "kind": _KINDS[0] if pair.related else _KINDS[1],
             **{arm: pair.distances[arm] for arm in arms}}
            for pair in pulling.word_pairs[lang]
        ]
    )  # fmt: skip
    return table.sort_values(["kind", "original"], kind="stable").reset_index(drop=True)


def distances_chart(
    table: pd.DataFrame, arms: tuple[str, ...], *, dark: bool, large: bool
) -> "go.Figure":
    """`distance_table` with a row a word pair and a mark an arm; lines lead from the original."""
    import plotly.graph_objects as go

    figure, size = go.Figure(), 18 if large else 13
    names = [f"{row.english} – {row.foreign}" for row in table.itertuples()]
    places = list(range(len(table)))
    for row, place in zip(table.to_dict("records"), places, strict=True):
        values = [row[arm] for arm in arms]
        figure.add_scatter(
            x=[min(values), max(values)], y=[place, place], mode="lines", showlegend=False,
            line={"color": QUIET[dark], "width": 1}, hoverinfo="skip",
        )  # fmt: skip
    for series, kind in enumerate(_KINDS):
        rows = table[table["kind"] == kind]
        for arm in arms:
            colour = SERIES[4][dark] if arm == "placebo" else SERIES[series][dark]
            figure.add_scatter(
                x=rows[arm],
                y=rows.index,
                mode="markers",
                name=f"{kind}, {arm}",
                marker={"size": 12, "symbol": _SYMBOLS[arm], "color": colour},
                hovertext=[
                    f"{escape(row['english'])} – {escape(row['foreign'])} ({row['text']}, {kind})"
                    f"<br>{arm} {number(float(row[arm]), 3)}"
                    for row in rows.to_dict("records")
                ],
                hoverinfo="text",
            )
    quiet_layout(figure, height=(150 if large else 130) + (30 if large else 24) * len(table),
                 dark=dark)  # fmt: skip
    figure.update_layout(font_size=size)
    figure.update_xaxes(title_text="cosine distance", rangemode="tozero")
    figure.update_yaxes(
        tickvals=places, ticktext=[escape(name) for name in names], autorange="reversed"
    )
    return figure
