"""What every step of the page Learn has: its question, the list of steps, what to notice.

The three pictures that are acted on are small scripts; nothing is fetched over the network.
"""

from collections.abc import Callable
from html import escape
from typing import Any

import streamlit as st

from ccta_core.zoo.lesson import Lesson
from dashboard.theme import read_beside
from dashboard.views.learn import own
from dashboard.views.learn.steps import STEPS, Step
from dashboard.views.learn.view import LearnView, follow_language
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.terms import terms_of
from dashboard.widgets.wording import language_name

_LAST = len(STEPS)


def head(view: LearnView, step: Step, lesson: Lesson | None) -> None:
    """Question, previous and next (also PageUp and PageDown), steps, language, whose sentence,
    large type; then what the step is about. `lesson` is None while there is none.
    """
    with st.container(key="learn_head", horizontal=True, vertical_alignment="center"):
        text_blocks.title(step.question)
        _turn_buttons(view)
    with st.container(key="learn_steps", horizontal=True, vertical_alignment="bottom"):
        view.session.segmented_control(
            "Step",
            "step",
            format_func=lambda step: f"{step} {STEPS[int(step) - 1].name}",
            label_visibility="collapsed",
        )
        _language_chooser(view, step)
        if view.own is not None or not view.large:
            own.switch(view.session, view.own)
        view.session.toggle("Large type", "present")
    _top(key="learn_top", data={"step": view.step})
    for text in view.session.problems:
        notices.advice(text)
    if not view.large:
        text_blocks.say(_told(view, step, lesson)[0])


def _told(view: LearnView, step: Step, lesson: Lesson | None) -> tuple[str, str]:
    label = lesson.target_class if lesson else "the one that it predicts"
    return step.told(language_name(view.pivot), label)


def notice(html: str) -> None:
    """What to notice: the finding above the picture. `html` is made by `learn.wording`."""
    _line("Notice", html)


def side_note(html: str) -> None:
    """What else a reader may want to know, under the picture; HTML likewise."""
    st.html(f'<p class="learn-say is-quiet">{html}</p>')


def tail(view: LearnView, step: Step, lesson: Lesson) -> None:
    """What to try, and where the lesson's numbers come from, where these are the lesson's.

    In large type the picture comes first, and what it is about follows here.
    """
    text, exercise = _told(view, step, lesson)
    _line("Try", escape(exercise))
    if view.large:
        text_blocks.say(text)
    else:
        for term in terms_of(step.name):
            _line(escape(term.name), escape(term.sentence))
    if not step.of_lesson:
        return
    notices.remarks(lesson.notices)
    once, nothing = ("Measured", "") if view.own else ("Measured once", " No model is loaded.")
    text_blocks.quiet(
        f"{once} with {lesson.model} (revision {lesson.revision[:12]}), at the embeddings, "
        f"class {lesson.target_class}; distances at layer {lesson.align_layer}.{nothing}"
    )


def _picture(name: str) -> Callable[..., Any]:
    """A component of Streamlit: the scripts learn_base.js and learn_NAME.js."""
    return st.components.v2.component(
        f"ccta_learn_{name}",
        html='<div class="learn-root"></div>',
        css=read_beside(__file__, "learn.css"),
        js=read_beside(__file__, "learn_base.js") + read_beside(__file__, f"learn_{name}.js"),
        isolate_styles=False,
    )


sum_picture = _picture("sum")
"""Step 1: words that are switched in and out of a sum."""
path_picture = _picture("path")
"""Step 2: the slider along the path; its state `alpha` is where it was let go."""
hand_picture = _picture("hand")
"""Step 6: a plan moved by hand; its state `plan` has the problem's key and the numbers."""


_top = st.components.v2.component(
    "ccta_learn_top",
    html="<span hidden></span>",
    js=read_beside(__file__, "learn_top.js"),
    isolate_styles=False,
)


def picture_data(view: LearnView, which: str, /, **values: Any) -> dict[str, Any]:
    """What a picture is given; it is drawn anew whenever `key` is another."""
    size = "large" if view.large else "usual"
    return {"key": f"{which}{view.mark}-{size}", "large": view.large, **values}


def _turn_buttons(view: LearnView) -> None:
    for label, to, key in (
        ("Previous", view.step - 1, "PageUp"),
        ("Next", view.step + 1, "PageDown"),
    ):
        exists = 1 <= to <= _LAST
        st.button(
            label,
            key=view.session.widget(label.lower()),
            on_click=view.session.put,
            kwargs={"step": str(to)},
            disabled=not exists,
            shortcut=key,
            type="primary" if label == "Next" and exists else "secondary",
        )


def _language_chooser(view: LearnView, step: Step) -> None:
    if step is STEPS[-1]:
        return
    if step.pair:
        view.session.selectbox(
            f"{language_name(view.pivot)} with",
            "with",
            view.partners,
            format_func=lambda code: "itself" if code == view.pivot else language_name(code),
            width=150,
        )
    else:
        view.session.selectbox(
            "Sentence in",
            "lang",
            view.langs,
            format_func=language_name,
            on_change=follow_language,
            args=(view.session, view.langs),
            width=150,
        )


def _line(name: str, html: str) -> None:
    st.html(f'<p class="learn-say"><b>{name}</b> {html}</p>')
