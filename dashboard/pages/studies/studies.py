"""Studies: what is measured already or just now, and starting what is not."""


from dashboard import resources
from dashboard.fields import one_of
from dashboard.pages.studies.actions import actions
from dashboard.pages.studies.form import studies_form
from dashboard.pages.studies.listing import studies_list
from dashboard.pages.studies.upload import studies_upload
from dashboard.session import Session
from dashboard.widgets import notices, text_blocks


def page() -> None:
    """The whole page."""
    text_blocks.title("What has been measured, and what would more cost?")
    session = Session("studies")
    found = {state.name: state for state in resources.study_states()}
    if found:
        studies_list(list(found.values()))
        busy = next((name for name, state in found.items() if state.busy), next(iter(found)))
        name = session.selectbox("Study", one_of("study", found, busy), width=420)
        actions(session, found[name])
    else:
        notices.advice("No study is here yet. Fill in the form below and start one.")
    text_blocks.heading("Start a study")
    studies_form(session, list(found))
    studies_upload(session)
    for text in session.problems:
        notices.advice(text)
    session.keep()


page()
