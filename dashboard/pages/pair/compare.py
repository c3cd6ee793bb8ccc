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
from dashboard import state
from dashboard.choice import OWN, Choice, Offer, Request
from dashboard.engine import Job
from dashboard.pages.pair.gold import Judged, gold_of, judged
from dashboard.pages.pair.job import SECOND, find, leave, progress
from dashboard.pages.pair.skeleton import skeleton
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.pair_picture import Look, pair_picture, shared_top
from dashboard.widgets.wording import language_name, model_name

if TYPE_CHECKING:
    import pandas as pd

_MOST = 12
"""Words that are listed."""


@dataclass(frozen=True, slots=True)
class Second:
    """What a view is compared with, known or on its way."""

    choice: Choice
    request: Request
    result: PairResult | None
    job: Job | None


def second(choice: Choice, offer: Offer) -> Second | None:
    """The second view, if there is one. Raises CctaError where a typed text can't be read."""
    if not choice.compares:
        leave(SECOND)
        return None
    request = choice.second.request(offer)
    return Second(choice.second, request, *find(request, SECOND))


def compare(choice: Choice, offer: Offer, result: PairResult, other: Second | None) -> None:
    """The choosers; under them the second picture, the numbers and the words that change."""
    _choosers(choice, offer)
    if other is None:
        text_blocks.say(
            "Choose another model, another layer or both: the second picture stands here."
        )
        return
    with st.container(key="pair_second"):
        text_blocks.heading(_named(other.choice, offer))
        if other.job is not None:
            progress(other.job, SECOND)
        known = other.result
        look = Look(choice.settings, _judged(choice, offer, known), top(result, known))
        payload = known.payload() if known else skeleton(other.request)
        pair_picture(payload, look, key="pair_picture_second", waiting=known is None)
    if known is not None:
        _changes(choice, offer, (result, known))


def _choosers(choice: Choice, offer: Offer) -> None:
    models = [name for name in offer.siblings(choice.model) if name != choice.model]
    layers = offer.models[choice.model2 or choice.model].layers
    with st.container(key="pair_compare", horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Another model",
            models,
            index=None,
            placeholder="The same model",
            format_func=lambda name: model_name(offer.models[name]),
            key=state.widget("model2"),
            width=320,
        )
        st.selectbox(
            "Another layer",
            layers,
            index=None,
            placeholder="The same layer",
            key=state.widget("layer2"),
            width=180,
        )
        if choice.compares:
            st.button(
                "Make this the first",
                on_click=state.go,
                args=(_exchanged(choice),),
                key=state.widget("exchange"),
                type="tertiary",
            )


def _changes(choice: Choice, offer: Offer, results: tuple[PairResult, PairResult]) -> None:
    from dashboard.pages.pair.tables import differences, mass_changes

    names = [_short(view, choice, offer) for view in (choice, choice.second)]
    measures, words = differences(*results), mass_changes(*results)
    text_blocks.say(_sentence(results, names))
    rows = [
        (
            title(row.measure),
            MEASURES[row.measure].write(_known(row.first)),
            MEASURES[row.measure].write(_known(row.second)),
            signed(row.difference),
        )
        for row in measures.itertuples()
    ]
    text_blocks.table(["", *names, "difference"], [*_predicted(results), *rows])
    csv_button(measures, f"compare-{choice.item}", key=state.widget("compare_csv"))
    _words(words, results[0], names)
    csv_button(words, f"compare-words-{choice.item}", key=state.widget("words_csv"))


def _sentence(results: tuple[PairResult, PairResult], names: list[str]) -> str:
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


def _predicted(results: tuple[PairResult, PairResult]) -> list[tuple[str, str, str, str]]:
    """What either model says of each side, and whether that is the same."""
    rows = []
    for side in ("source", "target"):
        first, second = (getattr(result, side) for result in results)
        one, two = (prediction_text(each, show=number) for each in (first, second))
        same = "the same" if first.predicted == second.predicted else "another"
        if first.predicted is None or second.predicted is None:  # scores: nothing to be the same
            same = NONE
        rows.append((f"prediction, {language_name(first.lang)}", one, two, same))
    return rows


def _words(words: "pd.DataFrame", first: PairResult, names: list[str]) -> None:
    from dashboard.pages.pair.tables import moved_mass

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


def _judged(
    choice: Choice, offer: Offer, result: PairResult | None
) -> tuple[Judged, Judged] | None:
    if result is None or choice.item == OWN:
        return None
    example = offer.example(choice.model, choice.item)
    return judged(result, gold_of(example, choice.src, choice.tgt))


def top(first: PairResult | None, other: PairResult | None) -> dict[str, float]:
    """The top of the scale that both pictures share; known results only."""
    return shared_top([one.payload() for one in (first, other) if one is not None])


def _named(view: Choice, offer: Offer) -> str:
    return f"{model_name(offer.models[view.model])}, layer {view.layer}"


def _short(view: Choice, other: Choice, offer: Offer) -> str:
    """What tells a view from the one it is compared with."""
    parts = []
    if other.model2:
        parts.append(offer.models[view.model].id.split("/")[-1])
    if other.layer2 is not None or not parts:
        parts.append(f"layer {view.layer}")
    return ", ".join(parts)


def _exchanged(choice: Choice) -> Choice:
    """The second view first, compared with the first."""
    return replace(
        choice.second,
        model2=choice.model if choice.model2 else "",
        layer2=None if choice.layer2 is None else choice.layer,
    )


def _known(value: float) -> float | None:
    return None if isnan(value) else value
