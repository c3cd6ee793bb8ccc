"""Studies: what is measured already or just now, and starting what is not."""

import streamlit as st

from dashboard import resources
from dashboard.address import Address, one_of
from dashboard.components import notice, say
from dashboard.components.studies_actions import actions
from dashboard.components.studies_form import studies_form
from dashboard.components.studies_list import studies_list
from dashboard.components.studies_upload import studies_upload


def page() -> None:
    """The whole page."""
    say.title("What has been measured, and what would more cost?")
    address = Address("studies")
    found = {state.name: state for state in resources.study_states()}
    if found:
        studies_list(list(found.values()))
        busy = next((name for name, state in found.items() if state.busy), next(iter(found)))
        name = address.value(one_of("study", found, busy))
        st.selectbox("Study", list(found), key=address.widget("study"), width=420)
        actions(address, found[name])
    else:
        notice.advice("No study is here yet. Fill in the form below and start one.")
    say.heading("Start a study")
    studies_form(address, list(found))
    studies_upload(address)
    for text in address.problems:
        notice.advice(text)
    address.keep()


page()
