"""Handing in a parallel file: what was read of it, what was left out and where, and using it."""

import streamlit as st

from ccta_core.corpus.caps import CAPS, MOST_MEGABYTES
from ccta_core.corpus.items import by_line
from ccta_core.corpus.uploads import ENDINGS, UploadContents, by_reason, line_of, sample_file
from ccta_core.errors import CctaError
from ccta_core.text import count
from dashboard import resources
from dashboard.session import Session
from dashboard.views.studies.tables import left_out_table
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.wording import language_name

_FORM = (
    "One row for each item and language (columns id, lang, text, and where there is more text2, "
    "label, group, answer, tags), or one column for each language (en, es, …; en_2 for second "
    f"texts). UTF-8, at most {CAPS}."
)

_LINES = 20
"""Lines that are shown with why they are left out."""


def studies_upload(session: Session) -> None:
    """The folded part of the page that takes a file."""
    folded = st.expander("Hand in a file of your own", on_change="rerun", key=session.widget("own"))
    with folded:
        if not folded.open:
            return
        text_blocks.say(_FORM)
        st.download_button(
            "A sample file (CSV)",
            data=sample_file,
            file_name="sample.csv",
            mime="text/csv",
            key=session.widget("sample"),
            on_click="ignore",
            type="tertiary",
            icon=":material/download:",
        )
        upload = st.file_uploader(
            "Parallel text",
            type=[ending.removeprefix(".") for ending in ENDINGS],
            max_upload_size=MOST_MEGABYTES,
            key=session.widget("file"),
            label_visibility="collapsed",
        )
        if upload is not None:
            _receive_file(session, upload.name, upload.getvalue())


def _receive_file(session: Session, name: str, content: bytes) -> None:
    """Keeps the file and tells what is in it; a file that can't be read is not kept."""
    try:
        contents = resources.receive_upload(name, content)
    except CctaError as error:
        notices.problem(str(error))
        return
    _report_contents(session, contents)


def _report_contents(session: Session, checked: UploadContents) -> None:
    counts = ", ".join(f"{language_name(lang)} {n:,}" for lang, n in checked.items.items())
    in_languages = "both" if len(checked.items) == 2 else f"all {len(checked.items)}"
    text_blocks.verdict(
        f"{count(checked.shared, 'item')} in {in_languages} languages, "
        f"{count(len(checked.left_out), 'line')} left out."
    )
    labels = ", ".join(f"{label} {n:,}" for label, n in checked.labels.items())
    text_blocks.quiet(
        f"{checked.name}: {checked.task}; {counts}" + (f"; {labels}" if labels else "")
    )
    if checked.apart:
        notices.advice(checked.apart)
    if checked.left_out:
        rows = [(reason, f"{n:,}", places) for reason, n, places in checked.reasons()]
        text_blocks.table(["why it is left out", "how often", "lines"], rows)
        lines = by_line(checked.left_out)
        text_blocks.table(
            ["line", "why it is left out"],
            [(line_of(row.place), row.reason) for row in lines[:_LINES]],
        )
        if len(lines) > _LINES:
            text_blocks.quiet(
                f"And {count(len(lines) - _LINES, 'line')} more: the table to download has all."
            )
    if checked.repaired:
        rows = [(reason, f"{n:,}", places) for reason, n, places in by_reason(checked.repaired)]
        text_blocks.table(["what was put right", "how often", "lines"], rows)
    if checked.left_out or checked.repaired:
        frame = left_out_table([*checked.left_out, *checked.repaired])
        csv_button(frame, f"{checked.name}-left-out", key=session.widget("left_out"))
    if st.button("Use this file", key=session.widget("use")):
        query = {name: text for name, text in session.query.items() if name == "study"}
        st.query_params.from_dict({**query, "data": f"file:{checked.name}"})
        st.rerun()
