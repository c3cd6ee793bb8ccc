"""The picture of a pair as a Streamlit component, around the engine's own script."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from ccta_core.report.page import pair_assets, writing
from dashboard import state

_LEAST, _DIGITS = 1e-6, 6
_ASSETS = Path(__file__).parents[1] / "assets"


def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


_CSS, _JS = pair_assets()
_component = st.components.v2.component(
    "ccta_pair_picture",
    html='<div class="ccta-root"></div>',
    css=_CSS + _read("picture.css"),
    js=_JS + _read("picture.js"),
    isolate_styles=False,
)


def pair_picture(payload: dict[str, Any], *, waiting: bool = False) -> None:
    """Draws a payload; `waiting` shows its words before there is anything to say about them.

    A pinned word is kept in the session. Everything typed reaches the page as text only.
    """
    found = _component(
        key="pair_picture",
        data={"payload": _compact(payload), "options": _options(payload), "waiting": waiting},
        on_pin_change=_ignore,
    )
    if found.pin is not None:
        index = found.pin.get("index")
        state.set_pin(None if index is None else (found.pin["side"], int(index)))


def _compact(payload: dict[str, Any]) -> dict[str, Any]:
    """What the picture needs: cosines where mass moves, digits that can be seen."""
    plan = np.array(payload["plan"])
    similarity = np.where(plan > _LEAST, payload["similarity"], 0.0)
    return payload | {
        "plan": np.round(plan, _DIGITS).tolist(),
        "similarity": np.round(similarity, _DIGITS).tolist(),
    }


def _options(payload: dict[str, Any]) -> dict[str, Any]:
    drawing = state.drawing()
    threshold = drawing["threshold"]
    return {
        "view": drawing["view"],
        "subwords": drawing["units"] == "subwords",
        "threshold": None if threshold == "auto" else float(threshold) / 100,
        "languages": {side: writing(payload[side]["lang"]) for side in ("source", "target")},
    }


def _ignore() -> None:
    """A trigger needs a callback; the value is read after the component was drawn."""
