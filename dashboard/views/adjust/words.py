"""Linked words of the demo items: which lie at a distance, and where they went on one plane."""

import pandas as pd
import streamlit as st

from ccta_core.adjustment.summary import NOT_RUN
from ccta_core.text import count, number, percent
from dashboard import adjustments
from dashboard.session import Session
from dashboard.views.adjust.charts import plane_chart
from dashboard.views.adjust.controls import (
    DISTANCES,
    WORD_MARK,
    ChosenAdjustment,
    word_pairs,
)
from dashboard.views.adjust.word_tables import (
    RELATED,
    distance_table,
    in_range,
    plane_numbers,
    plane_table,
)
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files, csv_button
from dashboard.widgets.wording import language_name

_HEIGHT = 380
_MOST_ROWS = 150
_BESIDE = ("original", "adjusted", "placebo")
"""Arms whose numbers always stand beside those of the chosen one."""


def linked_words(session: Session, chosen: ChosenAdjustment) -> None:
    """The word pairs at the chosen distances, and beside them where an item's words went."""
    words = adjustments.words(chosen.lang)
    if not len(words):
        text_blocks.heading("Word pairs of the demo items, and where they went")
        text_blocks.say(f"Words of demo items in English and {language_name(chosen.lang)}: "
                        f"{NOT_RUN}.")  # fmt: skip
        return
    left, right = st.columns(2, gap="large")
    with left:
        _pairs(session, chosen, words)
    with right:
        _plane(chosen, words)


def _pairs(session: Session, chosen: ChosenAdjustment, words: pd.DataFrame) -> None:
    table = distance_table(words, chosen.layer, chosen.distance)
    arm = chosen.arm if chosen.arm in table else "original"
    rows = in_range(table, arm, chosen.low, chosen.high)
    related = rows["kind"] == RELATED
    text_blocks.heading(
        f"Word pairs of the demo items: {int(related.sum())} of "
        f"{int((table['kind'] == RELATED).sum())} related, {int((~related).sum())} unrelated"
    )
    with st.container(horizontal=True, vertical_alignment="bottom", key="adjust_words_bar"):
        for label, name in (("Distance from", "low"), ("to", "high")):
            session.number_input(
                label, name, value=None, placeholder="any", width=130,
                step=0.01 if chosen.distance == "cosine" else 0.1,
            )  # fmt: skip
        options = _options(rows, chosen)
        session.selectbox(
            "Items that hold", "words", options, index=None, placeholder="any word pair", width=240
        )
    text_blocks.quiet(
        f"Distance ({DISTANCES[chosen.distance]}) at layer {chosen.layer} in {_name(arm)}, after "
        "its last step; drag over the histogram to choose a range. The demo corpus's own "
        "sentences: the histogram is of held-out parallel text, whose words do not ship."
    )
    if chosen.arm not in table:
        text_blocks.say(f"Words of {_name(chosen.arm)}: {NOT_RUN}; by the original's.")
    arms = [name for name in table.columns if name in (*_BESIDE, chosen.arm)]
    with st.container(height=_HEIGHT, border=False, key="adjust_words_list"):
        text_blocks.table(
            [language_name(chosen.lang), "English", "kind", *arms],
            [
                [row["foreign"], row["english"], row["kind"],
                 *(number(float(row[name]), 3) for name in arms)]
                for row in rows.head(_MOST_ROWS).to_dict("records")
            ],
        )  # fmt: skip
    if len(rows) > _MOST_ROWS:
        text_blocks.quiet(f"The nearest {_MOST_ROWS} of {count(len(rows), 'pair')}.")
    csv_button(rows, f"{chosen.lang}-word-pairs-layer-{chosen.layer}", key="adjust_words_csv")


def _options(rows: pd.DataFrame, chosen: ChosenAdjustment) -> list[str]:
    """The related pairs that are listed, in the items' order; what is chosen stays among them."""
    related = rows[rows["kind"] == RELATED]
    listed = {
        f"{foreign}{WORD_MARK}{english}"
        for foreign, english in zip(related["foreign"], related["english"], strict=True)
    }
    return [pair for pair in word_pairs(chosen.lang) if pair in listed or pair == chosen.words]


def _plane(chosen: ChosenAdjustment, words: pd.DataFrame) -> None:
    table = plane_table(words, chosen.item, chosen.layer)
    if not len(table):
        text_blocks.heading("Where words went")
        text_blocks.say(f"Linked words of {chosen.item}: none.")
        return
    arm = chosen.arm if chosen.arm in set(table["arm"]) else "original"
    numbers = plane_numbers(words, chosen.item, chosen.layer)
    first, last = (numbers.loc["L2 distance of linked words, mean", name]
                   for name in ("original", arm))  # fmt: skip
    shown = numbers.loc["share of the variance on the plane", arm]
    moved = number(first) if arm == "original" else f"{number(first)} to {number(last)}"
    text_blocks.heading(f"Where words went: L2 distance {moved} in {chosen.item}")
    if arm != chosen.arm:
        text_blocks.say(f"Words of {_name(chosen.arm)}: {NOT_RUN}; as in the original.")
    figure = plane_chart(
        table, arm, (language_name(chosen.lang), "English"), dark=text_blocks.dark()
    )
    key = "adjust_plane"
    alt = (
        f"{count(int((table['arm'] == 'original').sum()), 'linked word pair')} of {chosen.item} on "
        f"a plane that shows {percent(shown)} of the variance: mean L2 distance {moved}"
    )
    text_blocks.chart(figure, key=key, alt=alt)
    kept = [name for name in numbers.columns if name in (*_BESIDE, arm)]
    text_blocks.table(
        ["what the plane hides", *kept],
        [
            [str(name), *(percent(row[arm_]) if "share" in str(name) else number(row[arm_], 3)
                          for arm_ in kept)]
            for name, row in numbers.iterrows()
        ],
    )  # fmt: skip
    text_blocks.quiet(
        "The plane: two principal components of the original's states of all demo words at this "
        "layer, fitted once and kept for every arm. Distances on it are not those of the space."
    )
    chart_files(figure, table, f"{chosen.lang}-{chosen.item}-plane", chart=key)


def _name(arm: str) -> str:
    return arm.replace("-", " ")
