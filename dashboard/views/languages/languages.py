"""Languages: consistency by pair of languages, item, layer and training language."""

import streamlit as st

from ccta_core.errors import CctaError
from dashboard.session import Session
from dashboard.views.languages.layers import flows, flows_belong_to, layers, read_target
from dashboard.views.languages.matrix import choosers, language_matrix
from dashboard.views.languages.pair import pair_section
from dashboard.views.languages.sentences import sentences
from dashboard.views.languages.training import read_measure, training
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.study_bar import Chosen, choose_pair, study_bar


def page() -> None:
    """The whole page: what needs a study, then what needs none."""
    text_blocks.title("Which languages does the model read alike?")
    session = Session("languages")
    chosen = study_bar(session)
    target = read_target(session)
    if chosen is not None:
        _show_study(session, chosen)
    else:
        _show_problems(session)
    if chosen is None or flows_belong_to(chosen):
        flows(session, target)
    else:  # of other items, by another model: never under this study's heading
        with st.expander("Not of this study: where the mass of a word goes in demo items"):
            flows(session, target)
    if chosen is not None:
        session.keep()


def _show_study(session: Session, chosen: Chosen) -> None:
    shown, read = choosers(session, chosen), read_measure(session)
    training_language = chosen.facts.get("training_language")
    pair = choose_pair(session, chosen.study.manifest.languages, training_language)
    _show_problems(session)
    try:
        left, right = st.columns([2, 1], gap="medium")
        with left:
            langs = language_matrix(session, chosen, shown, pair)
        with right, st.container(key="languages_detail"):
            pair_section(session, chosen, pair)
        sentences(session, chosen, pair)
        layers(chosen)
        training(session, chosen, langs, read)
    except CctaError as error:
        notices.problem(str(error))


def _show_problems(session: Session) -> None:
    for text in session.problems:
        notices.advice(text)


page()
