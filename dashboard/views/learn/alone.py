"""Steps 1 to 4: one sentence in one language."""

from collections.abc import Iterable

import streamlit as st

from ccta_core.languages import language
from ccta_core.text import number, percent
from ccta_core.zoo.lesson import Lesson, LessonSentence
from dashboard.views.learn import tables as tables
from dashboard.views.learn import wording as notices
from dashboard.views.learn.charts import error_curve, pieces_html, waterfall
from dashboard.views.learn.frame import beside, noticed, picture_data
from dashboard.views.learn.pictures import path_picture, sum_picture
from dashboard.views.learn.view import View, set_alpha
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files, csv_button

_PATH_KEY = "learn_path"
_MASS_NAMES = {
    "abs": "all of it, without its sign",
    "positive": "evidence for the class",
    "negative": "evidence against it",
}


def attribution(view: View, lesson: Lesson) -> None:
    """Step 1: the words as a heatmap, each in or out of the sum."""
    told = _told(view, lesson)
    noticed(notices.of_sum(told, lesson.target_class))
    words = zip(told.words, told.segments, told.scores.tolist(), strict=True)
    sum_picture(
        key="learn_sum",
        data=picture_data(
            view,
            told.lang,
            words=[{"text": text, "segment": at, "score": score} for text, at, score in words],
            texts=list(tables.TEXTS),
            difference=told.difference,
            goal=f"The black line is the whole: {number(told.f_input)} with the sentence minus "
            f"{number(told.f_baseline)} with padding.",
            **_writing(told),
        ),
    )
    csv_button(tables.words_table(told), f"learn-words-{told.lang}", key="learn_csv")


def path(view: View, lesson: Lesson) -> None:
    """Step 2: the way from the baseline, a place on it and what happens there."""
    told = _told(view, lesson)
    found = told.path
    noticed(notices.of_path(told))

    def moved() -> None:
        set_alpha(view.session, st.session_state[_PATH_KEY].get("alpha"))

    path_picture(
        key=_PATH_KEY,
        data=picture_data(
            view,
            told.lang,
            alpha=view.alpha,
            alphas=found.alphas.tolist(),
            probability=found.probability.tolist(),
            rates=found.rates[:, :-1].tolist(),
            so_far=found.so_far[:, :-1].tolist(),
            slopes=found.rates.sum(1).round(3).tolist(),
            totals=(found.values - found.values[0]).round(4).tolist(),
            words=list(told.words),
            label=lesson.target_class,
            **_writing(told),
        ),
        on_alpha_change=moved,
    )
    beside(notices.of_padding(told, lesson.target_class))
    csv_button(tables.path_table(told), f"learn-path-{told.lang}", key="learn_csv")


def completeness(view: View, lesson: Lesson) -> None:
    """Step 3: what the words add up to from a few points, and what is missed."""
    told = _told(view, lesson)
    estimate = tables.estimate_of(told, view.points)
    noticed(notices.of_completeness(told, view.points))
    view.session.select_slider(
        "Points on the way", "points", width="stretch" if view.large else 420
    )
    sums, errors = tables.sum_table(told, estimate), tables.error_table(told)
    left, right = st.columns([3, 2])
    look = {"dark": text_blocks.dark(), "large": view.large}
    with left:
        figure = waterfall(sums, **look)
        text_blocks.chart(
            figure,
            key="learn_waterfall",
            alt="Waterfall in logits: " + _listed(sums["name"], sums["value"]),
        )
        name = f"learn-sum-{told.lang}-{view.points}"
        chart_files(figure, sums, name, chart="learn_waterfall")
    with right:
        figure = error_curve(errors, points=view.points, **look)
        text_blocks.chart(
            figure,
            key="learn_errors",
            alt="Error in percent by number of points: "
            + _listed(errors["points"], 100 * errors["error"]),
        )
        chart_files(figure, errors, f"learn-error-{told.lang}", chart="learn_errors")


def units(view: View, lesson: Lesson) -> None:
    """Step 4: pieces, words, and the mass of each word."""
    told = _told(view, lesson)
    noticed(notices.of_units(told, view.mass))
    view.session.segmented_control("Mass is", "mass", format_func=_MASS_NAMES.__getitem__)
    table = tables.pieces_table(told, view.mass)
    masses = tables.word_masses(told, view.mass)
    alt = "; ".join(
        f"{text}: {percent(float(share))}" for text, share in zip(told.words, masses, strict=True)
    )
    st.html(
        pieces_html(
            table, lang=told.lang, rtl=language(told.lang).rtl, alt=f"Mass of each word. {alt}."
        )
    )
    beside(notices.of_specials(told))
    csv_button(table, f"learn-units-{told.lang}-{view.mass}", key="learn_csv")


def _listed(names: Iterable[object], values: Iterable[float]) -> str:
    """A chart in words: every name with its number."""
    pairs = zip(names, values, strict=True)
    return ", ".join(f"{name} {number(value)}" for name, value in pairs) + "."


def _told(view: View, lesson: Lesson) -> LessonSentence:
    return lesson.sentences[view.lang]


def _writing(told: LessonSentence) -> dict[str, str]:
    return {"lang": told.lang, "dir": "rtl" if language(told.lang).rtl else "ltr"}
