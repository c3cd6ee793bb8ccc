"""The three pictures of the page Learn that are acted on: small scripts, no network."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.assets import read_beside

_HTML = '<div class="learn-root"></div>'


def _picture(name: str) -> Callable[..., Any]:
    return st.components.v2.component(
        f"ccta_learn_{name}",
        html=_HTML,
        css=read_beside(__file__, "learn.css"),
        js=read_beside(__file__, "learn_base.js") + read_beside(__file__, f"learn_{name}.js"),
        isolate_styles=False,
    )


sum_picture = _picture("sum")
"""Step 1: words that are switched in and out of a sum."""
path_picture = _picture("path")
"""Step 2: the slider along the path; its state `alpha` is where it was let go."""
hand_picture = _picture("hand")
"""Step 6: a plan moved by hand; its state `plan` has the problem's key and the numbers."""
