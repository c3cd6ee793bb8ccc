"""Handing in parallel text for a run: one table, or two files of lines; and deleting it again."""

from functools import partial

import streamlit as st

from ccta_core.adjustment.handed_in import HandedIn, forget_parallel, keep_parallel
from ccta_core.corpus.caps import CAPS, MOST_MEGABYTES
from ccta_core.corpus.uploads import uploads
from ccta_core.errors import CctaError
from ccta_core.text import count
from dashboard.session import Session
from dashboard.widgets import notices, text_blocks

_REPORT, _PROBLEM = "adjust_upload_report", "adjust_upload_problem"
_FORM = (
    "One table (csv, tsv, jsonl, parquet) with a column for each of the two languages, or two text "
    "files of which line i of one translates line i of the other, such as text.es and text.en. "
    f"UTF-8, each at most {CAPS}."
)


def upload(session: Session, lang: str, data: str) -> None:
    """Takes parallel text of a language, and offers to delete what is chosen if it is such a file.

    `data` is the widget's name of the form's choice of parallel text: what was handed in is chosen
    there.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="adjust_upload_row"):
        with st.popover("Hand in parallel text", icon=":material/upload:"):
            text_blocks.say(_FORM)
            st.file_uploader(
                "Parallel text of your own", accept_multiple_files=True,
                max_upload_size=MOST_MEGABYTES, key=session.widget("form_files"),
                on_change=_receive, args=(session, lang, data),
            )  # fmt: skip
        chosen = st.session_state.get(session.widget(data))
        if chosen in uploads():
            with st.popover("Delete this file", type="tertiary"):
                st.caption(f"{notices.plain(str(chosen))}: it would have to be handed in again.")
                if st.button("Delete it for good", key=session.widget("forget_file")):
                    st.session_state.pop(_REPORT, None)
                    notices.rerun_after(partial(forget_parallel, str(chosen)))
    if _PROBLEM in st.session_state:
        notices.problem(st.session_state[_PROBLEM])
    elif _REPORT in st.session_state:
        text_blocks.say(st.session_state[_REPORT])


def _receive(session: Session, lang: str, data: str) -> None:
    """Keeps what was handed in and chooses it (a callback): the form shows its cost next."""
    files = [
        HandedIn(file.name, file.getvalue())
        for file in st.session_state.get(session.widget("form_files")) or []
    ]
    for name in (_REPORT, _PROBLEM):
        st.session_state.pop(name, None)
    if not files:
        return
    if len(files) == 1 and not files[0].is_table:
        st.session_state[_REPORT] = f"{files[0].name} is one side; add the other one."
        return
    try:
        kept = keep_parallel(files, lang)
    except CctaError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    dropped = ", ".join(f"{number:,} {reason}" for reason, number in kept.dropped.items())
    st.session_state[_REPORT] = f"{kept.name}: {count(kept.pairs, 'sentence pair')}" + (
        f"; left out: {dropped}." if dropped else "."
    )
    st.session_state[session.widget(data)] = kept.name
