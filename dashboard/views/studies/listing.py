"""The studies here and what each is doing, asked anew every few seconds while one is at work."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.study.run.status import StudyStatus
from dashboard import resources
from dashboard.session import Session
from dashboard.views.studies.actions import page_links
from dashboard.views.studies.tables import about, headline, headline_means, state_line, summary
from dashboard.widgets import text_blocks

_EVERY = 2.0


def studies_list(session: Session, states: Sequence[StudyStatus]) -> None:
    """The list; while a study is at work it is read again and again, and the page when one ends."""
    if any(state.busy for state in states):
        _poll_studies(session, {state.name: state.kind for state in states})
    else:
        _show(session, states)


@st.fragment(run_every=_EVERY)
def _poll_studies(session: Session, before: dict[str, str]) -> None:
    states = resources.study_states()
    if {state.name: state.kind for state in states} != before:
        st.rerun()
    _show(session, states)


def _show(session: Session, states: Sequence[StudyStatus]) -> None:
    """A study's name, state, finding and facts, then the pages that show it."""
    text_blocks.say(summary(states))
    with st.container(key="studies_list", gap="xxsmall"):
        for state in sorted(states, key=lambda state: not state.busy):
            st.html(f'<ul class="ccta-studies">{_row(state)}</ul>')
            with st.container(
                horizontal=True, vertical_alignment="center", key=f"studies_of {state.name}"
            ):
                page_links(state)
                st.button(
                    "Export, stop, delete",
                    key=session.widget(f"more {state.name}"),
                    type="tertiary",
                    on_click=session.put,
                    kwargs={"study": state.name},
                    help="Its actions stand below the list",
                )


def _row(state: StudyStatus) -> str:
    share = state.done / state.total if state.total else 0.0
    bar = f'<span class="ccta-share" style="--v:{share:.3f}"></span>' if state.busy else ""
    finding = f"<em>{escape(text)}</em>" if (text := _headline(state)) else ""
    return (
        f'<li data-state="{state.kind}"><b>{escape(state.name)}</b>'
        f"<span>{bar}{escape(state_line(state))}</span>{finding}"
        f"<small>{escape(about(state))}</small></li>"
    )


def _headline(state: StudyStatus) -> str:
    """What the study finds first; nothing before it has rows, or where they can't be read."""
    if not state.done:
        return ""
    try:
        study = resources.read_study(state.name)
        return headline(resources.computed(study, headline_means))
    except CctaError:
        return ""  # its own pages say why, and what to do
