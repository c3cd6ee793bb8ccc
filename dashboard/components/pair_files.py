"""Two buttons that save the picture as it stands on the page: PNG and SVG, made in the browser."""

import streamlit as st

from dashboard.components.pair_picture import ASSETS

_HTML = """
<div class="ccta-files">
  <button type="button" data-kind="png">Picture (PNG)</button>
  <button type="button" data-kind="svg">Picture (SVG)</button>
</div>
"""
_component = st.components.v2.component(
    "ccta_pair_files",
    html=_HTML,
    css=(ASSETS / "files.css").read_text("utf-8"),
    js=(ASSETS / "files.js").read_text("utf-8"),
    isolate_styles=False,
)


def picture_files(name: str) -> None:
    """The buttons; the files are called NAME.png and NAME.svg."""
    _component(key="pair_files", data={"name": name})
