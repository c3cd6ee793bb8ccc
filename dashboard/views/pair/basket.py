"""Several models on one item: a small picture each, and their numbers side by side."""

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.measures import MEASURES, title
from ccta_core.reports.pair.marks import prediction_text
from ccta_core.result import PairResult
from ccta_core.text import count, listing, number
from dashboard import resources
from dashboard.fields import Field
from dashboard.session import Session, widget_key
from dashboard.views.pair.gold import gold_of, judge
from dashboard.views.pair.job import find, leave, progress
from dashboard.views.pair.skeleton import skeleton
from dashboard.views.pair.view import MOST_MODELS, OWN, Options, PairView
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.pair_picture import PictureStyle, pair_picture, shared_top
from dashboard.widgets.wording import language_name, model_name

if TYPE_CHECKING:
    from ccta_core.study.storage.table import Study

_IN_A_ROW = 3
_NUMBERS = ("ems", "gain", "gain_calibrated", "ems_unrelated")


def basket(session: Session, view: PairView, options: Options, first: PairResult) -> None:
    """The chooser; the pictures, measured one after the other in the background; the table."""
    session.multiselect(
        f"Models, up to {MOST_MODELS}",
        Field("basket", [], limits=(list(options.siblings(view.model)),)),
        max_selections=MOST_MODELS,
        format_func=lambda name: model_name(options.models[name]),
        placeholder="Choose two or more models of this task",
    )
    views = views_by_model(view, options)
    for place in range(len(views), MOST_MODELS):
        leave(_slot(place))
    if not views:
        text_blocks.say("Choose models: each one's picture of this item stands here.")
        return
    requests = {name: each.request(options) for name, each in views.items()}
    outcomes = {
        name: find(request, _slot(place)) for place, (name, request) in enumerate(requests.items())
    }
    results = {name: result for name, (result, _) in outcomes.items() if result is not None}
    text_blocks.say(finding(results, len(views)))
    top = shared_top([result.payload() for result in (first, *results.values())])
    gold = (
        None
        if view.item == OWN
        else gold_of(options.example(view.model, view.item), view.src, view.tgt)
    )
    names = list(views)
    for start in range(0, len(names), _IN_A_ROW):
        row = names[start : start + _IN_A_ROW]
        for place, (column, name) in enumerate(
            zip(st.columns(_IN_A_ROW, gap="medium"), row, strict=False), start
        ):
            result, job = outcomes[name]
            with column, st.container(key=f"pair_small_{place}"):
                text_blocks.heading(
                    f"{model_name(options.models[name])}, layer {views[name].layer}"
                )
                judged = judge(result, gold) if result is not None and gold is not None else None
                payload = result.payload() if result else skeleton(requests[name])
                pair_picture(
                    payload,
                    PictureStyle(view.settings, judged, top),
                    key=f"pair_picture_small_{place}",
                    waiting=result is None,
                )
                if job is not None:
                    progress(job, _slot(place), page="pair")
    if results:
        _show_table(view, options, results)


def views_by_model(view: PairView, options: Options) -> dict[str, PairView]:
    """The views of the basket's models, at this layer or, where one lacks it, at its last."""
    alone = replace(view, model2="", layer2=None, basket=())
    views = {}
    for name in view.basket:
        layers = options.models[name].layers
        layer = view.layer if view.layer in layers else layers[-1]
        views[name] = replace(alone, model=name, layer=layer)
    return views


def finding(results: Mapping[str, PairResult], asked: int) -> str:
    """Which models say the same in both languages, and whose readings are most alike."""
    if not results:
        return f"{count(asked, 'model')} to measure; each stands here as soon as it is ready."
    apart = [
        name for name, result in results.items()
        if result.source.predicted != result.target.predicted
    ]  # fmt: skip
    best = max(results, key=lambda name: results[name].ems)
    same = len(results) - len(apart)
    text = f"{same} of {count(len(results), 'model')} predict the same in both languages"
    text += f" (not {listing([_short(name) for name in apart])})" if apart and same else ""
    return f"{text}; EMS is highest with {_short(best)} ({number(results[best].ems)})."


def less_chance(study: "Study", item: str, layer: int, pair: tuple[str, str]) -> dict[str, float]:
    """The gain less chance of an item by model, of those that the study has measured."""
    sql = MEASURES["gain_calibrated"].sql
    rows = study.query(
        f"SELECT model, {sql} AS value FROM rows WHERE item = ? AND layer = ? AND "
        "source_lang = ? AND target_lang = ?",
        (item, layer, *pair),
    ).dropna()
    return dict(zip(rows["model"], rows["value"].astype(float), strict=True))


def _show_table(view: PairView, options: Options, results: Mapping[str, PairResult]) -> None:
    from dashboard.views.pair.tables import models_table

    table = models_table(results, _study_values(view))
    langs = [language_name(code) for code in (view.src, view.tgt)]
    rows = [
        [
            escape(model_name(options.models[row.model])),
            *(
                escape(prediction_text(getattr(results[row.model], side), show=number))
                for side in ("source", "target")
            ),
            *(MEASURES[name].write(_or_none(getattr(row, name))) for name in _NUMBERS),
        ]
        for row in table.itertuples()
    ]
    heads = ["model", *(f"prediction, {lang}" for lang in langs), *map(title, _NUMBERS)]
    text_blocks.table(heads, rows, html=True)
    text_blocks.quiet(
        f"Gain: {MEASURES['gain'].meaning}. Gain less chance: {MEASURES['gain_calibrated'].meaning}"
        "; known of items of a study that measured it."
    )
    csv_button(table, f"models-{view.item}", key=widget_key("pair", "basket_csv"))


def _study_values(view: PairView) -> dict[str, float]:
    if not view.study:
        return {}
    try:
        study = resources.read_study(view.study)
        return resources.computed(study, less_chance, view.item, view.layer, (view.src, view.tgt))
    except CctaError:
        return {}  # the study went away while the page was open: its column stays empty


def _or_none(value: object) -> float | None:
    return value if isinstance(value, float) and value == value else None


def _short(name: str) -> str:
    return name.rpartition("/")[2]


def _slot(place: int) -> str:
    return f"basket_{place}"
