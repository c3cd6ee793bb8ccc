"""Studies: what is measured already or just now, and starting what is not."""

import streamlit as st

from dashboard import resources
from dashboard.address import Address, one_of
from dashboard.pages.studies.actions import actions
from dashboard.pages.studies.form import studies_form
from dashboard.pages.studies.listing import studies_list
from dashboard.pages.studies.upload import studies_upload
from dashboard.widgets import notices, text_blocks


def page() -> None:
    """The whole page."""
    text_blocks.title("What has been measured, and what would more cost?")
    address = Address("studies")
    found = {state.name: state for state in resources.study_states()}
    if found:
        studies_list(list(found.values()))
        busy = next((name for name, state in found.items() if state.busy), next(iter(found)))
        name = address.value(one_of("study", found, busy))
        st.selectbox("Study", list(found), key=address.widget("study"), width=420)
        actions(address, found[name])
    else:
        notices.advice("No study is here yet. Fill in the form below and start one.")
    text_blocks.heading("Start a study")
    studies_form(address, list(found))
    studies_upload(address)
    for text in address.problems:
        notices.advice(text)
    address.keep()


page()
