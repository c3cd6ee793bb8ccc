"""The charts of step 5: the words on a plane, and the cosines of every two."""

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from ccta_core.text import number, percent
from dashboard.plane import SYMBOLS, Frame, word_labels
from dashboard.theme import INK, SERIES, quiet_layout, similarity_scale

if TYPE_CHECKING:
    import plotly.graph_objects as go

_WIDTH = 480.0
"""The plane's width in pixels that labels are placed for."""


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
            marker={"size": 12, "symbol": SYMBOLS[index], "color": SERIES[index][dark]},
            customdata=part["text"],
            hovertemplate="%{text} (%{customdata})<extra></extra>",
        )
    quiet_layout(figure, height=height, dark=dark)
    figure.update_layout(font_size=18 if large else 13)
    for label in word_labels(table, frame, size, (_WIDTH, height - 90.0), dark=dark):
        figure.add_annotation(**label)
    for axis, span, share, which in (
        ("xaxis", frame.x, frame.explained[0], "first"),
        ("yaxis", frame.y, frame.explained[1], "second"),
    ):
        title = {"text": f"{which} component, {percent(share)} of the variance"}
        figure.update_layout({axis: {"title": title, "range": span, "showticklabels": False}})
    return figure


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
