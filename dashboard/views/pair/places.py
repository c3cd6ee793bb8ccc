"""Where the words are: both sentences on one fixed plane of the space that the transport reads."""

from typing import TYPE_CHECKING

import streamlit as st

from ccta_core.projection.places import Places, PlacesOf
from ccta_core.result import PairResult
from ccta_core.text import number, percent
from dashboard.plane import plane_sentence
from dashboard.views.pair.job import PLACES, find_places, progress
from dashboard.views.pair.view import PairRequest
from dashboard.widgets import text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.wording import language_name, word_cell

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 12


def word_places(request: PairRequest, result: PairResult) -> None:
    """The picture and the words of the largest mass; how far it is where it is not known yet."""
    wanted = PlacesOf(request.model, ((request.source, request.target),), request.config)
    places, job = find_places(wanted)
    if places is not None:
        _show(places, result, request.config.mass)
    elif job is not None:
        progress(job, PLACES, page="pair")


def _show(places: Places, result: PairResult, kind: str) -> None:
    from dashboard.views.pair.place_charts import MOST_NAMED, words_chart
    from dashboard.views.pair.place_tables import (
        drawn_links,
        places_sentence,
        words_table,
    )

    langs = (result.source.lang, result.target.lang)
    names = (language_name(langs[0]), language_name(langs[1]))
    table = words_table(result, places.pairs[0])
    text_blocks.heading(places_sentence(table))
    text_blocks.quiet(plane_sentence(places))
    figure = words_chart(
        table, drawn_links(result), places.plane.explained, names, dark=text_blocks.dark()
    )
    left, right = st.columns([2, 1], gap="medium")
    with left:
        text_blocks.chart(figure, key="pair_places_chart", alt=_alternative(table))
        name = f"words-{langs[0]}-{langs[1]}"
        chart_files(figure, table, name, chart="pair_places_chart")
    with right:
        few = len(table) <= MOST_NAMED
        named = "" if few else f" The {MOST_NAMED} words of the largest mass are named."
        share = ", its share of all absolute attributions" if kind == "abs" else ""
        text_blocks.quiet(
            f"The area of a mark is the word's mass{share}. A line joins two words whose largest "
            "flow is the one between them. Nearest: the highest cosine in the whole space."
            f"{named}"
        )
        _show_words(table, langs)


def _show_words(table: "pd.DataFrame", langs: tuple[str, str]) -> None:
    rows = [
        (
            word_cell(row.word, row.lang),
            language_name(row.lang),
            percent(row.mass, 1),
            word_cell(row.nearest, langs[1 - row.side]),
            number(row.cosine),
        )
        for row in table.nlargest(_MOST_ROWS, "mass").itertuples()
    ]
    text_blocks.table(["word", "language", "mass", "nearest", "cosine"], rows, html=True)


def _alternative(table: "pd.DataFrame") -> str:
    """The words and what is nearest to each, for whoever does not see the picture."""
    near = ", ".join(
        f"{row.word} to {row.nearest} {number(row.cosine)}"
        for row in table.nlargest(_MOST_ROWS, "mass").itertuples()
    )
    return f"Words of both sentences on a plane; the nearest of those of the largest mass: {near}."
