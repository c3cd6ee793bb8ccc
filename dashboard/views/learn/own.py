"""A pair of one's own on the page Learn: typed here or brought from Pair, measured in the queue."""

from collections.abc import Mapping

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.languages import LANGUAGES, language
from ccta_core.models.catalog import CLASSES, ModelInfo
from ccta_core.zoo.lesson import Lesson, LessonOf
from dashboard import resources
from dashboard.engine import Job
from dashboard.fields import Field, one_of
from dashboard.session import Session
from dashboard.views.pair.controls import own_texts
from dashboard.views.pair.job import LESSON, find_lesson, leave, progress
from dashboard.views.pair.view import DEFAULTS, OWN, TEXT_KEYS, Options, PairRequest, PairView
from dashboard.widgets import notices
from dashboard.widgets.wording import language_name, model_name

TASK = "nli"
"""Every step speaks of a premise and a hypothesis."""
_LAST_TYPED = "learn_own"
"""Session key of the pair that was left for the lesson's."""
_TYPE = "Type the same premise and hypothesis in two languages and press Show."


def read_own(session: Session) -> PairView:
    """The pair that widgets or address name, held in the address as Pair holds it."""
    langs = sorted(LANGUAGES, key=lambda code: language(code).name)
    model = session.value(one_of("model", _models(), DEFAULTS["model"]))
    src, tgt = (session.value(one_of(side, langs, DEFAULTS[side])) for side in ("src", "tgt"))
    texts = tuple(session.value(Field(name, "")) for name in TEXT_KEYS)
    view = PairView(model, OWN, src, tgt, 0, texts)
    if not view.fits_link:
        session.leave_out(TEXT_KEYS)
    return view


def find(own: PairView) -> tuple[Lesson | None, Job | None, str]:
    """The lesson on the pair, whole or as far as it is measured, with the job that measures it;
    else what to do.
    """
    if not any(text.strip() for text in own.texts):
        leave(LESSON)
        return None, None, _TYPE
    if own.src == own.tgt:
        leave(LESSON)
        return None, None, "Both texts are in one language: choose two different languages."
    models = _models()
    try:
        request = own.request(Options(models, {}, {}))
    except CctaError as error:
        leave(LESSON)
        return None, None, f"{error}."
    lesson, job = find_lesson(LessonOf(models[own.model], request.source, request.target))
    so_far = job.lesson if job is not None else None
    return lesson or so_far, job, ""


def form(session: Session, own: PairView, *, folded: bool) -> None:
    """Both languages and the texts to type; `folded` where the pair is on the page already."""
    names = f"{language_name(own.src)} and {language_name(own.tgt)}"
    with st.expander(f"Your own sentences: {names}", expanded=not folded):
        with st.container(key="learn_own_row", horizontal=True, vertical_alignment="bottom"):
            session.selectbox("First language", "src", format_func=language_name, width=160)
            session.selectbox("Second language", "tgt", format_func=language_name, width=160)
            models = _models()
            session.selectbox(
                "Model", "model", format_func=lambda name: model_name(models[name]), width=300
            )
        own_texts(session, (own.src, own.tgt), TASK, button="Show")


def tell_progress(job: Job | None, lesson: Lesson | None, advice: str) -> None:
    """How far the measurement is, or what to do."""
    if advice:
        notices.advice(advice)
    if job is not None:
        progress(job, LESSON, shown=len(lesson.sentences) if lesson else 0, page="learn")


def switch(session: Session, own: PairView | None) -> None:
    """The button to sentences of one's own, or back to the lesson's."""
    if own is None:
        st.button(
            "Your own sentences",
            icon=":material/edit:",
            key=session.widget("to_own"),
            on_click=_to_own,
            args=(session,),
            type="tertiary",
        )
        return
    st.button(
        "Back to the lesson's sentence",
        icon=":material/arrow_back:",
        key=session.widget("to_lesson"),
        on_click=_to_lesson,
        args=(session, own),
        type="tertiary",
    )


def learn_query(request: PairRequest) -> dict[str, str] | None:
    """The address of Learn with the pair of a request; None where it shows no such pair."""
    source, target, info = request.source, request.target, request.model
    fits = info.task == TASK and info.outputs == CLASSES and source.lang != target.lang
    texts = (source.text, source.text2 or "", target.text, target.text2 or "")
    view = PairView(info.id, OWN, source.lang, target.lang, 0, texts)
    if not fits or not view.fits_link:
        return None
    named = {name: text for name, text in view.query().items() if name not in ("layer", "study")}
    return {name: text for name, text in named.items() if text != DEFAULTS.get(name)}


def _models() -> Mapping[str, ModelInfo]:
    return {
        name: info
        for name, info in resources.options().models.items()
        if info.task == TASK and info.outputs == CLASSES
    }


def _to_own(session: Session) -> None:
    session.put(item=OWN, **st.session_state.get(_LAST_TYPED, {}))


def _to_lesson(session: Session, own: PairView) -> None:
    leave(LESSON)
    names = ("model", "src", "tgt")
    st.session_state[_LAST_TYPED] = {name: getattr(own, name) for name in names} | dict(
        zip(TEXT_KEYS, own.texts, strict=True)
    )
    session.put(item="lesson")
