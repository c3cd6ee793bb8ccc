"""Studies: what is measured already or just now, and starting what is not."""

import streamlit as st

from ccta_core.quotas import disk_uses
from ccta_core.text import size
from dashboard import resources
from dashboard.fields import one_of
from dashboard.session import Session
from dashboard.views.studies.actions import actions
from dashboard.views.studies.form import studies_form
from dashboard.views.studies.listing import studies_list
from dashboard.views.studies.upload import studies_upload
from dashboard.widgets import notices, text_blocks


def page() -> None:
    """The whole page."""
    text_blocks.title("What has been measured, and what would more cost?")
    session = Session("studies")
    states = {state.name: state for state in resources.study_states()}
    if states:
        studies_list(session, list(states.values()))
        busy = next((name for name, state in states.items() if state.busy), next(iter(states)))
        name = session.selectbox("Study", one_of("study", states, busy), width=420)
        actions(session, states[name])
    else:
        notices.advice("No study is here yet. Fill in the form below and start one.")
    if not notices.only_looking("studies are started and no files handed in"):
        # Open where there is nothing else to look at, and once the address fills it in.
        filled = not states or bool(set(st.query_params) - {"study"})
        asked = st.session_state.setdefault(session.widget("asked"), False) or filled
        st.session_state[session.widget("asked")] = asked
        with st.expander("New study", expanded=asked, key=session.widget("new")):
            studies_form(session, list(states))
        studies_upload(session)
        _disk_use()
    for text in session.problems:
        notices.advice(text)
    session.keep()


def _disk_use() -> None:
    """What the person takes of what they may keep, where that is limited."""
    uses = disk_uses()
    if uses:
        text_blocks.heading("Your room here")
        rows = [(use.title, size(use.used), size(use.allowed)) for use in uses]
        text_blocks.table(("Kept for you", "Used", "Of"), rows)


page()
