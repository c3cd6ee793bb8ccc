"""Where the sentences of a pair of languages are, on the fixed plane; computed on request."""

import pandas as pd
import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.models.added import find
from ccta_core.projection.places import Places, PlacesOf
from ccta_core.projection.places import find_places as find_stored_places
from ccta_core.text import count, number
from dashboard import resources
from dashboard.plane import plane_sentence
from dashboard.session import Session
from dashboard.views.languages.sentence_tables import (
    MOST_ITEMS,
    placed_items,
    sentences_sentence,
    sentences_table,
)
from dashboard.views.languages.tables import pair_items
from dashboard.views.pair.job import SENTENCES, find_places, leave, progress
from dashboard.views.pair.settings import of_study
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.selection import select
from dashboard.widgets.study_bar import Chosen, model_label
from dashboard.widgets.wording import language_name

_WANTED = "languages_places_wanted"
"""Session key of the places that were asked for."""
_KEY = "languages_sentences"


def sentences(session: Session, chosen: Chosen, pair: tuple[str, str]) -> None:
    """A folded part: the button that has the sentences read, how far that is, the picture."""
    names = f"{language_name(pair[0])} and {language_name(pair[1])}"
    folded = st.expander(
        f"Where the sentences are: {names}", on_change="rerun", key=session.widget("sentences")
    )
    with folded:
        if folded.open:
            _show(session, chosen, pair)


def _show(session: Session, chosen: Chosen, pair: tuple[str, str]) -> None:
    items = resources.computed(chosen.study, pair_items, chosen.model, chosen.layer, pair)
    items = items.dropna(subset=["ems"])
    if items.empty:
        text_blocks.say("No item has an EMS here: the study has not measured this pair.")
        return
    ids = placed_items(items)
    try:
        examples = resources.texts(chosen.study.name, ids)
        config = of_study(chosen.study.manifest.config, chosen.task, None).config
        both = {
            item: (examples[item].sentences[pair[0]], examples[item].sentences[pair[1]])
            for item in ids
            if item in examples and {*pair} <= examples[item].sentences.keys()
        }
        wanted = PlacesOf(find(chosen.model), tuple(both.values()), config)
    except CctaError as error:
        leave(SENTENCES)
        notices.advice(f"The sentences can't be read here: {error}")
        return
    if not both:
        text_blocks.say("The texts of these items are not here in both languages.")
        return
    asked = st.session_state.get(_WANTED) == wanted
    if not asked and find_stored_places(wanted) is None:
        leave(SENTENCES)
        text_blocks.say(
            f"A study keeps no vectors. {model_label(chosen.study, chosen.model)} reads both texts "
            f"of {count(len(both), 'item')} (at most {MOST_ITEMS}, from the highest EMS to the "
            "lowest) once more, which takes some seconds, and each sentence lies at the mean of "
            "its words."
        )
        if st.button("Read these sentences", key=session.widget("sentences_go")):
            st.session_state[_WANTED] = wanted
            st.rerun()
        return
    places, job = find_places(wanted, SENTENCES)
    if places is not None:
        table = sentences_table(places, list(both), items, examples, pair)
        _show_picture(session, chosen, places, table, len(items))
    elif job is not None:
        progress(job, SENTENCES, page="languages")


def _show_picture(
    session: Session, chosen: Chosen, places: Places, table: pd.DataFrame, total: int
) -> None:
    from dashboard.views.languages.sentence_charts import sentences_chart

    pair = tuple(table["lang"].iloc[:2])
    names = (language_name(pair[0]), language_name(pair[1]))
    finding = sentences_sentence(table, names, total)
    text_blocks.heading(finding)
    figure = sentences_chart(
        table, places.plane.explained, names, chosen.selection.items, dark=text_blocks.dark()
    )

    def brushed() -> None:
        points = st.session_state[_KEY].selection.points
        sent = [str(point["customdata"][0]) for point in points if point.get("customdata")]
        select(session, chosen.study.name, dict.fromkeys(sent))

    text_blocks.chart(
        figure,
        key=_KEY,
        alt=finding,
        on_select=brushed,
        selection_mode="box",
    )
    text_blocks.quiet(
        f"The stronger the colour, the higher the item's EMS ({number(float(table['ems'].min()))} "
        f"to {number(float(table['ems'].max()))}). A box that is drawn selects items; the "
        "selection stays on every page of the study. A sentence lies at the mean of its words. "
        f"{plane_sentence(places)}"
    )
    chart_files(figure, table, f"{chosen.study.name}-sentences-{'-'.join(pair)}", chart=_KEY)
