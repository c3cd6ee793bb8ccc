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
from dashboard.views.languages.charts import spread, spread_chart
from dashboard.views.languages.tables import Mean, pair_items, pair_means
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.navigation import open_errors, open_pair
from dashboard.widgets.study_bar import Chosen
from dashboard.widgets.wording import language_name

_SHOWN = ("ems", "ems_shuffled", "ems_uniform")
_ENDS = 5
_LONG = 60
_ISOLATE, _POP = "\u2068", "\u2069"
"""Text between them keeps its own direction and leaves that of the line alone."""


def closer(session: Session, chosen: Chosen, pair: tuple[str, str]) -> None:
    """Choosers, histogram with means and intervals, the items at both ends."""
    names = f"{language_name(pair[0])} and {language_name(pair[1])}"
    text_blocks.heading(f"{names}, item by item")
    with st.container(horizontal=True, vertical_alignment="bottom", key="languages_pair_row"):
        for name, text in (("source", "Source"), ("target", "Target")):
            session.selectbox(text, name, format_func=language_name, width=150)
        if st.button("Open its errors", key="languages_errors"):
            open_errors(session, chosen, chosen.model, *pair)
    items = resources.computed(chosen.study, pair_items, chosen.model, chosen.layer, pair)
    known = items.dropna(subset=["ems"])
    if known.empty:
        text_blocks.say(f"No item has an EMS for {names}: the study has not measured them.")
        return
    found = resources.computed(chosen.study, _means, chosen.model, chosen.layer, pair)
    text_blocks.say(pair_sentence(found))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _histogram(chosen, pair, known, found)
    with right:
        _ends(session, chosen, pair, known)


def pair_sentence(found: dict[str, Mean]) -> str:
    """The chart's finding: EMS beside its controls, with intervals."""
    ems = found["ems"]
    rest = [
        f"{label(measure)} {_mean(found[measure])}"
        for measure in ("ems_shuffled", "ems_uniform", "gain")
        if measure in found
    ]
    return (
        f"EMS is {_mean(ems)} on average; {', '.join(rest)}. n = {count(ems.n, 'item')} in "
        f"{count(ems.groups, 'group')}, whole groups resampled."
    )


def _means(study: Study, model: str, layer: int, pair: tuple[str, str]) -> dict[str, Mean]:
    return pair_means(pair_items(study, model, layer, pair))


def _mean(found: Mean) -> str:
    span = f" (95% {interval(found.low, found.high)})" if found.low is not None else ""
    return f"{number(found.value)}{span}"


def _histogram(
    chosen: Chosen, pair: tuple[str, str], items: pd.DataFrame, found: dict[str, Mean]
) -> None:
    names = {name: title(name) for name in _SHOWN if items[name].notna().any()}
    table = spread(items, names)
    means = {names[name]: found[name].value for name in names if name in found}
    figure = spread_chart(table, means, dark=text_blocks.dark())
    text_blocks.chart(
        figure,
        key="languages_spread",
        alt=f"Items by EMS and its controls. {pair_sentence(found)}",
    )
    text_blocks.quiet("Upright lines: means.")
    name = f"{chosen.study.name}-{pair[0]}-{pair[1]}"
    chart_files(figure, items, name, chart="languages_spread")


def _ends(session: Session, chosen: Chosen, pair: tuple[str, str], items: pd.DataFrame) -> None:
    """The items with the highest and the lowest EMS; a button opens one in Pair."""
    count = min(_ENDS, len(items) // 2) or 1
    ends = {"Highest EMS": items.head(count), "Lowest EMS": items.tail(count).iloc[::-1]}
    texts = _texts(chosen, [str(name) for part in ends.values() for name in part["item"]])
    for heading, part in ends.items():
        st.html(f'<p class="ccta-finding">{heading}</p>')
        for row in part.itertuples():
            _item(session, chosen, pair, row, texts)


def _item(
    session: Session,
    chosen: Chosen,
    pair: tuple[str, str],
    row: Any,
    texts: dict[str, ParallelExample],
) -> None:
    shown = _short(texts, row.item, pair[0])
    text = f"**{number(row.ems)}** {notices.plain(shown)}"
    if st.button(text, key=f"languages_item_{row.item}", type="tertiary", help=_about(row)):
        open_pair(session, chosen, row.item, pair)


def _about(row: Any) -> str:
    gold = [f"gold {row.gold}"] if isinstance(row.gold, str) else []
    said = [one for one in (row.source_predicted, row.target_predicted) if isinstance(one, str)]
    predicted = [f"predicted {' and '.join(said)}"] if said else []  # answers do not ship
    facts = "; ".join([*gold, *predicted, f"gain {number(row.gain)}"])
    return notices.plain(f"{row.item}: {facts}")


def _short(texts: dict[str, ParallelExample], item: str, lang: str) -> str:
    """The item's id and the beginning of what tells it from others of its group."""
    example = texts.get(item)
    sentence = example.sentences.get(lang) if example else None
    if sentence is None:
        return item
    text = sentence.text2 or sentence.text
    short = text if len(text) <= _LONG else text[:_LONG].rsplit(" ", 1)[0] + "…"
    return f"{item} · {_ISOLATE}{short}{_POP}"


def _texts(chosen: Chosen, ids: list[str]) -> dict[str, ParallelExample]:
    """The items' texts; none, with a line that says so, where they are not here."""
    try:
        return resources.texts(chosen.study.name, ids)
    except CctaError as error:
        text_blocks.quiet(f"Items by id {NONE} {error}")
        return {}
