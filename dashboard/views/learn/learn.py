"""Learn: integrated gradients and transport in ten steps on one sentence, without a model; or on
a pair of one's own, which the engine measures.
"""

from ccta_core.errors import CctaError
from ccta_core.zoo.lesson import Lesson
from dashboard import resources
from dashboard.session import Session, back_button
from dashboard.views.learn import alone, claims, couple, own, pulling
from dashboard.views.learn.frame import head, tail
from dashboard.views.learn.steps import STEPS
from dashboard.views.learn.view import LearnView, read_view
from dashboard.widgets import notices, text_blocks

PICTURES = (
    alone.attribution,
    alone.path,
    alone.completeness,
    alone.units,
    couple.space,
    couple.transport,
    couple.chance,
    pulling.pulled,
    pulling.placebo,
    claims.claims,
)  # in the order of STEPS
_OF_LESSON = (
    "This step stays with the lesson's sentence: adjusted models do not ship, so it can't be "
    "measured on yours."
)


def page() -> None:
    """The step the address names."""
    back_button("learn")
    session = Session("learn")
    view = read_view(session, len(STEPS))
    if view.own is not None and STEPS[view.step - 1].of_lesson:
        _show_own(view, view.own)
    else:
        _show_lesson(view)
    session.keep()


def _show_lesson(view: LearnView) -> None:
    step = STEPS[view.step - 1]
    try:
        lesson = resources.lesson()
    except CctaError as error:
        head(view, step, None)
        notices.problem(str(error))
        return
    head(view, step, lesson)
    if view.own is not None and PICTURES[view.step - 1] is not claims.claims:
        text_blocks.quiet(_OF_LESSON)
    PICTURES[view.step - 1](view, lesson)
    tail(view, step, lesson)


def _show_own(view: LearnView, pair: own.PairView) -> None:
    """The step on a pair of one's own: the form, how far it is, and what there is of it."""
    step = STEPS[view.step - 1]
    lesson, job, advice = own.find(pair)
    head(view, step, lesson)
    if lesson is None or not view.large:
        own.form(view.session, pair, folded=lesson is not None or job is not None)
    own.tell_progress(job, lesson, advice)
    if lesson is not None and _has_step(lesson, view):
        PICTURES[view.step - 1](view, lesson)
        tail(view, step, lesson)


def _has_step(lesson: Lesson, view: LearnView) -> bool:
    """Whether the step's part of the lesson is measured."""
    if STEPS[view.step - 1].pair:
        return view.partner in lesson.couples
    return view.lang in lesson.sentences


page()
