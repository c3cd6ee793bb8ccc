"""The picture of a pair as a Streamlit component, around the engine's own script."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from ccta_core.reports.pair.marks import marks
from ccta_core.reports.pair.page import pair_assets, writing
from dashboard.theme import read_beside
from dashboard.views.pair.gold import Judgement
from dashboard.views.pair.settings import Settings

_LEAST, _DIGITS = 1e-6, 6
PIN = "pair_pin"
"""Session key of the pinned word of the first picture: its side and index, or None."""
_SIDES = ("source", "target")
CSS, JS = pair_assets()
_component = st.components.v2.component(
    "ccta_pair_picture",
    html='<div class="ccta-root"></div>',
    css=CSS + read_beside(__file__, "picture.css"),
    js=JS + read_beside(__file__, "picture.js"),
    isolate_styles=False,
)


@dataclass(frozen=True, slots=True)
class PictureStyle:
    """How a picture is drawn: the settings, what is right of it, a scale it shares, and a note
    beside each side's prediction, where nothing is known to be right.
    """

    settings: Settings
    judged: tuple[Judgement, Judgement] | None = None
    top: Mapping[str, float] | None = None
    notes: tuple[str, str] | None = None


def pair_picture(
    payload: dict[str, Any],
    style: PictureStyle,
    *,
    key: str = "pair_picture",
    waiting: bool = False,
    on_edit: Callable[[Mapping[str, Any]], None] | None = None,
) -> None:
    """Draws a payload; `waiting` shows its words before there is anything to say about them.

    A pinned word of the first picture is kept in the session. With `on_edit` a word can be typed
    over: it is called with its `side` and `index`, the text it `was` and the `text` in its place.
    Everything typed reaches the page as text only.
    """

    def pass_on() -> None:
        edit = st.session_state[key].get("edit")
        if on_edit is not None and edit is not None:
            on_edit(edit)

    picture = _component(
        key=key,
        data={
            "payload": compact(payload),
            "options": drawing_options(payload, style),
            "waiting": waiting,
            "editable": on_edit is not None,
        },
        on_pin_change=_do_nothing,
        on_edit_change=pass_on,
    )
    if picture.pin is not None and key == "pair_picture":
        index = picture.pin.get("index")
        pinned = None if index is None else (picture.pin["side"], int(index))
        st.session_state[PIN] = pinned


def compact(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as the picture needs it: rounded flows where mass moves, instead of the plan."""
    plan = np.array(payload["plan"])
    flows: list[list[float]] = []
    if plan.size:
        cosines = np.array(payload["similarity"])
        flows = [
            [int(i), int(j), round(float(plan[i, j]), _DIGITS), round(float(cosines[i, j]), 4)]
            for i, j in np.argwhere(plan > _LEAST)
        ]
    return {**payload, "plan": [], "similarity": [], "provenance": {}, "flows": flows}


def drawing_options(payload: Mapping[str, Any], style: PictureStyle) -> dict[str, Any]:
    """The options that the drawing script gets beside the payload."""
    drawn = style.settings
    notes = style.notes if style.judged is None else tuple(side.text for side in style.judged)
    unit_marks = marks(payload)
    for side, judged in zip(_SIDES, style.judged or (), strict=False):
        if judged.tags:
            unit_marks[side]["tags"] = list(judged.tags)
    return {
        "view": drawn.view,
        "subwords": drawn.units == "subwords",
        "threshold": None if drawn.ribbons is None else drawn.ribbons / 100,
        "languages": {side: writing(payload[side]["lang"]) for side in _SIDES},
        "marks": unit_marks,
        "judged": dict(zip(_SIDES, notes or (), strict=False)),
        "top": dict(style.top or {}),
    }


def shared_top(payloads: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The top of one scale for several pictures: of the signed shares and of the masses."""
    sides = [payload[side] for payload in payloads for side in _SIDES]
    totals = [sum(map(abs, side["attribution"])) or 1.0 for side in sides]
    peaks = [max(map(abs, side["attribution"]), default=0.0) for side in sides]
    shares = [peak / total for peak, total in zip(peaks, totals, strict=True)]
    return {
        "signed": max(shares, default=0.0),
        "mass": max((max(side["mass"], default=0.0) for side in sides), default=0.0),
    }


def usual_ribbons(payload: Mapping[str, Any]) -> float:
    """What the script draws by default, in percent: the flows that carry 85% of the mass.

    At most 40 of them, and never less than those of 2% (see flows.js); rounded down to 0.1.
    """
    masses = sorted(
        (mass for row in payload["plan"] for mass in row if mass > _LEAST), reverse=True
    )
    if not masses:
        return 0.0
    enough = np.flatnonzero(np.cumsum(masses) >= 0.85)
    last = min(int(enough[0]) if enough.size else len(masses) - 1, 39)
    return float(np.floor(1000 * min(masses[last], 0.02)) / 10)


def _do_nothing() -> None:
    """A trigger needs a callback; the value is read after the component was drawn."""
