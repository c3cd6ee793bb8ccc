"""The studies here and what each is doing, asked anew every few seconds while one is at work."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from ccta_core.study.run.status import StudyStatus
from dashboard import resources
from dashboard.views.studies.tables import about, state_line, summary
from dashboard.widgets import text_blocks

_EVERY = 2.0


def studies_list(found: Sequence[StudyStatus]) -> None:
    """The list; while a study is at work it is read again and again, and the page when one ends."""
    if any(state.busy for state in found):
        _watching({state.name: state.kind for state in found})
    else:
        _show(found)


@st.fragment(run_every=_EVERY)
def _watching(before: dict[str, str]) -> None:
    found = resources.study_states()
    if {state.name: state.kind for state in found} != before:
        st.rerun()
    _show(found)


def _show(found: Sequence[StudyStatus]) -> None:
    text_blocks.say(summary(found))
    rows = "".join(_row(state) for state in sorted(found, key=lambda state: not state.busy))
    st.html(f'<ul class="ccta-studies" tabindex="0" aria-label="Studies">{rows}</ul>')


def _row(state: StudyStatus) -> str:
    share = state.done / state.total if state.total else 0.0
    bar = f'<span class="ccta-share" style="--v:{share:.3f}"></span>' if state.busy else ""
    return (
        f'<li data-state="{state.kind}"><b>{escape(state.name)}</b>'
        f"<span>{bar}{escape(state_line(state))}</span><small>{escape(about(state))}</small></li>"
    )
