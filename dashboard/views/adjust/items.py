"""Items that an arm fixed or broke, every flip of a prediction, and the way to Errors and Pair."""

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from ccta_core.adjustment.changes import Tables
from ccta_core.adjustment.summary import (
    NOT_RUN,
    ChangedItems,
    arm_model,
    changed_items,
    changed_sentence,
    join_study,
)
from ccta_core.errors import CctaError
from ccta_core.text import count
from dashboard import adjustments, resources
from dashboard.fields import Field, one_of
from dashboard.session import Session
from dashboard.views.adjust.controls import ChosenAdjustment
from dashboard.views.pair.settings import of_study
from dashboard.widgets import text_blocks
from dashboard.widgets.files import csv_button
from dashboard.widgets.wording import language_name

SHOWN = ("fixed", "flips")
_NAMES = {"fixed": "fixed and broken", "flips": "every flip"}
_MOST_ROWS = 200
_HEIGHT = 300


def items(session: Session, tables: Tables, chosen: ChosenAdjustment) -> None:
    """What the arm fixed and broke against the original, side by side, or every flip."""
    arm = "adjusted" if chosen.arm == "original" else chosen.arm
    text_blocks.heading("Fixed and broken items")
    rows = adjustments.items(chosen.lang, chosen.task, chosen.scored)
    changed = changed_items(rows, arm, "original")
    if changed is None:
        text_blocks.say(
            f"{arm.capitalize().replace('-', ' ')} and original on the same items of "
            f"{_scored_name(chosen.scored)}: {NOT_RUN}."
        )
        return
    shown = session.value(one_of("changed", SHOWN))
    with st.container(horizontal=True, vertical_alignment="bottom", key="adjust_items_bar"):
        session.selectbox("Scored in", "scored", format_func=_scored_name, width=240)
        session.segmented_control("Items", "changed", format_func=_NAMES.__getitem__)
    text_blocks.say(changed_sentence(changed, arm, "original", chosen.scored.partition(">")[0]))
    text_blocks.quiet(
        f"{count(changed.both_right, 'item')} right in both, {changed.both_wrong:,} in neither; "
        f"{count(len(changed.flips), 'prediction')} flipped. Ids and labels only: the texts do not "
        "ship."
    )
    file = f"{chosen.lang}-{chosen.task}-{arm}"
    if shown == "flips":
        _list(f"Every flip: {len(changed.flips):,}", changed.flips, arm, f"{file}-flips")
    else:
        left, right = st.columns(2, gap="large")
        with left:
            _list(f"Fixed: {len(changed.fixed):,}", changed.fixed, arm, f"{file}-fixed")
        with right:
            _list(f"Broken: {len(changed.broken):,}", changed.broken, arm, f"{file}-broken")
    _open(session, tables, chosen, changed, arm)


def _list(name: str, table: pd.DataFrame, arm: str, file: str) -> None:
    key = f"adjust_{file.rpartition('-')[2]}"
    text_blocks.heading(name)
    with st.container(height=_HEIGHT, border=False, key=key):
        text_blocks.table(
            ["item", "gold", "original", arm.replace("-", " ")],
            [
                [row.id, row.gold, row.predicted_reference, row.predicted]
                for row in table.head(_MOST_ROWS).itertuples()
            ],
        )
    csv_button(table, file, key=f"{key}_csv")


def _open(
    session: Session, tables: Tables, chosen: ChosenAdjustment, changed: ChangedItems, arm: str
) -> None:
    """One of the listed items on the page Errors or Pair, where its study is on this machine."""
    listed = changed.flips if session.value(one_of("changed", SHOWN)) == "flips" else pd.concat(
        [changed.fixed, changed.broken]
    )  # fmt: skip
    gold = dict(zip(listed["id"], listed["gold"], strict=True))
    if not gold:
        return
    field = Field("changed_item", None, _listed(gold), lambda item: item or "",
                  limits=(list(gold),))  # fmt: skip
    name = join_study(tables, chosen.lang, changed.seed)
    model = arm_model(tables, chosen.lang, chosen.task, arm, changed.seed)
    with st.container(horizontal=True, vertical_alignment="bottom", key="adjust_open_row"):
        item = session.selectbox(
            "Open an item", field, index=None, placeholder="an id of the list", width=300
        )
        reason = _missing(name, item, chosen)
        target = chosen.lang if chosen.scored in ("en", chosen.lang) else chosen.scored
        place = {"study": name, "model": model, "src": "en", "tgt": target}
        for page, query in (
            ("errors", {"find": str(item)}),
            ("pair", {"item": str(item),
                      **of_study({}, chosen.task, gold.get(str(item)) or None).query()}),
        ):  # fmt: skip
            if st.button(
                f"Open in {page.capitalize()}", key=session.widget(f"changed_to_{page}"),
                disabled=bool(reason), help=reason or None,
            ):  # fmt: skip
                session.lead_to(page, place | query)


def _missing(name: str, item: str | None, chosen: ChosenAdjustment) -> str:
    """Why an item can't be opened, as help of a button; "" where it can."""
    if item is None:
        return "Choose an item of the list first"
    if not name or name not in resources.studies():
        return (
            f"The study {name or 'of these arms'} is not on this machine: its texts do not ship; "
            "ccta adjust plan run makes it"
        )
    try:
        there = item in resources.text_ids(name)
    except CctaError as error:
        return str(error)
    return "" if there else f"{item} is not among the items of the study {name}"


def _listed(gold: Mapping[str, str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in gold:
            raise ValueError("an item that the list holds")
        return text

    return read


def _scored_name(code: str) -> str:
    lang, across, _ = code.partition(">")
    return language_name(lang) + (", on English contexts" if across else "")
