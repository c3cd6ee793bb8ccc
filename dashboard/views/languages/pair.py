"""One pair of languages closer: how its items are spread, which have most and least, links."""

from typing import Any

import pandas as pd
import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.measures import label, title
from ccta_core.study.storage.table import Study
from ccta_core.text import NONE, count, interval, number
from ccta_core.types import ParallelExample
from dashboard import resources
from dashboard.session import Session
from dashboard.views.languages.charts import histogram_chart, histogram_table
from dashboard.views.languages.tables import GroupedMean, pair_items, pair_means
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.navigation import open_errors, open_pair
from dashboard.widgets.selection import select
from dashboard.widgets.study_bar import Chosen
from dashboard.widgets.wording import language_name

_SHOWN = ("ems", "ems_shuffled", "ems_uniform")
_ENDS = 5
_LONG = 60
_ISOLATE, _POP = "\u2068", "\u2069"
"""Text between them keeps its own direction and leaves that of the line alone."""


def pair_section(session: Session, chosen: Chosen, pair: tuple[str, str]) -> None:
    """Choosers, histogram with means and intervals, the items at both ends."""
    names = f"{language_name(pair[0])} and {language_name(pair[1])}"
    text_blocks.heading(f"{names}, item by item")
    with st.container(horizontal=True, vertical_alignment="bottom", key="languages_pair_row"):
        for name, text in (("source", "Source"), ("target", "Target")):
            session.selectbox(text, name, format_func=language_name, width=150)
        if st.button("Open its errors", key="languages_errors"):
            open_errors(session, chosen, chosen.model, *pair)
    items = resources.computed(chosen.study, pair_items, chosen.model, chosen.layer, pair)
    measured = items.dropna(subset=["ems"])
    if measured.empty:
        text_blocks.say(f"No item has an EMS for {names}: the study has not measured them.")
        return
    estimates = resources.computed(chosen.study, _pair_means, chosen.model, chosen.layer, pair)
    text_blocks.say(pair_sentence(estimates))
    _show_histogram(session, chosen, pair, measured, estimates)
    _show_extremes(session, chosen, pair, measured)


def pair_sentence(estimates: dict[str, GroupedMean]) -> str:
    """The chart's finding: EMS beside its controls, with intervals."""
    ems = estimates["ems"]
    rest = [
        f"{label(measure)} {_mean_text(estimates[measure])}"
        for measure in ("ems_shuffled", "ems_uniform", "gain")
        if measure in estimates
    ]
    return (
        f"EMS is {_mean_text(ems)} on average; {', '.join(rest)}. n = {count(ems.n, 'item')} in "
        f"{count(ems.groups, 'group')}, whole groups resampled."
    )


def _pair_means(
    study: Study, model: str, layer: int, pair: tuple[str, str]
) -> dict[str, GroupedMean]:
    return pair_means(pair_items(study, model, layer, pair))


def _mean_text(mean: GroupedMean) -> str:
    span = f" (95% {interval(mean.low, mean.high)})" if mean.low is not None else ""
    return f"{number(mean.value)}{span}"


def _show_histogram(
    session: Session,
    chosen: Chosen,
    pair: tuple[str, str],
    items: pd.DataFrame,
    estimates: dict[str, GroupedMean],
) -> None:
    names = {name: title(name) for name in _SHOWN if items[name].notna().any()}
    table = histogram_table(items, names)
    means = {names[name]: estimates[name].value for name in names if name in estimates}
    selected = items["ems"][items["item"].isin(set(chosen.selection.items))]
    figure = histogram_chart(table, means, selected.tolist(), dark=text_blocks.dark())

    def brushed() -> None:
        boxes = st.session_state["languages_spread"].selection.box
        if boxes:
            inside = items["ems"].between(*sorted(boxes[0]["x"]))
            select(session, chosen.study.name, items["item"][inside])

    text_blocks.chart(
        figure,
        key="languages_spread",
        alt=f"Items by EMS and its controls. {pair_sentence(estimates)}",
        on_select=brushed,
        selection_mode="box",
    )
    text_blocks.quiet("Upright lines: means. A box drawn from one EMS to another selects items.")
    name = f"{chosen.study.name}-{pair[0]}-{pair[1]}"
    chart_files(figure, items, name, chart="languages_spread")


def _show_extremes(
    session: Session, chosen: Chosen, pair: tuple[str, str], items: pd.DataFrame
) -> None:
    """The items with the highest and the lowest EMS; a button opens one in Pair."""
    ends = {"Highest EMS": items.head(_ENDS), "Lowest EMS": items.tail(_ENDS).iloc[::-1]}
    if len(items) < 2 * _ENDS:
        ends = {"Every item, highest EMS first": items}
    texts = _read_texts(chosen, [str(name) for part in ends.values() for name in part["item"]])
    for heading, part in ends.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(f'<p class="ccta-finding">{heading}</p>', width="content")
            st.button(
                "Select",
                key=f"languages_select_{heading}",
                type="tertiary",
                help=f"Selects these {len(part)} items on every page of the study",
                on_click=select,
                args=(session, chosen.study.name, list(part["item"])),
            )
        for row in part.itertuples():
            _item_button(session, chosen, pair, row, texts)


def _item_button(
    session: Session,
    chosen: Chosen,
    pair: tuple[str, str],
    row: Any,
    texts: dict[str, ParallelExample],
) -> None:
    shown = _item_text(texts, row.item, pair[0])
    mark = "\N{CHECK MARK} " if row.item in chosen.selection.items else ""
    text = f"{mark}**{number(row.ems)}** {notices.plain(shown)}"
    if st.button(text, key=f"languages_item_{row.item}", type="tertiary", help=_item_help(row)):
        open_pair(session, chosen, row.item, pair)


def _item_help(row: Any) -> str:
    gold = [f"gold {row.gold}"] if isinstance(row.gold, str) else []
    predictions = [
        prediction
        for prediction in (row.source_predicted, row.target_predicted)
        if isinstance(prediction, str)
    ]
    predicted = (
        [f"predicted {' and '.join(predictions)}"] if predictions else []
    )  # answers do not ship
    facts = "; ".join([*gold, *predicted, f"gain {number(row.gain)}"])
    return notices.plain(f"{row.item}: {facts}")


def _item_text(texts: dict[str, ParallelExample], item: str, lang: str) -> str:
    """The item's id and the beginning of what tells it from others of its group."""
    example = texts.get(item)
    sentence = example.sentences.get(lang) if example else None
    if sentence is None:
        return item
    text = sentence.text2 or sentence.text
    short = text if len(text) <= _LONG else text[:_LONG].rsplit(" ", 1)[0] + "…"
    return f"{item} · {_ISOLATE}{short}{_POP}"


def _read_texts(chosen: Chosen, ids: list[str]) -> dict[str, ParallelExample]:
    """The items' texts; none, with a line that says so, where they are not here."""
    try:
        return resources.texts(chosen.study.name, ids)
    except CctaError as error:
        text_blocks.quiet(f"Items by id {NONE} {error}")
        return {}
