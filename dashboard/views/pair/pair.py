"""Pair: one item, two languages, what the model reads in each and how the two compare."""

from functools import partial

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.languages import language
from ccta_core.reports.pair.verdict import both_sides
from ccta_core.result import PairResult
from dashboard import resources
from dashboard.jobs import Job
from dashboard.session import Session, back_button
from dashboard.views.learn.own import learn_query
from dashboard.views.pair import controls, finding, study_items
from dashboard.views.pair.compare import compared_view, shared_scale
from dashboard.views.pair.controls import drawing
from dashboard.views.pair.details import details
from dashboard.views.pair.gold import Gold, gold_of, judge
from dashboard.views.pair.history import current_view, history_buttons
from dashboard.views.pair.job import find, progress
from dashboard.views.pair.presenting import is_presented, present_button, presenter_row
from dashboard.views.pair.share import downloads, share
from dashboard.views.pair.skeleton import skeleton
from dashboard.views.pair.strip import edit_word, edited_pair, strip
from dashboard.views.pair.view import DEFAULTS, OWN, Options, PairRequest, PairView
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.pair_picture import PictureStyle, pair_picture
from dashboard.widgets.selection import show_selection

# Session key of the texts of one's own that were last measured, and their two languages.
_SENT = "pair_sent"
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
    session = Session("pair")
    if is_presented(session):
        _present(session)
        return
    back_button("pair")
    raw = session.raw()
    both = both_sides(*(raw.get(side, DEFAULTS[side]) for side in ("src", "tgt")))
    with st.container(key="pair_head", horizontal=True, vertical_alignment="center"):
        st.html(f"<h1 class='ccta-title'>Does the model read {both} the same way?</h1>")
        tools = st.container(horizontal=True, width="content", key="pair_tools")
    options, lacking = study_items.with_study(resources.options(), raw)
    if not options.models:
        notices.advice("No model with a task head is here. Run ccta doctor to see what is missing.")
        return
    lacking = [*lacking, *resources.changed_model_notices(raw)]
    view = current_view(session, options, lacking)
    info = options.models[view.model]
    controls.drawer(view)
    with st.container(key="pair_controls", horizontal=True, vertical_alignment="bottom"):
        controls.choosers(session, view, options)
    with tools:
        history_buttons()
        controls.settings_menu(session, info, view.settings)
    for text in session.problems:
        notices.advice(text)
    if view.study:
        show_selection(session, view.study)
    if view.item == OWN:
        if not view.original:  # edited texts stand in the picture, the form under it
            controls.own_texts(session, (view.src, view.tgt), info.task)
        request = _read_own(view, options, sent=controls.texts_sent(session))
    else:
        request = _read_request(view, options)
    result, job = find(request) if request else (None, None)
    with tools:
        share(view, request)
        downloads(view, result)
        present_button(session)
        _learn_button(session, request)
    if request is not None:
        _show(session, view, options, request, (result, job))
    text_blocks.model_card(info)
    resources.warm(info)


def _learn_button(session: Session, request: PairRequest | None) -> None:
    """The way to Learn with this pair, where Learn can show it."""
    query = learn_query(request) if request is not None else None
    if query is not None:
        label, icon = "Learn with this pair", ":material/school:"
        if st.button(label, key=session.widget("learn"), type="tertiary", icon=icon):
            session.lead_to("learn", query)


def _present(session: Session) -> None:
    """The view in large type, and nothing to choose but the item beside it."""
    raw = session.raw()
    options, lacking = study_items.with_study(resources.options(), raw)
    if not options.models:
        return
    view = current_view(session, options, lacking)
    presenter_row(session, view, options)
    for text in session.problems:
        notices.advice(text)
    request = _read_request(view, options)
    result, job = find(request) if request else (None, None)
    if request is None:
        return
    so_far = result or (job.early if job is not None else None)
    finding.show_verdict(result)
    finding.axis(so_far)
    if result is None and job is not None:
        progress(job, shown=job.parts, page="pair")
    payload = so_far.payload() if so_far else None
    predicted = job.predicted if job is not None else None
    pair_picture(
        payload or skeleton(request, predicted),
        PictureStyle(view.settings),
        waiting=payload is None,
    )


def _read_own(view: PairView, options: Options, *, sent: bool) -> PairRequest | None:
    """What is asked for of texts of one's own, or None after saying what to do.

    Texts that were typed for two languages are not measured as others of which one was only just
    chosen: they are sent again for that.
    """
    if not any(text.strip() for text in view.texts):
        task = options.models[view.model].task
        notices.advice(f"{_TYPE} {_TEACH.get(task, '')}".strip())
        return None
    langs = (view.src, view.tgt)
    texts, typed_for = st.session_state.get(_SENT, (None, langs))
    if not sent and texts == view.texts and typed_for != langs:
        was, now = (
            " and ".join(language(code).name for code in both) for both in (typed_for, langs)
        )
        notices.advice(
            f"The texts were sent as {was}. Change them and press Compare to send them as {now}."
        )
        return None
    st.session_state[_SENT] = (view.texts, langs)
    return _read_request(view, options)


def _read_request(view: PairView, options: Options) -> PairRequest | None:
    """What is asked for, or None after saying what is wrong with it."""
    try:
        return view.request(options)
    except CctaError as error:
        notices.problem(f"{error}")
        return None


def _show(
    session: Session,
    view: PairView,
    options: Options,
    request: PairRequest,
    outcome: tuple[PairResult | None, Job | None],
) -> None:
    """Title, picture, verdict, numbers and details; the same places before and after."""
    result, job = outcome
    # What is known by now, and how much of it: read once, the job goes on.
    parts = job.parts if job is not None else 0
    early = job.early if job is not None and parts > 1 else None
    predicted = job.predicted if job is not None and parts else None
    gold = (
        Gold()
        if view.item == OWN
        else gold_of(options.example(view.model, view.item), view.src, view.tgt)
    )
    so_far = result or early  # without the unrelated sentences there is no verdict yet
    right = judge(so_far, gold) if so_far else None
    finding.show_verdict(result)
    with st.container(key="pair_numbers"):
        finding.numbers(so_far, waiting=result is None)
    with st.container(key="pair_finding"):
        if so_far is not None:
            finding.finding(so_far, right, gold)
        if result is None and job is not None:
            progress(job, shown=parts, page="pair")
    payload = so_far.payload() if so_far else None
    other = compared_view(view, options)
    edited = edited_pair(view, options, busy=result is None)
    scale = shared_scale(result, other.result) if other else None
    style = PictureStyle(view.settings, right, scale, edited.notes if edited else None)
    pair_picture(
        payload or skeleton(request, predicted),
        style,
        waiting=payload is None,
        on_edit=partial(edit_word, view, options, so_far) if so_far is not None else None,
    )
    if edited is not None:
        strip(session, view, options, edited, so_far or predicted)
    drawing(session, view.settings, payload)
    if result is not None:
        notices.remarks(result.notices)
        details(session, view, options, result, other)


page()
