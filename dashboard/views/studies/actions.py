"""What can be done with a study: look at it, take it along, stop it, go on, delete it."""

import os
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.permissions import for_this_person, may_change, read_only
from ccta_core.study.run import process
from ccta_core.study.run.progress import FINISHED
from ccta_core.study.run.status import StudyStatus
from ccta_core.text import size
from dashboard.session import Session
from dashboard.widgets import notices

_PAGES = (("languages", "Languages"), ("correlation", "Correlation"), ("errors", "Errors"))
_FILES = (
    ("csv", "Rows (CSV)", ".csv", "text/csv"),
    ("parquet", "Rows (Parquet)", ".parquet", "application/vnd.apache.parquet"),
    ("latex", "Means (LaTeX)", ".tex", "text/x-tex"),
    ("html", "Page (HTML, works offline)", ".html", "text/html"),
)


def actions(session: Session, state: StudyStatus) -> None:
    """Buttons for one study, and its log."""
    with st.container(horizontal=True, vertical_alignment="center", key="studies_actions"):
        if state.done:
            _export_menu(session, state)
        _run_buttons(session, state)
        _delete_menu(session, state)
    if state.shipped:
        notices.remarks([f"{state.name} ships with the product: it can't be changed or deleted."])
    _show_log(session, state)


def page_links(state: StudyStatus) -> None:
    """The pages that show a study, once it has rows."""
    for page, label in _PAGES if state.done else ():
        st.page_link(f"views/{page}/{page}.py", label=label, query_params={"study": state.name})


def exported(state: StudyStatus, form: str, ending: str) -> bytes:
    """The study as a file's content. Raises CctaError as `export_study`."""
    from ccta_core.reports.study.write import export_study
    from ccta_core.study.storage.table import open_study

    with TemporaryDirectory(prefix="ccta-export-") as folder:
        path = Path(folder) / f"{state.name}{ending}"
        return export_study(open_study(state.name), path, form).read_bytes()


def _export_menu(session: Session, state: StudyStatus) -> None:
    with st.popover("Export"):
        for form, label, ending, mime in _FILES:
            st.download_button(
                label,
                data=for_this_person(partial(exported, state, form, ending)),
                file_name=f"{state.name}{ending}",
                mime=mime,
                key=session.widget(f"export_{form}"),
                on_click="ignore",
                width="stretch",
            )
        if state.done < state.total:
            st.caption(f"{state.done} of {state.total} parts are measured so far.")


def _run_buttons(session: Session, state: StudyStatus) -> None:
    """Stop what is at work, go on with what is not finished."""
    if read_only() or not may_change(state.folder):
        return
    if state.busy:
        if st.button("Stop", key=session.widget("stop"), help="What is finished is kept"):
            notices.rerun_after(partial(_stop_study, state.name))
        return
    unfinished = state.manifest is not None and state.kind != FINISHED and not state.shipped
    if unfinished and st.button("Resume", key=session.widget("resume")):
        notices.rerun_after(partial(process.resume, state.name, os.cpu_count() or 1))


def _stop_study(name: str) -> None:
    if process.stop(name) == process.ASKED:
        raise CctaError(f"{name} was asked to stop and will, after what it has in hand")


def _delete_menu(session: Session, state: StudyStatus) -> None:
    if state.shipped or state.busy or read_only() or not may_change(state.folder):
        return
    with st.popover("Delete"):
        used = sum(path.stat().st_size for path in state.folder.rglob("*") if path.is_file())
        st.caption(f"{notices.plain(state.name)}: {size(used)} of rows, which only measuring again "
                   "brings back.")  # fmt: skip
        if st.button("Delete it for good", key=session.widget("delete"), type="primary"):
            notices.rerun_after(partial(process.delete, state.name))


def _show_log(session: Session, state: StudyStatus) -> None:
    folded = st.expander("Log", on_change="rerun", key=session.widget("log"))
    with folded:
        if folded.open:
            text = process.log_tail(state.name)
            st.code(text or "No log: it was not started on this page.", language=None)
