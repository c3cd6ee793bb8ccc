"""Downloads of tables, charts and pictures; PNG and SVG are made in the browser."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from dashboard.theme import SURFACE, read_beside
from dashboard.widgets.text_blocks import dark

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
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_component = st.components.v2.component(
    "ccta_files",
    html=_HTML,
    css=read_beside(__file__, "files.css"),
    js=read_beside(__file__, "files.js"),
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
        _button("html", lambda: chart_page(figure), name, chart)
        _component(key=f"{chart}_files", data={"name": name, "chart": chart})


def drawing_files(svg: str, table: "pd.DataFrame", name: str, *, key: str) -> None:
    """The same for a picture that is no chart of Plotly; `svg` is drawn for the file alone."""
    name = _file_name(name)
    with st.popover("Download", type="tertiary", icon=":material/download:", width="content"):
        _table_files(table, name, key)
        _component(key=f"{key}_files", data={"name": name, "svg": svg, "ground": SURFACE[0]})


def component_files(
    tables: "dict[str, pd.DataFrame]",
    name: str,
    *,
    key: str,
    place: str,
    whole: Mapping[str, Callable[[], str]] | None = None,
) -> None:
    """The same for a picture that a script of the page draws at `place` (a CSS selector).

    `tables` are the data behind it, by what the button says; `whole` makes further files, by their
    ending: json for all that is drawn, html for a page with the picture in it.
    """
    name = _file_name(name)
    with st.popover("Download", type="tertiary", icon=":material/download:", width="content"):
        for number, (label, table) in enumerate(tables.items()):
            st.download_button(
                label,
                data=partial(to_csv, table),
                file_name=f"{name}-{_file_name(label.lower())}.csv",
                mime="text/csv",
                key=f"{key}_csv_{number}",
                on_click="ignore",
                width="stretch",
            )
        for kind, text in (whole or {}).items():
            _button(kind, text, name, key)
        _component(key=f"{key}_files", data={"name": name, "place": place})


def csv_button(frame: "pd.DataFrame", name: str, *, key: str) -> None:
    """A button that saves a table, or the data of a picture that is no chart."""
    st.download_button(
        "Download the data (CSV)",
        data=lambda: to_csv(frame),
        file_name=f"{_file_name(name)}.csv",
        mime="text/csv",
        key=key,
        on_click="ignore",
        type="tertiary",
        icon=":material/download:",
    )


def chart_page(figure: "go.Figure") -> str:
    """The figure as an HTML page of its own, on the page's ground, with nothing to fetch."""
    import plotly.graph_objects as go

    ground = SURFACE[dark()]
    html: str = (
        go.Figure(figure)
        .update_layout(paper_bgcolor=ground, plot_bgcolor=ground)
        .to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False})
    )
    return html


def _table_files(table: "pd.DataFrame", name: str, key: str) -> None:
    _button("csv", lambda: to_csv(table), name, key)
    _button("json", lambda: to_json(table), name, key)


def to_csv(frame: "pd.DataFrame", texts: Sequence[str] | None = None) -> bytes:
    """CSV that a spreadsheet reads as text and numbers, never as formulas."""
    safe = frame.copy()
    for name in texts or frame.select_dtypes(include=["object", "string"]).columns:
        safe[name] = [
            f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
            for value in safe[name]
        ]
    return safe.to_csv(index=False).encode("utf-8-sig")


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
