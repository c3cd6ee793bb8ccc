"""Pictures and charts as files: PNG and SVG are made in the browser, of what stands there."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.charts.theme import SURFACE
from dashboard.components.pair_picture import ASSETS
from dashboard.components.say import dark, to_csv

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

_HTML = """
<div class="ccta-files">
  <button type="button" data-kind="png">Picture (PNG)</button>
  <button type="button" data-kind="svg">Picture (SVG)</button>
</div>
"""
_KINDS = {
    "csv": ("Data (CSV)", "text/csv"),
    "json": ("Data (JSON)", "application/json"),
    "html": ("Chart (HTML, works offline)", "text/html"),
}
"""What a button says, and what the file is."""
_component = st.components.v2.component(
    "ccta_files",
    html=_HTML,
    css=(ASSETS / "files.css").read_text("utf-8"),
    js=(ASSETS / "files.js").read_text("utf-8"),
    isolate_styles=False,
)


def picture_files(name: str) -> None:
    """Two buttons that save the picture of a pair as it stands: NAME.png and NAME.svg."""
    _component(key="pair_files", data={"name": name})


def chart_files(figure: "go.Figure", table: "pd.DataFrame", name: str, *, chart: str) -> None:
    """A popover that saves a chart: its data, the chart as a page, the picture of it.

    `chart` is the key under which the figure is shown.
    """
    name = _file_name(name)
    with st.popover("Download", type="tertiary", icon=":material/download:", width="content"):
        _table_files(table, name, chart)
        _button("html", lambda: page(figure), name, chart)
        _component(key=f"{chart}_files", data={"name": name, "chart": chart})


def drawing_files(svg: str, table: "pd.DataFrame", name: str, *, key: str) -> None:
    """The same for a picture that is no chart of Plotly; `svg` is drawn for the file alone."""
    name = _file_name(name)
    with st.popover("Download", type="tertiary", icon=":material/download:", width="content"):
        _table_files(table, name, key)
        _component(key=f"{key}_files", data={"name": name, "svg": svg, "ground": SURFACE[0]})


def page(figure: "go.Figure") -> str:
    """The figure as an HTML page of its own, on the page's ground, with nothing to fetch."""
    import plotly.graph_objects as go

    ground = SURFACE[dark()]
    found: str = (
        go.Figure(figure)
        .update_layout(paper_bgcolor=ground, plot_bgcolor=ground)
        .to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False})
    )
    return found


def _table_files(table: "pd.DataFrame", name: str, key: str) -> None:
    _button("csv", lambda: to_csv(table), name, key)
    _button("json", lambda: to_json(table), name, key)


def to_json(table: "pd.DataFrame") -> str:
    """The rows as a list of objects; what is missing is null."""
    return str(table.to_json(orient="records", force_ascii=False, indent=1)) + "\n"


def _button(kind: str, data: Callable[[], str | bytes], name: str, key: str) -> None:
    label, mime = _KINDS[kind]
    st.download_button(
        label,
        data=data,
        file_name=f"{name}.{kind}",
        mime=mime,
        key=f"{key}_{kind}",
        on_click="ignore",
        width="stretch",
    )


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name)
