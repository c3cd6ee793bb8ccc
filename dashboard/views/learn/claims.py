"""Step 10: the paper's claims in plain words, beside what a study here says to each."""

from html import escape

import streamlit as st

from ccta_core.errors import CctaError
from ccta_core.text import number
from ccta_core.zoo.lesson import Lesson
from dashboard import resources
from dashboard.views.learn.charts import intervals
from dashboard.views.learn.claims_table import ClaimAnswer, answer_claim
from dashboard.views.learn.frame import notice
from dashboard.views.learn.view import LearnView
from dashboard.widgets import notices, text_blocks
from dashboard.widgets.files import chart_files
from dashboard.widgets.study_bar import Chosen, study_bar

_CLAIMS = {
    "1": "The more alike a model reads two languages, the better it does in them.",
    "2": "Of all languages to train on, Spanish gives the most consistent model.",
    "3": "A model gives different attributions to words of two languages that mean the same.",
}
_NAMES = {"1": "Consistency and performance", "2": "Spanish", "3": "Synonyms"}


def claims(view: LearnView, _: Lesson) -> None:
    """One claim at a time, and the study's numbers on it."""
    view.session.segmented_control(
        "Claim", "claim", format_func=lambda claim: f"{claim} {_NAMES[claim]}"
    )
    st.html(f'<p class="learn-say"><b>Claim</b> {_CLAIMS[view.claim]}</p>')
    chosen = study_bar(view.session, model=False)
    if chosen is None:
        notice("No study is here yet, so there is nothing to test the claim on.")
    else:
        _show_answer(view, chosen)
    with st.container(key="learn_links", horizontal=True):
        st.page_link("views/studies/studies.py", label="Studies: run one")
        st.page_link("views/correlation/correlation.py", label="Correlation: every test of claim 1")


def _show_answer(view: LearnView, chosen: Chosen) -> None:
    try:
        with st.spinner("Testing the claim on this study"):
            answer: ClaimAnswer = resources.computed(
                chosen.study, answer_claim, view.claim, chosen.layer
            )
    except CctaError as error:
        notices.problem(str(error))
        return
    notice(escape(answer.sentence))
    if answer.table.empty:
        return
    rows = ", ".join(
        f"{row.what} ({row.measure}) {number(row.value)}" for row in answer.table.itertuples()
    )
    figure = intervals(
        answer.table, axis=answer.axis, zero=answer.zero, dark=text_blocks.dark(), large=view.large
    )
    text_blocks.chart(figure, key="learn_claims", alt=f"{answer.axis}: {rows}.")
    text_blocks.quiet(
        f"{answer.counted}. Bars are 95% intervals; open marks are unreliable: too few units."
        + ("" if answer.zero is None else " The dotted line is the value without an effect.")
    )
    name = f"learn-claim-{view.claim}-{chosen.study.name}"
    chart_files(figure, answer.table, name, chart="learn_claims")
