"""Steps 1 to 4: one sentence in one language."""

from collections.abc import Iterable

import streamlit as st

from ccta_core.languages import language
from ccta_core.text import number, percent
from ccta_core.zoo.lesson import Lesson, LessonSentence
from dashboard.views.learn import tables, wording
from dashboard.views.learn.charts import error_curve, pieces_html, waterfall
from dashboard.views.learn.frame import notice, path_picture, picture_data, side_note, sum_picture
from dashboard.views.learn.view import LearnView, set_alpha
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files, csv_button

_PATH_KEY = "learn_path"
_MASS_NAMES = {
    "abs": "all of it, without its sign",
    "positive": "evidence for the class",
    "negative": "evidence against it",
}


def attribution(view: LearnView, lesson: Lesson) -> None:
    """Step 1: the words as a heatmap, each in or out of the sum."""
    sentence = lesson.sentences[view.lang]
    notice(wording.of_sum(sentence, lesson.target_class))
    words = zip(sentence.words, sentence.segments, sentence.scores.tolist(), strict=True)
    sum_picture(
        key="learn_sum",
        data=picture_data(
            view,
            sentence.lang,
            words=[
                {"text": text, "segment": segment, "score": score} for text, segment, score in words
            ],
            texts=list(tables.TEXTS),
            difference=sentence.difference,
            goal="The upright line is the whole: "
            f"{number(sentence.f_input)} with the sentence minus "
            f"{number(sentence.f_baseline)} with padding.",
            **_text_direction(sentence),
        ),
    )
    csv_button(tables.words_table(sentence), f"learn-words-{sentence.lang}", key="learn_csv")


def path(view: LearnView, lesson: Lesson) -> None:
    """Step 2: the way from the baseline, a place on it and what happens there."""
    sentence = lesson.sentences[view.lang]
    path_points = sentence.path
    notice(wording.of_path(sentence))

    def moved() -> None:
        set_alpha(view.session, st.session_state[_PATH_KEY].get("alpha"))

    path_picture(
        key=_PATH_KEY,
        data=picture_data(
            view,
            sentence.lang,
            alpha=view.alpha,
            alphas=path_points.alphas.tolist(),
            probability=path_points.probability.tolist(),
            rates=path_points.rates[:, :-1].tolist(),
            so_far=path_points.so_far[:, :-1].tolist(),
            slopes=path_points.rates.sum(1).round(3).tolist(),
            totals=(path_points.values - path_points.values[0]).round(4).tolist(),
            words=list(sentence.words),
            label=lesson.target_class,
            **_text_direction(sentence),
        ),
        on_alpha_change=moved,
    )
    side_note(wording.of_padding(sentence, lesson.target_class))
    csv_button(tables.path_table(sentence), f"learn-path-{sentence.lang}", key="learn_csv")


def completeness(view: LearnView, lesson: Lesson) -> None:
    """Step 3: what the words add up to from a few points, and what is missed."""
    sentence = lesson.sentences[view.lang]
    estimate = tables.estimate_of(sentence, view.points)
    notice(wording.of_completeness(sentence, view.points))
    view.session.select_slider(
        "Points on the way", "points", width="stretch" if view.large else 420
    )
    sums, errors = tables.sum_table(sentence, estimate), tables.error_table(sentence)
    left, right = st.columns([3, 2])
    appearance = {"dark": text_blocks.dark(), "large": view.large}
    with left:
        figure = waterfall(sums, **appearance)
        text_blocks.chart(
            figure,
            key="learn_waterfall",
            alt="Waterfall in logits: " + _list_values(sums["name"], sums["value"]),
        )
        name = f"learn-sum-{sentence.lang}-{view.points}"
        chart_files(figure, sums, name, chart="learn_waterfall")
    with right:
        figure = error_curve(errors, points=view.points, **appearance)
        text_blocks.chart(
            figure,
            key="learn_errors",
            alt="Error in percent by number of points: "
            + _list_values(errors["points"], 100 * errors["error"]),
        )
        chart_files(figure, errors, f"learn-error-{sentence.lang}", chart="learn_errors")


def units(view: LearnView, lesson: Lesson) -> None:
    """Step 4: pieces, words, and the mass of each word."""
    sentence = lesson.sentences[view.lang]
    notice(wording.of_units(sentence, view.mass))
    view.session.segmented_control("Mass is", "mass", format_func=_MASS_NAMES.__getitem__)
    table = tables.pieces_table(sentence, view.mass)
    masses = tables.word_masses(sentence, view.mass)
    alt = "; ".join(
        f"{text}: {percent(float(share))}"
        for text, share in zip(sentence.words, masses, strict=True)
    )
    st.html(
        pieces_html(
            table,
            lang=sentence.lang,
            rtl=language(sentence.lang).rtl,
            alt=f"Mass of each word. {alt}.",
        )
    )
    side_note(wording.of_specials(sentence))
    csv_button(table, f"learn-units-{sentence.lang}-{view.mass}", key="learn_csv")


def _list_values(names: Iterable[object], values: Iterable[float]) -> str:
    """A chart in words: every name with its number."""
    pairs = zip(names, values, strict=True)
    return ", ".join(f"{name} {number(value)}" for name, value in pairs) + "."


def _text_direction(sentence: LessonSentence) -> dict[str, str]:
    return {"lang": sentence.lang, "dir": "rtl" if language(sentence.lang).rtl else "ltr"}
