"""Colours and layout of every chart, and style sheets and scripts that lie beside a module.

One diverging scale and two sequential ones, each in light and dark.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccta_core.reports.figures import ONE_WAY, TWO_WAYS

if TYPE_CHECKING:
    import plotly.graph_objects as go

Scale = list[list[float | str]]

_MASS = (("#f6f4fa", "#b39be0", "#4a3284"), ("#1b2026", "#4a3a73", "#b9a2ea"))
ACCENT = ("#0d7263", "#63d8c1")
INK = ("#14181f", "#eef1f5")
QUIET = ("#5b6470", "#a3acb8")
RULE = ("#dfe3e8", "#333a44")
SURFACE = ("#ffffff", "#14171c")
SERIES = (
    ("#0d7263", "#63d8c1"),
    ("#d9781a", "#f39a3d"),
    ("#2a60a3", "#74abe8"),
    ("#6a4fa8", "#b39be0"),
    ("#5b6470", "#a3acb8"),
)
"""Colours of lines and groups, told apart by the colour-blind; lines also differ in dash."""
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
CONFIG: dict[str, Any] = {
    "displayModeBar": True,
    "modeBarButtonsToRemove": [
        "toImage", "zoom2d", "pan2d", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d",
        "resetScale2d", "hoverClosestCartesian", "hoverCompareCartesian", "toggleSpikelines",
    ],
    "scrollZoom": False,
}  # fmt: skip
"""What every `st.plotly_chart` is given: of Plotly's buttons only Streamlit's, full screen."""


def read_beside(module: str, name: str) -> str:
    """The text of the file `name` in the folder of `module`, which is a module's `__file__`."""
    return (Path(module).parent / name).read_text(encoding="utf-8")


def similarity_scale(*, dark: bool) -> Scale:
    """Sequential, for EMS and cosines."""
    return _three_stop_scale(ONE_WAY[dark])


def mass_scale(*, dark: bool) -> Scale:
    """Sequential, for attribution mass."""
    return _three_stop_scale(_MASS[dark])


def signed_scale(*, dark: bool) -> Scale:
    """Diverging and colour-blind-safe: blue against, orange for; set its middle at zero."""
    return _three_stop_scale(TWO_WAYS[dark])


def transparent(colour: str, opacity: float) -> str:
    """A colour #rrggbb of the theme at an opacity in [0, 1], for areas under lines."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def quiet_layout(figure: "go.Figure", *, height: int, dark: bool) -> "go.Figure":
    """Fixed height, thin rules, the page's font and ground; returns the figure."""
    ink, quiet, rule = INK[dark], QUIET[dark], RULE[dark]
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, 'Noto Sans', sans-serif", "size": 13, "color": ink},
        hoverlabel={"bgcolor": SURFACE[dark], "font": {"color": ink, "size": 13}},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        dragmode=False,
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": quiet, "activecolor": ink},
    )
    axis = {
        "gridcolor": rule,
        "linecolor": rule,
        "zerolinecolor": rule,
        "tickfont": {"color": quiet},
        "title": {"font": {"color": quiet, "size": 13}},
        "automargin": True,
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def _three_stop_scale(colours: tuple[str, str, str]) -> Scale:
    return [[0.0, colours[0]], [0.5, colours[1]], [1.0, colours[2]]]
