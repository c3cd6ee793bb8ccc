"""The line that tells what is being done while a result is computed."""

from collections.abc import Callable
from html import escape
from typing import TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ccta_core.faithfulness.curves import CurvesOf, PairCurves
from ccta_core.faithfulness.curves import find_curves as find_stored_curves
from ccta_core.projection.places import Places, PlacesOf
from ccta_core.projection.places import find_places as find_stored_places
from ccta_core.result import PairResult
from ccta_core.zoo.lesson import Lesson, LessonOf
from ccta_core.zoo.lesson import find_lesson as find_stored_lesson
from dashboard import resources
from dashboard.jobs import Job, Request
from dashboard.session import settle, widget_key
from dashboard.views.pair.view import PairRequest
from dashboard.widgets import notices

Answer = TypeVar("Answer")
EVERY = 0.4
"""Seconds between two looks at a job."""
_STAGES = {
    "waiting": "Next in the queue",
    "loading": "Loading the model, which is needed once",
    "attributing": "Attributing both sentences",
    "unrelated": "Attributing unrelated sentences, for the chance level",
    "removing": "Reading both sentences with words removed",
    "placing": "Reading the words, and once for each model those of the demo corpus",
    "following": "Following both sentences from padding, then comparing them",
}


@st.fragment(run_every=EVERY)
def waiting(job: Job, slot: str, shown: int, page: str) -> None:
    """Asks how far the job is until there are more of its parts than `shown`, then shows the page
    anew; can be stopped.
    """
    settle(page)
    job.refresh(visitor())
    if job.done.is_set() or job.parts > shown:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}_waiting_{slot}"):
        st.html(f'<p class="ccta-finding" role="status">{escape(status(job))}</p>')
        if st.button("Stop", type="tertiary", key=widget_key(page, f"stop_{slot}")):
            resources.engine().leave(job, visitor())
            st.rerun()


def status(job: Job) -> str:
    """Its place in the queue, or its stage and how long that has taken."""
    place = resources.engine().queue_position(job)
    what = f"Place {place} in the queue" if place else _STAGES[job.stage]
    usual = resources.engine().last_duration(job.stage)
    last = f", the last one took {usual:.0f} s" if usual and not place else ""
    return f"{what} · {job.seconds:.0f} s{last}"


MAIN, SECOND, WALK, BEFORE = "main", "second", "walk", "before"
CURVES, PLACES, SENTENCES, LESSON = "curves", "places", "sentences", "lesson"
"""Places that wait for a result of their own."""


def find(request: PairRequest, slot: str = MAIN) -> tuple[PairResult | None, Job | None]:
    """The result if it is known, else the job that makes it."""
    return _find(request, slot, PairResult, lambda: resources.find_stored(request))


def find_curves(wanted: CurvesOf) -> tuple[PairCurves | None, Job | None]:
    """The deletion curves if they are known, else the job that makes them."""
    return _find(wanted, CURVES, PairCurves, lambda: find_stored_curves(wanted))


def find_places(wanted: PlacesOf, slot: str = PLACES) -> tuple[Places | None, Job | None]:
    """Where words lie if that is known, else the job that finds them."""
    return _find(wanted, slot, Places, lambda: find_stored_places(wanted))


def find_lesson(wanted: LessonOf) -> tuple[Lesson | None, Job | None]:
    """The lesson on a pair if it is known, else the job that makes it."""
    return _find(wanted, LESSON, Lesson, lambda: find_stored_lesson(wanted))


def _find(
    request: Request, slot: str, kind: type[Answer], stored: Callable[[], Answer | None]
) -> tuple[Answer | None, Job | None]:
    jobs = _jobs()
    job = jobs.get(slot)
    if job is not None and job.request != request:
        leave(slot)
        job = None
    computed = None if job is None else job.result
    result = computed if isinstance(computed, kind) else stored()
    if result is None and job is None:
        job = resources.engine().submit(request, visitor())
    jobs[slot] = job
    return result, None if result is not None else job


def leave(slot: str) -> None:
    """Takes this session off what it waits for in a place, if nothing else of it waits for that."""
    job = _jobs().pop(slot, None)
    if job is not None and all(other is not job for other in _jobs().values()):
        resources.engine().leave(job, visitor())


def progress(job: Job, slot: str = MAIN, *, page: str, shown: int = 2) -> None:
    """What a job is doing, or why it ended without a result and how to go on.

    `shown`: how many of the job's parts the page shows; all where it waits for the whole.
    `page` is the one that waits: its polls put its own widgets and address in order, no other's.
    """
    if not job.done.is_set() and not job.cancelled.is_set():
        waiting(job, slot, shown, page)
        return
    notices.problem(job.error or "Stopped before there was a result.")
    if st.button("Try again", key=widget_key(page, f"again_{slot}")):
        _jobs().pop(slot, None)
        st.rerun()


def visitor() -> str:
    """This session's name in the queue: Streamlit's, which tells when it has left."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def _jobs() -> dict[str, Job | None]:
    """What this session waits for, by place of the page."""
    return st.session_state.setdefault("pair_jobs", {})
