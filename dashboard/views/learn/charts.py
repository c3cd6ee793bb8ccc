"""The charts of the Learn page: words, the sum, chance, the claims."""

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ccta_core.text import number, percent, signed
from dashboard.theme import ACCENT, DASHES, INK, QUIET, SERIES, quiet_layout


def pieces_html(table: pd.DataFrame, *, lang: str, rtl: bool, alt: str) -> str:
    """Subwords above, the words they make below, each word's mass as a bar; specials apart.

    `table` is that of `tables.pieces_table`. Columns follow the direction of the script.
    """
    most = float(table["score"].abs().max())
    whole = float(table["word_mass"].max())
    groups = [
        _word_html(group, lang, most, whole)
        for _, group in table[table["word_position"].notna()].groupby("word_position")
    ]
    specials = table[table["word_position"].isna()]
    rest = "".join(_piece_html(row.subword, row.score, "", most) for row in specials.itertuples())
    direction = "rtl" if rtl else "ltr"
    return (
        f'<div class="learn-pieces" role="img" aria-label="{escape(alt)}">'
        f'<div class="learn-units" dir="{direction}">{"".join(groups)}</div>'
        f'<div class="learn-apart"><span class="learn-row-of-pieces">{rest}</span>'
        "<span>special tokens: no mass</span></div></div>"
    )


def _word_html(group: pd.DataFrame, lang: str, most: float, whole: float) -> str:
    first = group.iloc[0]
    pieces = "".join(_piece_html(row.subword, row.score, lang, most) for row in group.itertuples())
    share = float(first["word_mass"])
    height = 100 * share / whole if whole > 0 else 0
    return (
        '<div class="learn-unit">'
        f'<span class="learn-row-of-pieces">{pieces}</span>'
        f'<span class="learn-joined"><bdi lang="{escape(lang)}">{escape(str(first["word"]))}</bdi>'
        f'<b dir="ltr">{signed(float(first["word_score"]))}</b></span>'
        f'<span class="learn-mass-bar"><i style="height:{height:.1f}%"></i></span>'
        f'<span class="learn-share" dir="ltr">{percent(share)}</span></div>'
    )


def _piece_html(text: str, score: float, lang: str, most: float) -> str:
    strength = round(100 * abs(score) / most) if most > 0 else 0
    kind = "against" if score < 0 else "for"
    attribute = f' lang="{escape(lang)}"' if lang else ""
    return (
        f'<span class="learn-piece is-{kind}" style="--v:{strength}%">'
        f"<bdi{attribute}>{escape(text)}</bdi>"
        f'<small dir="ltr">{signed(score)}</small></span>'
    )


if TYPE_CHECKING:
    import plotly.graph_objects as go

FOR, AGAINST = ("#f39a3d", "#d98a35"), ("#74abe8", "#5b93d6")


def waterfall(table: pd.DataFrame, *, dark: bool, large: bool) -> "go.Figure":
    """`tables.sum_table` as bars, each beginning where the one before ended."""
    import plotly.graph_objects as go

    low = table[["start", "end"]].min(axis=1)
    texts = [signed(value) for value in table["value"]]
    bars = go.Bar(
        x=table["position"],
        y=(table["end"] - table["start"]).abs(),
        base=low,
        marker={"color": [_bar_colour(row, dark) for row in table.itertuples()]},
        text=texts,
        textposition="outside",
        cliponaxis=False,
        hovertext=[escape(str(name)) for name in table["name"]],
        hovertemplate="%{hovertext}: %{text} logits<extra></extra>",
    )
    figure = quiet_layout(go.Figure(bars), height=430 if large else 340, dark=dark)
    size = 22 if large else 13
    figure.update_layout(font_size=size, bargap=0.25, showlegend=False, margin={"t": 30})
    figure.update_xaxes(
        tickmode="array",
        tickvals=table["position"],
        ticktext=[escape(str(name)) for name in table["name"]],
        autotickangles=[0, -35, -60],
        tickfont={"color": INK[dark], "size": size},
        showgrid=False,
    )
    figure.update_yaxes(title={"text": "score (logits)"}, zeroline=True)
    return figure


def error_curve(table: pd.DataFrame, *, points: int, dark: bool, large: bool) -> "go.Figure":
    """`tables.error_table`, both axes logarithmic; the chosen number of points is larger."""
    import plotly.graph_objects as go

    figure, size = go.Figure(), 20 if large else 13
    for index, (places, part) in enumerate(table.groupby("places", sort=False)):
        figure.add_scatter(
            x=part["points"],
            y=part["error"],
            mode=("lines+markers", "markers")[index],
            name=f"{places} points",
            line={"color": SERIES[index][dark]},
            marker={
                "size": [18 if index or count == points else 8 for count in part["points"]],
                "symbol": ("circle", "diamond")[index],
                "opacity": 1,
            },
            hovertemplate="%{x} points: %{y:.2%}<extra></extra>",
        )
    figure.add_hline(y=0.01, line={"color": QUIET[dark], "width": 2, "dash": "dot"})
    quiet_layout(figure, height=430 if large else 340, dark=dark)
    figure.update_layout(font_size=size)
    shown = table.loc[table["places"] == "evenly spaced", "points"]
    figure.update_xaxes(type="log", tickvals=shown, title={"text": "points on the way"})
    figure.update_yaxes(
        type="log",
        tickvals=[1e-5, 1e-4, 1e-3, 0.01, 0.1, 1],
        ticktext=["0.001%", "0.01%", "0.1%", "1%", "10%", "100%"],
        title={"text": "error"},
    )
    return figure


def _bar_colour(row: object, dark: bool) -> str:
    kind, value = getattr(row, "kind"), getattr(row, "value")  # noqa: B009 - a named tuple's fields
    if kind == "end":
        return ACCENT[dark]
    if kind == "gap":
        return QUIET[dark]
    return (FOR if value >= 0 else AGAINST)[dark]


if TYPE_CHECKING:
    import plotly.graph_objects as go

_BINS = 30


def shuffles_histogram(
    values: np.ndarray, references: pd.DataFrame, *, dark: bool, large: bool
) -> "go.Figure":
    """`values` of all shuffles; `references` (`tables.reference_table`) as vertical lines."""
    import plotly.graph_objects as go

    all_values = np.concatenate([values, references["value"].to_numpy()])
    low, high = float(all_values.min()), float(all_values.max())
    high = max(high, low + 1e-6)  # one word a text: every shuffle is the same
    edges = np.linspace(low, high, _BINS + 1)
    counts, _ = np.histogram(values, edges)
    size = 20 if large else 13
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": QUIET[dark], "opacity": 0.55},
            name="shuffled masses",
            hovertemplate="EMS %{x:.2f}: %{y} shuffles<extra></extra>",
        )
    )
    top = float(max(counts.max(), 1))
    colours = (ACCENT[dark], SERIES[1][dark], SERIES[2][dark])
    for index, row in enumerate(references.itertuples()):
        figure.add_scatter(
            x=[row.value, row.value],
            y=[0, top * (1.12 + 0.13 * index)],
            mode="lines+text",
            text=["", f"{row.name} {number(row.value)}"],
            textposition=_label_side((row.value - low) / (high - low)),
            textfont={"color": colours[index], "size": size + 2},
            line={"color": colours[index], "width": 4 if index == 0 else 2, "dash": DASHES[index]},
            showlegend=False,
            cliponaxis=False,
            hoverinfo="skip",
        )
    quiet_layout(figure, height=430 if large else 340, dark=dark)
    figure.update_layout(font_size=size, bargap=0, showlegend=False)
    figure.update_yaxes(title={"text": "shuffles"}, range=[0, top * 1.6], color=INK[dark])
    figure.update_xaxes(title={"text": "EMS of a shuffle"}, range=[low - 0.03, high + 0.03])
    return figure


def _label_side(place: float) -> str:
    """Where a line's name stands, so that it stays inside: `place` is 0 at the left, 1 right."""
    if 0.25 < place < 0.75:
        return "top center"
    return "top right" if place <= 0.25 else "top left"


if TYPE_CHECKING:
    import plotly.graph_objects as go

_SYMBOLS = ("circle", "diamond", "square")
_ROW, _LEAST, _ROOM = 15, 34, 120
"""Pixels of a mark, of a row at least, and of what stands around the rows."""


def intervals(
    table: pd.DataFrame, *, axis: str, zero: float | None, dark: bool, large: bool
) -> "go.Figure":
    """`claims_table.ClaimAnswer.table`: a row for each `what`, in it a mark for each measure.

    Marks are open where their interval is unreliable.
    """
    import plotly.graph_objects as go

    figure, size = go.Figure(), 20 if large else 13
    rows = {what: index for index, what in enumerate(dict.fromkeys(table["what"]))}
    measures = list(dict.fromkeys(table["measure"]))
    for index, measure in enumerate(measures):
        part = table[table["measure"] == measure]
        apart = (index - (len(measures) - 1) / 2) * 0.75 / max(len(measures), 1)
        figure.add_scatter(
            x=part["value"],
            y=[rows[what] + apart for what in part["what"]],
            name=escape(measure),
            showlegend=len(measures) > 1,
            **_interval_marks(part, index, dark),
        )
    if zero is not None:
        figure.add_vline(x=zero, line={"color": QUIET[dark], "width": 2, "dash": "dot"})
    tall = max(_LEAST, _ROW * len(measures)) * (1.5 if large else 1)
    quiet_layout(figure, height=_ROOM + int(tall * len(rows)), dark=dark)
    figure.update_layout(font_size=size)
    figure.update_xaxes(title={"text": axis})
    figure.update_yaxes(
        tickvals=list(rows.values()),
        ticktext=[escape(what) for what in rows],
        range=[len(rows) - 0.5, -0.5],
        tickfont={"color": INK[dark], "size": size},
        zeroline=False,
    )
    return figure


def _interval_marks(part: pd.DataFrame, index: int, dark: bool) -> dict[str, Any]:
    """How the numbers of one measure are drawn: mark, interval, what a pointer tells."""
    return {
        "mode": "markers",
        "marker": {
            "size": 11,
            "color": SERIES[index][dark],
            "symbol": [_SYMBOLS[index] + ("" if sure else "-open") for sure in part["reliable"]],
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": (part["high"] - part["value"]).clip(lower=0),
            "arrayminus": (part["value"] - part["low"]).clip(lower=0),
            "thickness": 1.5,
            "width": 3,
        },
        "customdata": part[["low", "high", "n"]],
        "text": [escape(what) for what in part["what"]],
        "hovertemplate": "%{text}: %{x:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f}), "
        "n = %{customdata[2]}",
    }
