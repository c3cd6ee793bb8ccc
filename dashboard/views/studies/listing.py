"""The studies here and what each is doing, asked anew every few seconds while one is at work."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from ccta_core.study.run.status import StudyStatus
from dashboard import resources
from dashboard.views.studies.tables import about, state_line, summary
from dashboard.widgets import text_blocks

_EVERY = 2.0


def studies_list(states: Sequence[StudyStatus]) -> None:
    """The list; while a study is at work it is read again and again, and the page when one ends."""
    if any(state.busy for state in states):
        _poll_studies({state.name: state.kind for state in states})
    else:
        _show(states)


@st.fragment(run_every=_EVERY)
def _poll_studies(before: dict[str, str]) -> None:
    states = resources.study_states()
    if {state.name: state.kind for state in states} != before:
        st.rerun()
    _show(states)


def _show(states: Sequence[StudyStatus]) -> None:
    text_blocks.say(summary(states))
    rows = "".join(_row(state) for state in sorted(states, key=lambda state: not state.busy))
    st.html(f'<ul class="ccta-studies" tabindex="0" aria-label="Studies">{rows}</ul>')


def _row(state: StudyStatus) -> str:
    share = state.done / state.total if state.total else 0.0
    bar = f'<span class="ccta-share" style="--v:{share:.3f}"></span>' if state.busy else ""
    return (
        f'<li data-state="{state.kind}"><b>{escape(state.name)}</b>'
        f"<span>{bar}{escape(state_line(state))}</span><small>{escape(about(state))}</small></li>"
    )
