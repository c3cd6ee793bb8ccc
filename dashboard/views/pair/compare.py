"""A second model or a second layer beside the first: its picture, and what changes."""

from dataclasses import dataclass, replace
from html import escape
from math import isnan
from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.measures import MEASURES, title
from ccta_core.reports.pair.marks import prediction_text
from ccta_core.result import PairResult
from ccta_core.text import NONE, number, percent, signed
from dashboard.fields import Field
from dashboard.jobs import Job
from dashboard.session import Session, widget_key
from dashboard.views.pair.gold import Judgement, gold_of, judge
from dashboard.views.pair.history import go
from dashboard.views.pair.job import SECOND, find, leave, progress
from dashboard.views.pair.skeleton import skeleton
from dashboard.views.pair.view import OWN, Options, PairRequest, PairView
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.pair_picture import PictureStyle, pair_picture, shared_top
from dashboard.widgets.wording import language_name, model_name

if TYPE_CHECKING:
    import pandas as pd

_MOST = 12
"""Words that are listed."""


@dataclass(frozen=True, slots=True)
class ComparedView:
    """The view that the first is compared with: its request, and its result or its job."""

    view: PairView
    request: PairRequest
    result: PairResult | None
    job: Job | None


def compared_view(view: PairView, options: Options) -> ComparedView | None:
    """The second view, if there is one. Raises CctaError where a typed text can't be read."""
    if not view.compares:
        leave(SECOND)
        return None
    request = view.second.request(options)
    return ComparedView(view.second, request, *find(request, SECOND))


def compare(
    session: Session,
    view: PairView,
    options: Options,
    result: PairResult,
    compared: ComparedView | None,
) -> None:
    """The choosers; under them the second picture, the numbers and the words that change."""
    _choosers(session, view, options)
    if compared is None:
        text_blocks.say(
            "Choose another model, another layer or both: the second picture stands here."
        )
        return
    with st.container(key="pair_second"):
        model = model_name(options.models[compared.view.model])
        text_blocks.heading(f"{model}, layer {compared.view.layer}")
        if compared.job is not None:
            progress(compared.job, SECOND, page="pair")
        second_result = compared.result
        judgements = _judge_second(view, options, second_result)
        style = PictureStyle(view.settings, judgements, shared_scale(result, second_result))
        payload = second_result.payload() if second_result else skeleton(compared.request)
        pair_picture(payload, style, key="pair_picture_second", waiting=second_result is None)
    if second_result is not None:
        _show_changes(view, options, (result, second_result))


def _choosers(session: Session, view: PairView, options: Options) -> None:
    models = [name for name in options.siblings(view.model) if name != view.model]
    layers = options.models[view.model2 or view.model].layers
    with st.container(key="pair_compare", horizontal=True, vertical_alignment="bottom"):
        session.selectbox(
            "Another model",
            Field("model2", None, limits=(models,)),
            index=None,
            placeholder="The same model",
            format_func=lambda name: model_name(options.models[name]),
            width=320,
        )
        session.selectbox(
            "Another layer",
            Field("layer2", None, limits=(layers,)),
            index=None,
            placeholder="The same layer",
            width=180,
        )
        if view.compares:
            st.button(
                "Make this the first",
                on_click=go,
                args=(_swap_views(view),),
                key=widget_key("pair", "exchange"),
                type="tertiary",
            )


def _show_changes(view: PairView, options: Options, results: tuple[PairResult, PairResult]) -> None:
    from dashboard.views.pair.tables import differences, mass_changes

    names = [_differing_part(each, view, options) for each in (view, view.second)]
    measures, words = differences(*results), mass_changes(*results)
    text_blocks.say(_change_sentence(results, names))
    rows = [
        (
            title(row.measure),
            MEASURES[row.measure].write(_none_if_nan(row.first)),
            MEASURES[row.measure].write(_none_if_nan(row.second)),
            signed(row.difference),
        )
        for row in measures.itertuples()
    ]
    text_blocks.table(["", *names, "difference"], [*_prediction_rows(results), *rows])
    csv_button(measures, f"compare-{view.item}", key=widget_key("pair", "compare_csv"))
    _word_changes(words, results[0], names)
    csv_button(words, f"compare-words-{view.item}", key=widget_key("pair", "words_csv"))


def _change_sentence(results: tuple[PairResult, PairResult], names: list[str]) -> str:
    """What changes, first of all; and whether the two explain the same class."""
    first, second = results
    change = second.ems - first.ems
    how = "the same" if abs(change) < 0.005 else ("higher" if change > 0 else "lower")
    by = "" if how == "the same" else f" by {number(abs(change))}"
    text = f"EMS is {how}{by} with {names[1]} ({number(second.ems)}, not {number(first.ems)})."
    if how == "the same":
        text = f"EMS is the same with {names[1]} ({number(second.ems)})."
    if first.target_class != second.target_class:
        text += (
            f" The two explain different classes, {first.target_class} and {second.target_class}: "
            "set Explain in the options to compare one."
        )
    return text


def _prediction_rows(results: tuple[PairResult, PairResult]) -> list[tuple[str, str, str, str]]:
    """What either model says of each side, and whether that is the same."""
    rows = []
    for side in ("source", "target"):
        first, second = (getattr(result, side) for result in results)
        before, after = (prediction_text(each, show=number) for each in (first, second))
        same = "the same" if first.predicted == second.predicted else "another"
        if first.predicted is None or second.predicted is None:  # scores: nothing to be the same
            same = NONE
        rows.append((f"prediction, {language_name(first.lang)}", before, after, same))
    return rows


def _word_changes(words: "pd.DataFrame", first: PairResult, names: list[str]) -> None:
    from dashboard.views.pair.tables import moved_mass

    langs = {side: getattr(first, side).lang for side in ("source", "target")}
    moved = [
        f"{percent(moved_mass(words, side))} in {language_name(langs[side])}" for side in langs
    ]
    text_blocks.say(
        f"Mass that lies on other words now: {' and '.join(moved)}. Words that change most:"
    )
    rows = [
        (
            f'<bdi lang="{escape(langs[row.side])}">{escape(row.word)}</bdi>',
            escape(language_name(langs[row.side])),
            percent(row.first, 1),
            percent(row.second, 1),
            signed(100 * row.change, 1),
        )
        for row in words.head(_MOST).itertuples()
    ]
    text_blocks.table(["word", "language", *names, "change in points"], rows, html=True)


def _judge_second(
    view: PairView, options: Options, result: PairResult | None
) -> tuple[Judgement, Judgement] | None:
    if result is None or view.item == OWN:
        return None
    example = options.example(view.model, view.item)
    return judge(result, gold_of(example, view.src, view.tgt))


def shared_scale(first: PairResult | None, second: PairResult | None) -> dict[str, float]:
    """The top of the scale that both pictures share; known results only."""
    return shared_top([result.payload() for result in (first, second) if result is not None])


def _differing_part(view: PairView, other: PairView, options: Options) -> str:
    """What tells a view from the one it is compared with."""
    parts = []
    if other.model2:
        parts.append(options.models[view.model].id.split("/")[-1])
    if other.layer2 is not None or not parts:
        parts.append(f"layer {view.layer}")
    return ", ".join(parts)


def _swap_views(view: PairView) -> PairView:
    """The second view first, compared with the first."""
    return replace(
        view.second,
        model2=view.model if view.model2 else "",
        layer2=None if view.layer2 is None else view.layer,
    )


def _none_if_nan(value: float) -> float | None:
    return None if isnan(value) else value
