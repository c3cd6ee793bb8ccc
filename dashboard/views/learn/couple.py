"""Steps 5 to 7: the first language beside another."""

from typing import Any

import numpy as np
import streamlit as st

from ccta_core.languages import language
from ccta_core.text import number
from ccta_core.zoo.lesson import Lesson
from dashboard.plane import frame_of
from dashboard.views.learn import tables, wording
from dashboard.views.learn.charts import shuffles_histogram
from dashboard.views.learn.frame import hand_picture, notice, picture_data, side_note
from dashboard.views.learn.space_chart import cosine_matrix, plane
from dashboard.views.learn.tables import (
    HandPlan,
    TransportProblem,
    hand_table,
    problem_of,
    read_hand_plan,
)
from dashboard.views.learn.view import SPACES, LearnView
from dashboard.views.pair.settings import Settings
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files, csv_button
from dashboard.widgets.pair_picture import PictureStyle, pair_picture
from dashboard.widgets.wording import language_name

_SPACE_NAMES = {"raw": "raw", "centered": "centred for each language"}
_FLOW_NAMES = {"optimum": "the best plan", "hand": "your plan"}
_UNRELATED = " Unrelated: the mean over five other sentences."
_HAND_KEY = "learn_hand"
_PLANS = "learn_plans"
_MOST_SEED = 9999


def space(view: LearnView, lesson: Lesson) -> None:
    """Step 5: the words on a plane, and every cosine."""
    notice(wording.of_space(lesson, view.partner, view.space))
    view.session.segmented_control("Space", "space", format_func=_SPACE_NAMES.__getitem__)
    names, appearance = _names(view), {"dark": text_blocks.dark(), "large": view.large}
    planes = {name: tables.places_table(lesson, view.partner, name) for name in SPACES}
    places = planes[view.space]
    cosines = tables.similarity_table(lesson, view.partner, view.space)
    explained = lesson.couples[view.partner].spaces[view.space].explained
    left, right = st.columns([3, 2])
    with left:
        frame = frame_of(planes.values(), (float(explained[0]), float(explained[1])))
        alt = ", ".join(
            f"{row.word} {number(row.x)} {number(row.y)}" for row in places.itertuples()
        )
        figure = plane(places, frame, names=names, **appearance)
        text_blocks.chart(
            figure,
            key="learn_plane",
            alt=f"Words on two principal components: {alt}.",
        )
        name = f"learn-plane-{view.partner}-{view.space}"
        chart_files(figure, places, name, chart="learn_plane")
    with right:
        near = cosines.loc[cosines.groupby("source_position")["cosine"].idxmax()]
        alt = ", ".join(
            f"{row.source} to {row.target} {number(row.cosine)}" for row in near.itertuples()
        )
        figure = cosine_matrix(cosines, names=names, rtl=language(view.partner).rtl, **appearance)
        text_blocks.chart(
            figure,
            key="learn_cosines",
            alt=f"Cosine of every pair; the nearest of each English word: {alt}.",
        )
        name = f"learn-cosines-{view.partner}-{view.space}"
        chart_files(figure, cosines, name, chart="learn_cosines")
    side_note(wording.of_plane(lesson, view.partner, view.space))


def transport(view: LearnView, lesson: Lesson) -> None:
    """Step 6: a plan moved by hand, its score and the optimum."""
    problem, plans = problem_of(lesson, view.partner), st.session_state.setdefault(_PLANS, {})
    message, which = st.session_state.get(_HAND_KEY, {}).get("plan"), f"{view.partner}{view.mark}"
    if isinstance(message, dict) and str(message.get("key", "")).startswith(f"{which}-"):
        plans[which] = message.get("plan")
    hand_plan = read_hand_plan(problem, plans.get(which))
    notice(wording.of_hand(problem, hand_plan))
    if not view.large:  # on a projector the plan to be moved comes first
        _ribbons(view, lesson, problem, hand_plan)
    source, target = lesson.sentences[lesson.pivot], lesson.sentences[view.partner]
    hand_picture(
        key=_HAND_KEY,
        data=picture_data(
            view,
            view.partner,
            name=f"Plan from {language_name(view.pivot)} to {language_name(view.partner)} words",
            langs=[source.lang, target.lang],
            rtl=language(target.lang).rtl,
            source=_words(source.words, problem.source),
            target=_words(target.words, problem.target),
            similarity=problem.similarity.tolist(),
            optimum=problem.best.matrix.tolist(),
            plan=hand_plan.plan.tolist(),
        ),
        on_plan_change=_ignore,
    )
    if view.large:
        _ribbons(view, lesson, problem, hand_plan)
    table = hand_table(lesson, view.partner, hand_plan)
    csv_button(table, f"learn-plan-{view.partner}", key="learn_csv")


def _ribbons(
    view: LearnView, lesson: Lesson, problem: TransportProblem, hand_plan: HandPlan
) -> None:
    """A plan's flows as ribbons between the words of both sentences, drawn as Pair draws them."""
    view.session.segmented_control("Ribbons show", "flows", format_func=_FLOW_NAMES.__getitem__)
    plan = problem.best.matrix if view.flows == "optimum" else hand_plan.plan
    pair_picture(
        tables.ribbons_payload(lesson, view.partner, plan),
        PictureStyle(Settings(view="mass", ribbons=0.0)),
        key="learn_ribbons",
    )


def chance(view: LearnView, lesson: Lesson) -> None:
    """Step 7: EMS among the EMS of shuffled masses."""
    table = tables.shuffled_table(lesson, view.partner, view.shuffles, view.seed)
    values = table["ems"].to_numpy()
    references = tables.reference_table(lesson, view.partner)
    observed = float(references["value"][0])
    notice(wording.of_chance(observed, values))
    with st.container(key="learn_shuffles_row", horizontal=True, vertical_alignment="bottom"):
        view.session.segmented_control("Shuffles", "shuffles")
        st.button(
            "Shuffle again",
            key=view.session.widget("again"),
            on_click=view.session.put,
            kwargs={"seed": (view.seed + 1) % (_MOST_SEED + 1)},
        )
    against = ", ".join(f"{row.name} {number(row.value)}" for row in references.itertuples())
    figure = shuffles_histogram(values, references, dark=text_blocks.dark(), large=view.large)
    text_blocks.chart(
        figure,
        key="learn_chance",
        alt=f"Histogram of EMS over {view.shuffles} shuffles, "
        f"from {number(float(values.min()))} to {number(float(values.max()))}. {against}.",
    )
    side_note(
        f"{wording.of_permutations(lesson, view.partner, observed)} Mean of the "
        f"{view.shuffles} shuffles {number(float(values.mean()))}, the middle 95% from "
        f"{number(float(np.quantile(values, 0.025)))} to "
        f"{number(float(np.quantile(values, 0.975)))}."
        + (_UNRELATED if lesson.couples[view.partner].unrelated is not None else "")
    )
    name = f"learn-shuffles-{view.partner}-{view.seed}"
    chart_files(figure, table, name, chart="learn_chance")


def _names(view: LearnView) -> tuple[str, str]:
    first = language_name(view.pivot)
    return first, f"{first} again" if view.partner == view.pivot else language_name(view.partner)


def _words(words: tuple[str, ...], masses: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"text": text, "mass": share} for text, share in zip(words, masses.tolist(), strict=True)
    ]


def _ignore() -> None:
    """A state needs a callback; it is read when the page runs."""
