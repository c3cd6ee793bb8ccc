"""Pair: one item, two languages, what the model reads in each and how the two compare."""

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.result import PairResult
from dashboard import resources, state
from dashboard.choice import OWN, Choice, Offer, Request
from dashboard.components import controls, notice, numbers
from dashboard.components.card import card
from dashboard.components.details import details
from dashboard.components.pair_picture import pair_picture
from dashboard.components.share import downloads, share
from dashboard.components.skeleton import skeleton
from dashboard.components.waiting import waiting
from dashboard.engine import Job

_TYPE = "Type the same text in two languages and press Compare."
_TEACH = {
    "nli": "A premise is enough; with a hypothesis on both sides the model says whether the one "
    "follows from the other.",
    "paraphrase": "With two sentences on both sides the model says whether they mean the same.",
    "qa": "A question and the context it is answered from, on both sides.",
    "ner": "One sentence on both sides: the model finds people, places and organisations.",
}


def page() -> None:
    """The whole page, top to bottom."""
    with st.container(key="pair_head", horizontal=True, vertical_alignment="center"):
        st.html("<h1 class='ccta-title'>Does the model read both languages the same way?</h1>")
        tools = st.container(horizontal=True, width="content", key="pair_tools")
    offer = resources.offer()
    if not offer.models:
        notice.advice("No model with a task head is here. Run ccta doctor to see what is missing.")
        return
    choice, problems = state.current(offer)
    controls.drawer(choice)
    with st.container(key="pair_controls", horizontal=True, vertical_alignment="bottom"):
        controls.choosers(choice, offer)
    with tools:
        controls.options(offer.models[choice.model])
    for text in problems:
        notice.advice(text)
    if choice.item == OWN:
        controls.own_texts(choice, offer.models[choice.model].task)
    request = _request(choice, offer)
    result, job = _find(request) if request else (None, None)
    with tools:
        share(choice, request)
        downloads(choice, result)
    if request is not None:
        _show(request, result, job)
    card(offer.models[choice.model])
    resources.warm(offer.models[choice.model])


def _request(choice: Choice, offer: Offer) -> Request | None:
    """What is asked for, or None after saying what is wrong with it."""
    info = offer.models[choice.model]
    if choice.item == OWN and not any(text.strip() for text in choice.texts):
        notice.advice(f"{_TYPE} {_TEACH.get(info.task, '')}".strip())
        return None
    try:
        source, target = choice.sentences(offer)
        return Request(info, source, target, state.settings(choice.layer, info.labels))
    except CctaError as error:
        notice.problem(f"{error}")
        return None


def _find(request: Request) -> tuple[PairResult | None, Job | None]:
    """The result if it is known, else the job that makes it."""
    job: Job | None = state.job()
    if job is not None and job.request != request:
        resources.engine().leave(job, state.me())
        job = None
    result = job.result if job is not None and job.result else resources.stored(request)
    if result is None and job is None:
        job = resources.engine().submit(request, state.me())
    state.set_job(job)
    return result, None if result else job


def _show(request: Request, result: PairResult | None, job: Job | None) -> None:
    """Title, picture, verdict, numbers and details; the same places before and after."""
    with st.container(key="pair_finding"):
        if result is not None:
            numbers.finding(result)
        elif job is not None:
            _state_of(job)
    if result is not None:
        pair_picture(result.payload())
    else:
        pair_picture(skeleton(request), waiting=True)
    numbers.verdict(result)
    numbers.numbers(result)
    if result is not None:
        notice.remarks(result.notices)
        details(result)


def _state_of(job: Job) -> None:
    """What a job is doing, or why it ended without a result and how to go on."""
    if not job.done.is_set() and not job.cancelled.is_set():
        waiting(job)
        return
    notice.problem(job.error or "Stopped before there was a result.")
    if st.button("Try again", key=state.widget("again")):
        state.set_job(None)
        st.rerun()


page()
