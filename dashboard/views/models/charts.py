"""A model's score in each language as dots with their intervals, beside the majority's line."""

from typing import TYPE_CHECKING

import pandas as pd

from dashboard.theme import ACCENT, QUIET, quiet_layout

if TYPE_CHECKING:
    import plotly.graph_objects as go

_ROW = 26
_FRAME = 78
_MARGIN = 0.02


def score_dots(table: pd.DataFrame, metric: str, *, dark: bool) -> "go.Figure":
    """Languages from best to weakest; rows as `tables.score_table` gives them."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=table["score"],
        y=table["language"],
        mode="markers",
        name=f"{metric}, 95% interval",
        marker={"color": ACCENT[dark], "size": 9},
        error_x=_interval_bars(table, dark=dark),
        customdata=table[["low", "high", "n"]].to_numpy(),
        hovertemplate=f"%{{y}}: {metric} %{{x:.3f}} (%{{customdata[0]:.3f}} to "
        "%{customdata[1]:.3f}), n = %{customdata[2]:,}<extra></extra>",
    )
    _draw_majority(figure, table, dark=dark)
    quiet_layout(figure, height=_FRAME + _ROW * len(table), dark=dark)
    figure.update_xaxes(title_text=metric, range=_range(table), zeroline=False)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    return figure


def describe_chart(table: pd.DataFrame, metric: str) -> str:
    """The chart's text alternative."""
    dots = ", ".join(f"{row.language} {row.score:.3f}" for row in table.itertuples())
    return f"Dots of {metric} for {len(table)} languages, best first: {dots}."


def _interval_bars(table: pd.DataFrame, *, dark: bool) -> dict[str, object] | None:
    """The intervals; None where the card has none."""
    if table["low"].isna().all():
        return None
    return {
        "type": "data",
        "symmetric": False,
        "array": table["high"] - table["score"],
        "arrayminus": table["score"] - table["low"],
        "color": ACCENT[dark],
        "thickness": 1.5,
        "width": 0,
    }


def _draw_majority(figure: "go.Figure", table: pd.DataFrame, *, dark: bool) -> None:
    """The majority baseline, language by language."""
    baseline = table.dropna(subset=["majority"])
    if baseline.empty:
        return
    figure.add_scatter(
        x=baseline["majority"],
        y=baseline["language"],
        mode="lines",
        name="majority baseline",
        line={"color": QUIET[dark], "width": 1.5, "dash": "dash"},
        hovertemplate="majority baseline %{x:.3f}<extra></extra>",
    )


def _range(table: pd.DataFrame) -> list[float]:
    """The axis: all marks with a little room, within 0 and 1."""
    numbers = table[["score", "low", "high", "majority"]]
    low, high = numbers.min(axis=None), numbers.max(axis=None)
    return [max(0.0, low - _MARGIN), min(1.02, high + _MARGIN)]
