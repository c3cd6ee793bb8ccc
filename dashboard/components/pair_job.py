"""A result for a place on the page: known, or on its way through the queue."""

import streamlit as st

from ccta_core.result import PairResult
from dashboard import resources, state
from dashboard.choice import Request
from dashboard.components import notice
from dashboard.components.waiting import waiting
from dashboard.engine import Job

MAIN, SECOND, WALK = "main", "second", "walk"
"""Places that wait for a result of their own."""


def find(request: Request, slot: str = MAIN) -> tuple[PairResult | None, Job | None]:
    """The result if it is known, else the job that makes it."""
    job: Job | None = state.job(slot)
    if job is not None and job.request != request:
        leave(slot)
        job = None
    result = job.result if job is not None and job.result else resources.stored(request)
    if result is None and job is None:
        job = resources.engine().submit(request, state.me())
    state.set_job(slot, job)
    return result, None if result else job


def leave(slot: str) -> None:
    """Takes this session off what it waits for in a place, if nothing else of it waits for that."""
    job: Job | None = state.job(slot)
    state.set_job(slot, None)
    if job is not None and all(state.job(other) is not job for other in (MAIN, SECOND, WALK)):
        resources.engine().leave(job, state.me())


def progress(job: Job, slot: str = MAIN) -> None:
    """What a job is doing, or why it ended without a result and how to go on."""
    if not job.done.is_set() and not job.cancelled.is_set():
        waiting(job, slot)
        return
    notice.problem(job.error or "Stopped before there was a result.")
    if st.button("Try again", key=state.widget(f"again_{slot}")):
        state.set_job(slot, None)
        st.rerun()
