"""The line that tells what is being done while a result is computed."""

from html import escape

import streamlit as st

from dashboard import resources, state
from dashboard.engine import Job

EVERY = 0.4
"""Seconds between two looks at a job."""
_STAGES = {
    "waiting": "Next in the queue",
    "loading": "Loading the model, which is needed once",
    "attributing": "Attributing both sentences and their controls",
}


@st.fragment(run_every=EVERY)
def waiting(job: Job, slot: str) -> None:
    """Asks how far the job is until it is done, then shows the page anew; can be stopped."""
    job.seen_by(state.me())
    if job.done.is_set():
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key=f"pair_waiting_{slot}"):
        st.html(f'<p class="ccta-finding" role="status">{escape(status(job))}</p>')
        if st.button("Stop", type="tertiary", key=state.widget(f"stop_{slot}")):
            resources.engine().leave(job, state.me())
            st.rerun()


def status(job: Job) -> str:
    """Its place in the queue, or its stage and how long that has taken."""
    place = resources.engine().place(job)
    what = f"Place {place} in the queue" if place else _STAGES[job.stage]
    usual = resources.engine().usual(job.stage)
    last = f", the last pair took {usual:.0f} s" if usual and not place else ""
    return f"{what} · {job.seconds:.0f} s{last}"
