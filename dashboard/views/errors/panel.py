"""One comparison looked at closely: both texts, its numbers, its tags and note, the way to Pair."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.measures import MEASURES
from ccta_core.permissions import LOCAL, person
from ccta_core.store import notes
from ccta_core.store.notes import LONGEST_NOTE, Remark
from ccta_core.text import NONE
from ccta_core.types import ParallelExample
from dashboard.session import Session
from dashboard.views.errors import tables
from dashboard.views.errors.charts import figure, prediction, texts
from dashboard.views.errors.filters import CONTROLS, label
from dashboard.views.errors.state import State
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.navigation import open_pair
from dashboard.widgets.wording import language_name

if TYPE_CHECKING:
    import pandas as pd

_LEFT_OUT = ("gain", "marginal_error")
"""Shown above, or of no use here."""


def panel(session: Session, state: State, examples: Mapping[str, ParallelExample]) -> None:
    """The comparison of `state.row`; what to do where none is chosen or it is not there."""
    if state.row is None:
        text_blocks.quiet(
            "Choose a comparison in the list: its texts, numbers, tags and notes come here."
        )
        return
    comparison = tables.comparison(state.chosen.study, state.filters, *state.row)
    if not len(comparison):
        notices.advice("The comparison of the address is not in this study; choose one in the list")
        _close_button(session)
        return
    row = next(comparison.itertuples())
    _show_heading(session, state, row)
    _show_sides(row, examples.get(state.row[0]))
    _remark_editor(session, state)
    _show_numbers(comparison)


def _show_heading(session: Session, state: State, row: Any) -> None:
    gold = row.gold if isinstance(row.gold, str) else "marked in the text"
    names = f"{language_name(row.source_lang)} to {language_name(row.target_lang)}"
    st.html(
        f'<h2 class="ccta-heading">{escape(row.item)}</h2><p class="ccta-finding">'
        f"{escape(names)}, gold {escape(gold)}. EMS {figure(row.ems)}, gain "
        f"{figure(row.gain)}.</p>"
    )
    with st.container(horizontal=True):
        if st.button("Open in Pair", key=session.widget("open"), type="primary"):
            open_pair(session, state.chosen, row.item, (row.source_lang, row.target_lang))
        _close_button(session)


def _close_button(session: Session) -> None:
    st.button("Close", key=session.widget("close"), on_click=session.put, kwargs={"row": ""})


def _show_sides(row: Any, example: ParallelExample | None) -> None:
    parts = []
    for side in ("source", "target"):
        lang = getattr(row, f"{side}_lang")
        sentence = example.sentences.get(lang) if example else None
        parts.append(
            f'<div class="ccta-case-side"><div class="ccta-said">{escape(language_name(lang))}: '
            f"{prediction(row, side)}</div>{texts(sentence, whole=True)}</div>"
        )
    st.html(f'<div class="ccta-case-whole">{"".join(parts)}</div>')


def _show_numbers(comparison: "pd.DataFrame") -> None:
    row = comparison.iloc[0]
    names = [name for name in (*CONTROLS, "links") if name not in _LEFT_OUT]
    text_blocks.table(["control", "value"], ([label(name), _value(row[name])] for name in names))
    sides = {
        "words": "units",
        **{
            MEASURES[key].label: key
            for key in (
                "confidence",
                "probability",
                "mass_error",
                "completeness_error",
                "special_share",
            )
        },
    }
    heads = ["of each text", language_name(row["source_lang"]), language_name(row["target_lang"])]
    text_blocks.table(
        heads,
        (
            [heading, *(_value(row[f"{side}_{name}"]) for side in _BOTH)]
            for heading, name in sides.items()
        ),
    )


_BOTH = ("source", "target")


def _value(value: Any) -> str:
    if value is None or value != value:
        return NONE
    return str(int(value)) if float(value).is_integer() else figure(value)


def _remark_editor(session: Session, state: State) -> None:
    """Tags and a note, kept as soon as they are changed."""
    if notices.only_looking("tags and notes are kept"):
        return
    item = state.row[0] if state.row else ""
    remark = state.remarks.get(item, Remark())
    tags, note = session.widget(f"tags {item}"), session.widget(f"note {item}")
    failed = st.session_state.pop(session.widget("failed"), None)
    if failed:
        notices.problem(failed)
    st.session_state[tags], st.session_state[note] = list(remark.tags), remark.note
    st.multiselect(
        "Tags of the item",
        sorted({*state.offered.tags, *remark.tags}),
        key=tags,
        accept_new_options=True,
        placeholder="Choose or type a tag",
        on_change=_keep_tags,
        args=(session, state.chosen.study.name, item, remark.tags),
    )
    st.text_area(
        "Note on the item",
        key=note,
        max_chars=LONGEST_NOTE,
        on_change=_keep_note,
        args=(session, state.chosen.study.name, item),
    )
    where = "with this computer's cache" if person() == LOCAL else "for you alone"
    text_blocks.quiet(f"Kept {where}, for every model, layer and language of the study.")


def _keep_tags(session: Session, study: str, item: str, before: tuple[str, ...]) -> None:
    now = st.session_state[session.widget(f"tags {item}")]
    try:
        for tag in now:
            if tag not in before:
                notes.add_tag(study, item, tag)
        for tag in before:
            if tag not in now:
                notes.remove_tag(study, item, tag)
    except CctaError as error:
        st.session_state[session.widget("failed")] = str(error)


def _keep_note(session: Session, study: str, item: str) -> None:
    try:
        notes.set_note(study, item, st.session_state[session.widget(f"note {item}")] or "")
    except CctaError as error:
        st.session_state[session.widget("failed")] = str(error)
